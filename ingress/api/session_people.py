"""The people of a session: looked through, edited, added, removed, restored. Every field is editable."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from ingress.api import cursors
from ingress.api.cursors import Next, Paged
from ingress.api.desk import Desk
from ingress.api.operation import operation
from ingress.api.people import VALUES, Values, typed
from ingress.api.samples import LATER, OPERATOR, PERSON_ID
from ingress.api.sessions import NOUN, find, id_of
from ingress.api.sessions import ONE as SESSION
from models import audit
from models.person import LONGEST_UID
from models.person_edit import Unfit
from models.person_page import LONGEST_SEARCH
from models.sessions import people, taking
from models.sessions.people import UID, Copied
from models.sessions.taking import Session

PATH = SESSION + "/people"
ONE = PATH + "/{person_id}"
Uid = Annotated[str, Meta(description="Unique in the session, in any case.", min_length=1, max_length=LONGEST_UID)]


class SessionPeopleQuery(Paged, kw_only=True, forbid_unknown_fields=True):
    """Which people are wanted."""

    shown: Annotated[
        Literal["all", "changed"], Meta(description="Who is in it, or who was changed, added or removed.")
    ] = "all"
    q: Annotated[
        str, Meta(description="Words that their UID or values have, in any order.", max_length=LONGEST_SEARCH)
    ] = ""


class NewSessionPerson(Struct, kw_only=True, forbid_unknown_fields=True):
    """Somebody to be added to the copy alone."""

    uid: Uid
    fields: Values = {}
    active: bool = True


class SessionPersonChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed; what is not named stays."""

    uid: Uid | None = None
    fields: Values = {}
    active: bool | None = None


class Original(Struct, kw_only=True):
    """Somebody as the snapshot had them."""

    uid: str
    active: bool
    fields: dict[str, Any]


class SessionPerson(Struct, kw_only=True):
    """Somebody in a session."""

    id: Annotated[str, Meta(description="Theirs in the list too, unless they were added to the session.")]
    uid: str
    active: bool
    fields: Annotated[dict[str, Any], Meta(description="Values by the key of their field.")]
    mark: Annotated[
        Literal["added", "removed", "changed"] | None, Meta(description="What was done to them in the session.")
    ]
    original: Annotated[Original | None, Meta(description="As they were taken; null for who was added.")]
    version: Annotated[int, Meta(description="What the ETag names.")]
    changed_by: str | None
    changed_at: datetime | None


class SessionPeople(Struct, kw_only=True):
    """A page of a session's people, in order of UID."""

    items: list[SessionPerson]
    next_cursor: Next = None


SAMPLE = SessionPerson(
    id=PERSON_ID, uid="EMP001", active=True, fields=VALUES | {"house": "South"}, mark="changed",
    original=Original(uid="EMP001", active=True, fields=VALUES), version=2, changed_by=OPERATOR, changed_at=LATER,
)  # fmt: skip


@operation("GET", PATH, NOUN, SessionPeople(items=[SAMPLE], next_cursor="WyJjb3BpZWQiLCJlbXAwMDEiXQ"))
def list_session_people(at: Desk, query: SessionPeopleQuery, session_id: str) -> SessionPeople:
    """List a session's people.

    In order of UID, those with all words of `q` in their UID or values.
    """
    after = cursors.read("copied", query.cursor, str)
    found = people.page(at.cursor, find(at, session_id), query.shown, query.q.strip(), after, None, query.limit)
    return SessionPeople(
        items=[_person(one) for one in found.rows], next_cursor=cursors.write("copied", found.after)
    )  # fmt: skip


def _person(one: Copied) -> SessionPerson:
    was = one.original
    return SessionPerson(
        id=one.id, uid=one.uid, active=one.active, fields=dict(one.fields), mark=one.mark or None,  # type: ignore[arg-type]
        original=Original(**was) if was else None, version=one.version, changed_by=one.changed_by,
        changed_at=one.changed_at,
    )  # fmt: skip


@operation("GET", ONE, NOUN, SAMPLE, tagged=True)
def get_session_person(at: Desk, session_id: str, person_id: str) -> SessionPerson:
    """Read somebody in a session.

    Who was removed from it included.
    """
    return _tagged(at, people.find(at.cursor, at.list.id, find(at, session_id).id, _id(person_id)))


def _id(text: str) -> str:
    return id_of(text, "this person is not in the session (any more)")


def _tagged(at: Desk, one: Copied) -> SessionPerson:
    at.tag(one.version)
    return _person(one)


def _typed(session: Session, values: Mapping[str, Any], uid: str | None) -> dict[str, str]:
    """What was sent, as an operator would type it; fields that the session does not have are refused."""
    known = {field.key for field in session.fields if not field.uid}
    for key in values:
        if key not in known:
            raise Unfit(key, f"this session has no field with the key '{key[:60]}': see its fields")
    return typed(values) | ({} if uid is None else {UID: uid})


@operation(
    "POST", PATH, NOUN, SAMPLE, {"uid": "EMP001", "fields": {"house": "South"}}, status=201, problems=("conflict",),
    tagged=True,
)  # fmt: skip
def add_session_person(at: Desk, session_id: str, body: NewSessionPerson) -> SessionPerson:
    """Add somebody to a session.

    To the copy alone: the list does not get them.
    """
    session = find(at, session_id)
    values = _typed(session, body.fields, body.uid)
    person_id = people.add(at.cursor, at.list.id, session.id, at.caller.who, values, body.active)
    _record(at, "add", session, body.uid.strip())
    at.headers["Location"] = f"/api/v1/lists/{at.list.id}/sessions/{session.id}/people/{person_id}"
    return _tagged(at, people.find(at.cursor, at.list.id, session.id, person_id))


def _record(at: Desk, act: str, session: Session, words: str) -> None:
    audit.record(at.cursor, at.caller, at.list.id, f"session.{act}", f"{session.name}: {words}")


def _held(at: Desk, session_id: str, person_id: str) -> tuple[Session, Copied, int]:
    """Somebody to be changed, in an open session, and their version, which nobody else changes any more."""
    find(at, session_id)
    session = taking.opened(at.cursor, at.list.id, session_id.lower())
    one = people.find(at.cursor, at.list.id, session.id, _id(person_id), lock=True)
    at.check_version(one.version)
    return session, one, one.version


@operation("PATCH", ONE, NOUN, SAMPLE, {"fields": {"house": "South"}}, problems=("conflict", "version"), tagged=True)
def change_session_person(at: Desk, session_id: str, person_id: str, body: SessionPersonChange) -> SessionPerson:
    """Edit somebody in a session.

    Every field of theirs, the UID and the status too, whoever writes it in the list. The list stays as it is.
    """
    session, one, version = _held(at, session_id, person_id)
    values = _typed(session, body.fields, body.uid)
    touched = people.edit(
        at.cursor, at.list.id, session.id, one.id, version, at.caller.who, values, body.active
    )  # fmt: skip
    if touched:
        _record(at, "edit", session, f"{one.uid}: {', '.join(touched)}")
    return _tagged(at, people.find(at.cursor, at.list.id, session.id, one.id))


@operation("DELETE", ONE, NOUN, problems=("conflict", "version"))
def remove_session_person(at: Desk, session_id: str, person_id: str) -> None:
    """Remove somebody from a session.

    Who was taken with it is marked and can be restored; who was added is gone.
    """
    session, one, version = _held(at, session_id, person_id)
    people.remove(at.cursor, at.list.id, session.id, one.id, version, at.caller.who)
    _record(at, "remove", session, one.uid)


@operation("POST", ONE + "/restore", NOUN, SAMPLE, problems=("conflict", "version"), tagged=True)
def restore_session_person(at: Desk, session_id: str, person_id: str) -> SessionPerson:
    """Restore somebody who was removed from a session.

    As they were then.
    """
    session, one, _ = _held(at, session_id, person_id)
    people.restore(at.cursor, at.list.id, session.id, one.id, at.caller.who)
    _record(at, "restore", session, one.uid)
    return _tagged(at, people.find(at.cursor, at.list.id, session.id, one.id))


OPERATIONS: Sequence[Any] = [
    list_session_people, get_session_person, add_session_person, change_session_person, remove_session_person,
    restore_session_person,
]  # fmt: skip
