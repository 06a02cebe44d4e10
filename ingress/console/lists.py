"""The lists of an organisation, and a new one."""

from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any

from litestar import Response, get, post

from ingress.console import pages
from ingress.console.desk import Call, Desk, Form, at_desk, in_thread
from models import audit, database, master_list, person_page, provisioning_log
from models.directory import runs
from models.directory.runs import Run
from models.errors import Refused
from models.master_list import MasterList
from models.organisation import DIRECTORY
from models.person_page import Counts

EMPTY_ROWS = 4  # of fields, in the form of a new list


@dataclass(frozen=True, slots=True)
class Card:
    """A list as its card shows it."""

    list: MasterList
    counts: Counts
    last_event: datetime | None
    last_run: Run | None  # of its Directory Sync


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A field as it was typed."""

    label: str = ""
    type: str = "text"
    options: str = ""
    required: bool = False


@get("/lists")
@in_thread
def lists(request: Call) -> Response[str]:
    """A card for each list."""
    with at_desk(request) as desk:
        found = master_list.all_of_organisation(desk.cursor, desk.session.organisation_id)
        return pages.page(desk, "lists.html", cards=[_card(desk, one) for one in found])


def _card(desk: Desk, one: MasterList) -> Card:
    # Each by itself: a policy looks through all lists that are named, for every row.
    database.allow(desk.cursor, [one.id])
    return Card(
        one,
        person_page.counts(desk.cursor, one.id),
        provisioning_log.last_at(desk.cursor, one.id),
        runs.latest(desk.cursor, one.id) if one.provider == DIRECTORY else None,
    )


@get("/lists/new")
@in_thread
def new_list(request: Call) -> Response[str]:
    """The form of a new list."""
    with at_desk(request, change=True) as desk:
        return _form(desk, "", [])


@post("/lists/new")
@in_thread
def create_list(request: Call, data: Form) -> Response[str]:
    """A new list with its fields."""
    with at_desk(request, form=data) as desk:
        name, rows = str(data.get("name", "")), _rows(data)
        try:
            with desk.cursor.connection.transaction():
                fields = [
                    master_list.new_field(row.label, row.type, row.options.split(","), row.required) for row in rows
                ]
                list_id = master_list.create(desk.cursor, desk.session.organisation_id, name, fields)
        except Refused as refusal:
            return _form(desk, name, rows, refusal.detail)
        audit.record(desk.cursor, desk.session, list_id, "list.create", name.strip())
    return pages.go(request, f"/lists/{list_id}/people")


def _form(desk: Desk, name: str, rows: list[FieldRow], error: str | None = None) -> Response[str]:
    shown = [*rows, *[FieldRow()] * EMPTY_ROWS]
    return pages.page(
        desk, "list_new.html", 422 if error else 200, name=name, rows=shown, types=master_list.TYPES, error=error
    )


def _rows(data: Form) -> list[FieldRow]:
    columns = (_several(data.get(name)) for name in ("label", "type", "options", "required"))
    rows = [
        FieldRow(label.strip(), kind, options, required == "1")
        for label, kind, options, required in zip_longest(*columns, fillvalue="")
    ]
    return [row for row in rows if row.label]


def _several(value: Any) -> list[str]:
    """What a form has sent under one name."""
    return [str(each) for each in value] if isinstance(value, list) else [] if value is None else [str(value)]


ROUTES = [lists, new_list, create_list]
