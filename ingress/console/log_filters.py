"""What of the log is asked for, and whom its entries are about."""

from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import urlencode

from ingress.console import log_words
from ingress.console.desk import Call
from ingress.console.people import by_label, names_of
from models.log_entry import Entry
from models.log_page import ATTENTION, OPERATIONS, PERIODS, RESULTS, Filters
from models.mapping import Field
from models.text import UUID

DEFAULTS = Filters()


def filters_of(request: Call) -> Filters:
    """The filters in a query string; what there is not, such as in an old bookmark, filters nothing."""
    given = request.query_params
    person_id = given.get("person", "").lower()
    return Filters(
        _one_of(given.get("operation"), OPERATIONS, DEFAULTS.operation),
        _one_of(given.get("result"), (*RESULTS, ATTENTION), DEFAULTS.result),
        _one_of(given.get("period"), tuple(PERIODS), DEFAULTS.period),
        person_id if UUID.fullmatch(person_id) else "",
        given.get("q", "").strip(),
    )


def _one_of(given: str | None, known: tuple[str, ...], otherwise: str) -> str:
    return given if given in known else otherwise


def query(filters: Filters, **more: object) -> str:
    """The query string that asks for the same again, and more."""
    named = {
        "q": filters.search, "operation": filters.operation, "result": filters.result,
        "period": filters.period if filters.period != DEFAULTS.period else "", "person": filters.person_id,
        **{name: str(value) for name, value in more.items()},
    }  # fmt: skip
    text = urlencode({name: value for name, value in named.items() if value})
    return f"?{text}" if text else ""


def name_of(fields: tuple[Field, ...]) -> Callable[[Entry], str]:
    """What the person, the user or the group of an entry is called."""
    return partial(_name, by_label(fields))


def _name(keys: Mapping[str, str], entry: Entry) -> str:
    if entry.person_fields is None:
        return log_words.subject(entry)
    return names_of(keys, entry.uid or entry.user_name or "", entry.person_fields).name
