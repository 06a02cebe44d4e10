"""The people of a list: the table, one person's drawer, edits by hand."""

import re
from collections.abc import Container, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlencode

from litestar import Response, get, post

from ingress.console import pages
from ingress.console.desk import Call, Desk, Form, Id, ListId, at_desk, in_thread
from models import person, person_edit, person_page, provisioning_log
from models.directory import syncs
from models.errors import Refused
from models.hold import Held
from models.mapping import Field
from models.organisation import DIRECTORY
from models.person_page import Row

COLUMNS = 4  # fields in the table, besides the person, the UID and the status
RECENT = 10  # log entries in a person's drawer
# Fields that make a person's name and address, by label.
FIRST, LAST, SHOWN = "First Name", "Last Name", "Display Name"
EMAILS = ("Email", "Primary Email")
TELLING = ("Department", "Job Title")


class Names(NamedTuple):
    """What a person is called."""

    name: str
    email: str | None


@get("/lists/{list_id:str}/people")
@in_thread
def people(request: Call, list_id: ListId) -> Response[str]:
    """The table, or for htmx the part of it that changes."""
    with at_desk(request, list_id) as desk:
        given = request.query_params
        status = given.get("status", "active")
        status = status if status in person_page.STATUS else "active"
        search = given.get("q", "").strip()
        found = person_page.page(desk.cursor, list_id, status, search, given.get("after"), given.get("before"))
        locked = person.locked_fields(desk.cursor, list_id)
        return pages.page(
            desk,
            "_people.html" if pages.is_fragment(request) else "people.html",
            found=found, shown=status, q=search, counts=person_page.counts(desk.cursor, list_id),
            columns=_columns(desk.list.fields, locked), locked=locked,
            names=partial(names, by_label(desk.list.fields)), link=partial(_link, list_id, status, search),
        )  # fmt: skip


def _link(list_id: str, status: str, search: str, edge: str, key: str) -> str:
    wanted = {"status": status, **({"q": search} if search else {}), edge: key}
    return f"/lists/{list_id}/people?{urlencode(wanted)}"


def by_label(fields: tuple[Field, ...]) -> Mapping[str, str]:
    """The keys by label. Fields that tell who somebody is are found by their first label when they have another."""
    first = {label.lower().replace(" ", "_"): label for label in (FIRST, LAST, SHOWN, *EMAILS)}
    return {first[field.key]: field.key for field in fields if field.key in first} | {
        field.label: field.key for field in fields
    }


def _columns(fields: tuple[Field, ...], locked: Container[str]) -> list[Field]:
    """What tells people apart comes first, then what operators keep here, then the IdP's other fields."""

    def rank(field: Field) -> int:
        return 0 if field.label in TELLING else 1 if field.key not in locked else 2

    named = {FIRST, LAST, SHOWN, *EMAILS}
    return sorted((field for field in fields if not field.uid and field.label not in named), key=rank)[:COLUMNS]


def names(keys: Mapping[str, str], one: Row | Held) -> Names:
    """A person's name and e-mail address, as far as the list has fields for them."""
    return names_of(keys, one.uid, one.fields)


def names_of(keys: Mapping[str, str], uid: str, fields: Mapping[str, Any]) -> Names:
    """The same of values by key."""
    values = {label: fields.get(key) for label, key in keys.items()}
    whole = " ".join(str(part) for part in (values.get(FIRST), values.get(LAST)) if part)
    address = next((values[label] for label in EMAILS if values.get(label)), None)
    return Names(str(values.get(SHOWN) or whole or uid), str(address) if address else None)


@get("/lists/{list_id:str}/people/new")
@in_thread
def new_person(request: Call, list_id: ListId) -> Response[str]:
    """The form of a person added by hand."""
    with at_desk(request, list_id, change=True) as desk:
        return _new(request, desk, {}, None)


@post("/lists/{list_id:str}/people/new")
@in_thread
def add_person(request: Call, list_id: ListId, data: Form) -> Response[str]:
    """Add a person; an IdP that sends the same UID later adopts them (V2)."""
    with at_desk(request, list_id, data) as desk:
        typed = {key: str(value) for key, value in data.items()}
        try:
            with desk.cursor.connection.transaction():
                values = _fields(typed, desk.list.fields, {})
                person_id = person_edit.add(desk.cursor, desk.session, desk.list, typed.get("uid", ""), values)
        except Refused as refusal:
            return _new(request, desk, typed, refusal.detail)
    return pages.go(
        request, f"/lists/{list_id}/people?{urlencode({'q': typed['uid'].strip(), 'status': 'all'})}#p-{person_id}"
    )


def _new(request: Call, desk: Desk, typed: Mapping[str, str], error: str | None) -> Response[str]:
    return pages.dialog(request, desk, "person_new.html", "drawer", 422 if error else 200, typed=typed, error=error)


def _fields(typed: Mapping[str, str], fields: Iterable[Field], present: Mapping[str, Any]) -> dict[str, str]:
    keys = {field.key for field in fields if not field.uid}
    return {key: text for key, text in touched(typed, present).items() if key in keys}


def touched(typed: Mapping[str, str], present: Mapping[str, Any]) -> dict[str, str]:
    """What was typed into fields, by key. Of several lines browsers send one: where it is the `present` value's,
    nobody touched it, and it is left out."""
    shown = {key: re.sub(r"[\r\n]", "", text) for key, text in present.items() if isinstance(text, str)}
    sent = {name.removeprefix("f_"): text for name, text in typed.items() if name.startswith("f_")}
    return {key: text for key, text in sent.items() if not text or text != shown.get(key)}


@get("/lists/{list_id:str}/people/{person_id:uuid}")
@in_thread
def person_drawer(request: Call, list_id: ListId, person_id: Id) -> Response[str]:
    """One person: locked fields, local ones, groups and their log."""
    with at_desk(request, list_id) as desk:
        return _person(request, desk, person_page.find(desk.cursor, list_id, str(person_id)))


def _person(
    request: Call,
    desk: Desk,
    one: Row,
    typed: Mapping[str, str] | None = None,
    error: str | None = None,
    saved: str | None = None,
) -> Response[str]:
    list_id = desk.list.id
    locked = person.locked_fields(desk.cursor, list_id) if one.synced else {}
    entries = provisioning_log.of_person(desk.cursor, list_id, one.id, RECENT)
    own = [field for field in desk.list.fields if not field.uid]
    return pages.dialog(
        request, desk, "person.html", "drawer", 422 if error else 200,
        one=one, names=names(by_label(desk.list.fields), one), error=error, saved=saved, typed=typed or {},
        locked=[field for field in own if field.key in locked],
        free=[field for field in own if field.key not in locked],
        groups=_groups(desk, one),
        entries=entries, left=None if one.active else next(filter(_deactivates, entries), None),
    )  # fmt: skip


def _groups(desk: Desk, one: Row) -> list[str]:
    """The groups that the IdP pushed with somebody in them, or those that were chosen in its directory."""
    if desk.list.provider == DIRECTORY:
        return syncs.groups_of(desk.cursor, desk.list.id, one.anchor) if one.anchor else []
    return person_page.groups_of(desk.cursor, desk.list.id, one.identity_id) if one.identity_id else []


def _deactivates(entry: Mapping[str, Any]) -> bool:
    return any(change["field"] == "Status" and change["after"] == "Inactive" for change in entry["changes"])


@post("/lists/{list_id:str}/people/{person_id:uuid}")
@in_thread
def edit_person(request: Call, list_id: ListId, person_id: Id, data: Form) -> Response[str]:
    """Save the fields that are not the IdP's; locked ones are refused whatever the form says."""
    with at_desk(request, list_id, data) as desk:
        typed = {key: str(value) for key, value in data.items()}
        one = person_page.find(desk.cursor, list_id, str(person_id))
        values = _fields(typed, desk.list.fields, one.fields)
        try:
            version = int(typed.get("version", "0"))
            with desk.cursor.connection.transaction():
                person_edit.edit(desk.cursor, desk.session, desk.list, one.id, version, values)
        except (Refused, ValueError) as refusal:
            detail = refusal.detail if isinstance(refusal, Refused) else "this page is out of date: reload it"
            return _person(request, desk, one, typed, detail)
        if not pages.is_fragment(request):
            return pages.go(request, f"/lists/{list_id}/people/{one.id}")
        return _person(request, desk, person_page.find(desk.cursor, list_id, one.id), saved="Saved")


@get("/lists/{list_id:str}/people/{person_id:uuid}/reactivate")
@in_thread
def confirm_reactivation(request: Call, list_id: ListId, person_id: Id) -> Response[str]:
    """Ask first: the IdP's next push may deactivate the person again."""
    with at_desk(request, list_id, change=True) as desk:
        one = person_page.find(desk.cursor, list_id, str(person_id))
        return pages.dialog(
            request, desk, "reactivate.html", "alertdialog", one=one, names=names(by_label(desk.list.fields), one)
        )


@post("/lists/{list_id:str}/people/{person_id:uuid}/reactivate")
@in_thread
def reactivate(request: Call, list_id: ListId, person_id: Id, data: Form) -> Response[str]:
    """Make an inactive person active again."""
    with at_desk(request, list_id, data) as desk:
        person_edit.reactivate(desk.cursor, desk.session, list_id, str(person_id))
        one = person_page.find(desk.cursor, list_id, str(person_id))
        if not pages.is_fragment(request):
            return pages.go(request, f"/lists/{list_id}/people/{one.id}")
        return _person(request, desk, one, saved="Reactivated")


@get("/lists/{list_id:str}/people/{person_id:uuid}/deactivate")
@in_thread
def confirm_deactivation(request: Call, list_id: ListId, person_id: Id) -> Response[str]:
    """Ask first: the IdP's next push may make the person active again."""
    with at_desk(request, list_id, change=True) as desk:
        one = person_page.find(desk.cursor, list_id, str(person_id))
        return pages.dialog(
            request, desk, "deactivate.html", "alertdialog", one=one, names=names(by_label(desk.list.fields), one)
        )


@post("/lists/{list_id:str}/people/{person_id:uuid}/deactivate")
@in_thread
def deactivate(request: Call, list_id: ListId, person_id: Id, data: Form) -> Response[str]:
    """Make an active person inactive."""
    with at_desk(request, list_id, data) as desk:
        lanes = person_edit.deactivate(desk.cursor, desk.session, list_id, str(person_id))
        one = person_page.find(desk.cursor, list_id, str(person_id))
        shown = _person(request, desk, one, saved="Deactivated") if pages.is_fragment(request) else None
    desk.office.bell.ring(lanes)
    return shown or pages.go(request, f"/lists/{list_id}/people/{one.id}")


ROUTES = [
    people, new_person, add_person, person_drawer, edit_person, confirm_reactivation, reactivate, confirm_deactivation,
    deactivate,
]  # fmt: skip
