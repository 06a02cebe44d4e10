"""Sessions: copies of a list's people at one moment; taken, listed, closed, archived, deleted, written out as CSV."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from ingress.api.desk import Desk
from ingress.api.lists import HOUSE, UID, Field, field_of
from ingress.api.operation import CSV, Download, operation
from ingress.api.problems import Place, Wrong, pointer
from ingress.api.samples import LATER, OPERATOR, OTHER_ID
from models import audit
from models.errors import Unknown
from models.mapping import LONGEST_TYPED
from models.person_page import LONGEST_SEARCH
from models.sessions import export, people, taking
from models.sessions.taking import LONGEST_NAME, Filter
from models.sessions.taking import Session as Stored
from models.text import UUID

NOUN = "Sessions"
PATH = "/lists/{list_id}/sessions"
ONE = PATH + "/{session_id}"


class SessionFilter(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Whom a session is of."""

    status: Literal["active", "inactive", "all"] = "all"
    search: Annotated[str, Meta(description="Words that their UID or values have.", max_length=LONGEST_SEARCH)] = ""
    field: Annotated[Annotated[str, Meta(max_length=200)] | None, Meta(description="The key of a field.")] = None
    value: Annotated[str, Meta(description="What they have in it; empty for nothing.", max_length=LONGEST_TYPED)] = ""


class NewSession(Struct, kw_only=True, forbid_unknown_fields=True):
    """A session to be taken."""

    name: Annotated[str, Meta(description="Unique in the list.", min_length=1, max_length=LONGEST_NAME)]
    filter: SessionFilter = SessionFilter()


class SessionChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to become of a session."""

    state: Annotated[
        Literal["open", "closed", "archived"],
        Meta(description="closed can be read alone, archived is out of sight as well, open can be edited (again)."),
    ]


class Session(Struct, kw_only=True):
    """A session without its people."""

    id: str
    name: str
    state: Annotated[str, Meta(description="open, closed, archived, or deleting.")]
    filter: SessionFilter
    taken: Annotated[int, Meta(description="How many people were copied.")]
    taken_by: str
    taken_at: datetime
    state_by: Annotated[str | None, Meta(description="Who gave it its state; null while it is as it was taken.")]
    state_at: datetime | None
    changed: Annotated[int, Meta(description="How many people were changed, added or removed since.")]


class SessionCounts(Struct, kw_only=True):
    """How many people a session has now, and what was done to it."""

    people: int
    added: int
    removed: int
    changed: int


class SessionDetail(Session, kw_only=True):
    """A session with the fields that the list had when it was taken, and its numbers."""

    fields: list[Field]
    people: SessionCounts


class Sessions(Struct, kw_only=True):
    """A list's sessions, newest first."""

    items: list[Session]


class SessionsQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which sessions are wanted."""

    archived: Annotated[bool, Meta(description="Archived ones as well.")] = False


FACTS: dict[str, Any] = {
    "id": OTHER_ID, "name": "Timetable 2027", "state": "open", "taken": 118, "taken_by": OPERATOR, "taken_at": LATER,
    "state_by": None, "state_at": None, "changed": 3,
    "filter": SessionFilter(status="active"),
}  # fmt: skip
DETAIL = SessionDetail(
    **FACTS, fields=[UID, HOUSE], people=SessionCounts(people=118, added=1, removed=1, changed=1)
)  # fmt: skip


@operation("GET", PATH, NOUN, Sessions(items=[Session(**FACTS)]))
def list_sessions(at: Desk, query: SessionsQuery) -> Sessions:
    """List a list's sessions.

    Newest first; archived ones only where they are asked for.
    """
    found = taking.listing(at.cursor, at.list.id, query.archived)
    return Sessions(items=[Session(**_facts(one)) for one in found])


def _facts(one: Stored) -> dict[str, Any]:
    named = {name: getattr(one, name) for name in Session.__struct_fields__}
    return named | {"filter": SessionFilter(**one.filter.as_json())}


@operation(
    "POST", PATH, NOUN, DETAIL, {"name": "Timetable 2027", "filter": {"status": "active"}}, status=201,
    problems=("conflict",),
)  # fmt: skip
def take_session(at: Desk, body: NewSession) -> SessionDetail:
    """Take a session.

    Copies the people of the list, or those that the filter finds, and its fields, as they are at this moment. Neither
    side changes the other from then on.
    """
    chosen = body.filter
    if chosen.field is not None and all(one.key != chosen.field for one in at.list.fields if not one.uid):
        sentence = f"this list has no field with the key '{chosen.field[:60]}' to choose people by: see its fields"
        raise Wrong("invalid", sentence, Place(sentence, pointer("filter", "field")))
    wanted = Filter(chosen.status, chosen.search, chosen.field, chosen.value)
    session_id = taking.take(at.cursor, at.list.id, body.name, at.caller.who, wanted)
    audit.record(at.cursor, at.caller, at.list.id, "session.take", body.name.strip())
    at.headers["Location"] = f"/api/v1/lists/{at.list.id}/sessions/{session_id}"
    return _detail(at, session_id)


def find(at: Desk, session_id: str) -> Stored:
    """A session of the list, by its id."""
    return taking.find(at.cursor, at.list.id, id_of(session_id, "this list has no such session (any more)"))


def id_of(text: str, otherwise: str) -> str:
    """An id of a path, as it is stored."""
    if not UUID.fullmatch(text.lower()):
        raise Unknown(otherwise)
    return text.lower()


def _detail(at: Desk, session_id: str) -> SessionDetail:
    one = find(at, session_id)
    counted = people.counts(at.cursor, one)
    return SessionDetail(
        **_facts(one), fields=[field_of(field) for field in one.fields],
        people=SessionCounts(
            people=counted.people, added=counted.added, removed=counted.removed, changed=counted.changed
        ),
    )  # fmt: skip


@operation("GET", ONE, NOUN, DETAIL)
def get_session(at: Desk, session_id: str) -> SessionDetail:
    """Read a session.

    With its fields, and how many people it has now.
    """
    return _detail(at, session_id)


@operation("PATCH", ONE, NOUN, DETAIL, {"state": "closed"}, problems=("conflict",))
def change_session(at: Desk, session_id: str, body: SessionChange) -> SessionDetail:
    """Close, archive or reopen a session.

    One that has the state already is refused, as is one that is being deleted.
    """
    one = find(at, session_id)
    taking.change_state(at.cursor, at.list.id, one.id, body.state, at.caller.who)
    audit.record(at.cursor, at.caller, at.list.id, f"session.{_VERBS[body.state]}", one.name)
    return _detail(at, session_id)


_VERBS = {taking.OPEN: "reopen", taking.CLOSED: "close", taking.ARCHIVED: "archive"}


@operation("DELETE", ONE, NOUN, problems=("conflict",))
def delete_session(at: Desk, session_id: str) -> None:
    """Delete an archived session.

    For good, in the background. The list is not affected.
    """
    one = find(at, session_id)
    job_id = taking.delete(at.cursor, at.list.id, one.id, at.caller.who)
    audit.record(at.cursor, at.caller, at.list.id, "session.delete", one.name)
    list_id, bell = at.list.id, at.office.bell
    at.after.append(lambda: bell.session(list_id, job_id))


@operation("GET", ONE + "/export", NOUN, {CSV: "UID,Status,House\r\nEMP001,Active,North\r\n"}, problems=("conflict",))
def export_session(at: Desk, session_id: str) -> Download:
    """Export a session as CSV.

    As one file, in order of UID. The columns are called as the fields were when the session was taken.
    """
    one = export.find(at.cursor, at.list.id, find(at, session_id).id)
    audit.record(at.cursor, at.caller, at.list.id, "session.export", one.name)
    return Download(f"session-{one.id}.csv", CSV, export.head(one), partial(_stretch, one.id))


def _stretch(session_id: str, at: Desk, after: str | None) -> tuple[str, str | None]:
    return export.stretch(at.cursor, export.find(at.cursor, at.list.id, session_id), after)


OPERATIONS: Sequence[Any] = [
    list_sessions, take_session, get_session, change_session, delete_session, export_session,
]  # fmt: skip
