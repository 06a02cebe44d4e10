"""One session: its people, everything of whom is editable, and the copy as a file (S1)."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.response import Stream

from ingress.console import pages, stretches
from ingress.console.desk import Call, Desk, Form, Id, ListId, at_desk, in_thread
from ingress.console.list_sessions import told
from ingress.console.people import by_label, names_of, touched
from models import audit
from models.errors import Refused, Taken
from models.sessions import comparison, export, people, taking
from models.sessions.people import Copied
from models.sessions.taking import Session

COLUMNS = 4  # fields in the table


@get("/lists/{list_id:str}/sessions/{session_id:uuid}")
@in_thread
def session(request: Call, list_id: ListId, session_id: Id) -> Response[str]:
    """The people of the copy, or for htmx the part of the page that changes."""
    with at_desk(request, list_id) as desk:
        one, given = taking.find(desk.cursor, list_id, str(session_id)), request.query_params
        shown = given.get("show", "all")
        shown, search = shown if shown in people.SHOWN else "all", given.get("q", "").strip()
        named = {"First Name", "Last Name", "Display Name", "Email", "Primary Email"}
        return pages.page(
            desk, "_list_session_people.html" if pages.is_fragment(request) else "list_session.html", one=one,
            found=people.page(desk.cursor, one, shown, search, given.get("after"), given.get("before")),
            shown=shown, q=search, counts=people.counts(desk.cursor, one), told=told(one.filter, one.fields),
            columns=[field for field in one.fields if not field.uid and field.label not in named][:COLUMNS],
            names=partial(_names, one), link=partial(_link, one, shown, search),
        )  # fmt: skip


def _names(one: Session, who: Copied) -> str:
    return names_of(by_label(one.fields), who.uid, who.fields).name


def _link(one: Session, shown: str, search: str, edge: str, key: str) -> str:
    wanted = {"show": shown, **({"q": search} if search else {}), edge: key}
    return f"/lists/{one.list_id}/sessions/{one.id}?{urlencode(wanted)}"


@get("/lists/{list_id:str}/sessions/{session_id:uuid}/people/new")
@in_thread
def new_person(request: Call, list_id: ListId, session_id: Id) -> Response[str]:
    """The form of somebody who is to be in the copy alone."""
    with at_desk(request, list_id, change=True) as desk:
        return _drawer(request, desk, taking.find(desk.cursor, list_id, str(session_id)), None, {})


@post("/lists/{list_id:str}/sessions/{session_id:uuid}/people/new")
@in_thread
def add_person(request: Call, list_id: ListId, session_id: Id, data: Form) -> Response[str]:
    """Add them."""
    with at_desk(request, list_id, data) as desk:
        one, typed = taking.find(desk.cursor, list_id, str(session_id)), _typed(data)
        try:
            with desk.cursor.connection.transaction():
                active = typed.get("active", "1") == "1"
                people.add(desk.cursor, list_id, one.id, desk.session.email, _values(typed, {}), active)
        except Refused as refusal:
            return _drawer(request, desk, one, None, typed, refusal)
        audit.record(desk.cursor, desk.session, list_id, "session.add", f"{one.name}: {typed.get('uid', '').strip()}")
    return pages.go(request, f"/lists/{list_id}/sessions/{session_id}?show=changed")


def _typed(data: Form) -> dict[str, str]:
    return {name: str(value) for name, value in data.items()}


def _values(typed: Mapping[str, str], present: Mapping[str, Any]) -> dict[str, str]:
    """What was typed, by the keys of fields, the UID's among them."""
    return touched(typed, present) | ({people.UID: typed["uid"]} if "uid" in typed else {})


@get("/lists/{list_id:str}/sessions/{session_id:uuid}/people/{person_id:uuid}")
@in_thread
def person(request: Call, list_id: ListId, session_id: Id, person_id: Id) -> Response[str]:
    """Somebody in the copy, beside the snapshot and the list as it is now."""
    with at_desk(request, list_id) as desk:
        one = taking.find(desk.cursor, list_id, str(session_id))
        return _drawer(request, desk, one, people.find(desk.cursor, list_id, one.id, str(person_id)), {})


def _drawer(
    request: Call, desk: Desk, one: Session, who: Copied | None, typed: Mapping[str, str],
    refusal: Refused | None = None, saved: str = "",
) -> Response[str]:  # fmt: skip
    status = 200 if refusal is None else 409 if isinstance(refusal, Taken) else 422
    return pages.dialog(
        request, desk, "list_session_person.html", "drawer", status, one=one, who=who, typed=typed, saved=saved,
        error=refusal.detail if refusal else None, tab="sessions", name=_names(one, who) if who else "Add a person",
        editable=one.is_open and desk.session.may_change and not (who and who.removed),
        differences=comparison.of_person(desk.cursor, one, who) if who else [],
        url=f"/lists/{one.list_id}/sessions/{one.id}",
    )  # fmt: skip


@post("/lists/{list_id:str}/sessions/{session_id:uuid}/people/{person_id:uuid}")
@in_thread
def edit(request: Call, list_id: ListId, session_id: Id, person_id: Id, data: Form) -> Response[str]:
    """Save what was typed, or take them out of the copy, or put them back."""
    with at_desk(request, list_id, data) as desk:
        one, typed = taking.find(desk.cursor, list_id, str(session_id)), _typed(data)
        who = people.find(desk.cursor, list_id, one.id, str(person_id))
        try:
            with desk.cursor.connection.transaction():
                done, saved = _act(desk, one, who, typed)
        except Refused as refusal:
            return _drawer(request, desk, one, who, typed, refusal)
        if done:
            audit.record(desk.cursor, desk.session, list_id, f"session.{done}", f"{one.name}: {who.uid}{saved}")
        if done != "edit" or not pages.is_fragment(request):
            return pages.go(request, f"/lists/{list_id}/sessions/{session_id}")
        who = people.find(desk.cursor, list_id, one.id, str(person_id))
        return _drawer(request, desk, one, who, {}, saved="Saved")


def _act(desk: Desk, one: Session, who: Copied, typed: Mapping[str, str]) -> tuple[str, str]:
    """What was done, and the labels that it changed."""
    cursor, by, version = desk.cursor, desk.session.email, _version(typed)
    if typed.get("act") == "remove":
        people.remove(cursor, one.list_id, one.id, who.id, version, by)
        return "remove", ""
    if typed.get("act") == "restore":
        people.restore(cursor, one.list_id, one.id, who.id, by)
        return "restore", ""
    active = typed["active"] == "1" if "active" in typed else None
    changed = people.edit(cursor, one.list_id, one.id, who.id, version, by, _values(typed, who.fields), active)
    return ("edit", f": {', '.join(changed)}") if changed else ("", "")


def _version(typed: Mapping[str, str]) -> int:
    version = typed.get("version", "")
    return int(version) if version.isdecimal() and len(version) < 10 else 0


@get("/lists/{list_id:str}/sessions/{session_id:uuid}/people.csv")
async def as_csv(request: Call, list_id: ListId, session_id: Id) -> Stream:
    """The copy as CSV."""
    head = await _head(request, list_id, str(session_id))
    return await stretches.file(
        f"session-{session_id}.csv", stretches.CSV, head,
        lambda after: _stretch(request, list_id, str(session_id), after),
    )  # fmt: skip


@in_thread
def _head(request: Call, list_id: str, session_id: str) -> str:
    with at_desk(request, list_id) as desk:
        one = export.find(desk.cursor, list_id, session_id)
        audit.record(desk.cursor, desk.session, list_id, "session.export", one.name)
        return export.head(one)


@in_thread
def _stretch(request: Call, list_id: str, session_id: str, after: str | None) -> tuple[str, str | None]:
    with at_desk(request, list_id) as desk:
        return export.stretch(desk.cursor, export.find(desk.cursor, list_id, session_id), after)


ROUTES = [session, new_person, add_person, person, edit, as_csv]
