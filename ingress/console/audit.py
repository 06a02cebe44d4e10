"""The audit log: who did what, when and from where; for administrators, on a page and as a file."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get
from litestar.response import Stream

from ingress.console import pages, stretches
from ingress.console.desk import Call, Desk, Forbidden, at_desk, in_thread
from models import audit as acts
from models import audit_page, csv_writing
from models.audit_page import COLUMNS, NOUNS, Filters, Key

HOME = "/settings/audit"
STRETCH = 1_000  # entries in memory at once
LONGEST = 100  # characters of a filter


@get(HOME)
@in_thread
def audit(request: Call) -> Response[str]:
    """A page of the log, as the query string filters it."""
    with at_desk(request) as desk:
        _check(desk)
        filters, given = _filters(request.query_params), request.query_params
        found = audit_page.page(
            desk.cursor, desk.session.organisation_id, filters, Key.parse(given.get("older")),
            Key.parse(given.get("newer")),
        )  # fmt: skip
        return pages.page(
            desk, "audit.html", found=found, filters=filters, query=_query, nouns=NOUNS,
            since=given.get("since") if filters.since else "", until=given.get("until") if filters.until else "",
        )  # fmt: skip


def _check(desk: Desk) -> None:
    if not desk.session.may_change:
        raise Forbidden("the audit log is shown to administrators: ask one of your organisation")


def _filters(given: Mapping[str, str]) -> Filters:
    """What is asked for; what cannot be filtered by, such as in an old bookmark, filters nothing. Days are UTC's."""
    until = _day(given.get("until"))
    who, what, list_id = (given.get(name, "").replace("\x00", "").strip()[:LONGEST] for name in ("who", "what", "list"))
    return Filters(who, what, list_id, _day(given.get("since")), until + timedelta(days=1) if until else None)


def _day(text: str | None) -> datetime | None:
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    # A year at either end has no day before or after it.
    return datetime(found.year, found.month, found.day, tzinfo=UTC) if 1 < found.year < 9999 else None


def _query(filters: Filters, **more: object) -> str:
    """The query string that asks for the same again, and more."""
    named = {
        "who": filters.who, "what": filters.what, "list": filters.list_id,
        "since": f"{filters.since:%Y-%m-%d}" if filters.since else "",
        "until": f"{filters.until - timedelta(days=1):%Y-%m-%d}" if filters.until else "",
        **{name: str(value) for name, value in more.items()},
    }  # fmt: skip
    text = urlencode({name: value for name, value in named.items() if value})
    return f"?{text}" if text else ""


@get(f"{HOME}.csv")
async def as_csv(request: Call) -> Stream:
    """The filtered log as CSV."""
    head = csv_writing.MARK + csv_writing.lines([COLUMNS])
    return await stretches.file("audit.csv", stretches.CSV, head, lambda older: _stretch(request, older))


@in_thread
def _stretch(request: Call, older: Key | None) -> tuple[str, Key | None]:
    """Some entries and where to go on. That they were taken away is an entry itself, of the next file."""
    with at_desk(request) as desk:
        _check(desk)
        filters = _filters(request.query_params)
        found = audit_page.page(desk.cursor, desk.session.organisation_id, filters, older, None, STRETCH)
        if older is None:
            acts.record(desk.cursor, desk.session, None, "audit.export", _query(filters))
        return csv_writing.lines(one.cells() for one in found.entries), found.older


ROUTES: list[Any] = [audit, as_csv]
