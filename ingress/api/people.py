"""The people of a list: looked through, added, edited, made inactive and active again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from ingress.api import cursors
from ingress.api.cursors import Next, Paged
from ingress.api.desk import Desk
from ingress.api.operation import operation
from ingress.api.samples import PERSON_ID, WHEN
from models import person, person_edit, person_page
from models.directory import syncs
from models.errors import Unknown
from models.mapping import LONGEST_TYPED
from models.organisation import DIRECTORY
from models.person import LONGEST_UID
from models.person_page import LONGEST_SEARCH, Row
from models.text import UUID

NOUN = "People"
ONE = "/lists/{list_id}/people/{person_id}"
Text = Annotated[str, Meta(max_length=LONGEST_TYPED)]
Values = Annotated[
    dict[str, Text | int | float | None],
    Meta(description="Values by the key of their field; dates are YYYY-MM-DD, and null clears one."),
]


Status = Annotated[Literal["active", "inactive", "all"], Meta(description="Whom.")]
Search = Annotated[
    str, Meta(description="Words that their UID or values have, in any order.", max_length=LONGEST_SEARCH)
]


class PeopleQuery(Paged, kw_only=True, forbid_unknown_fields=True):
    """Which people are wanted."""

    status: Status = "active"
    q: Search = ""


class NewPerson(Struct, kw_only=True, forbid_unknown_fields=True):
    """Somebody to be added."""

    uid: Annotated[str, Meta(description="Unique in the list, in any case.", min_length=1, max_length=LONGEST_UID)]
    fields: Values = {}


class PersonChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed; fields that are not named stay."""

    fields: Values = {}
    active: Annotated[bool | None, Meta(description="false makes inactive, true active again.")] = None


class Person(Struct, kw_only=True):
    """Somebody in a list."""

    id: str
    uid: str
    active: bool
    synced: Annotated[bool, Meta(description="Whether a user of the identity provider is behind them.")]
    held: Annotated[bool, Meta(description="Whether their deactivation waits for a release.")]
    fields: Annotated[dict[str, Any], Meta(description="Values by the key of their field.")]
    version: Annotated[int, Meta(description="What the ETag names.")]
    modified_at: datetime


class PersonDetail(Person, kw_only=True):
    """Somebody in a list, with what cannot be edited of them."""

    locked: Annotated[list[str], Meta(description="Keys of fields that the identity provider writes.")]
    groups: Annotated[list[str], Meta(description="Names of the groups that they are in.")]


class People(Struct, kw_only=True):
    """A page of people, in order of UID."""

    items: list[Person]
    next_cursor: Next = None


VALUES = {"first_name": "Mila", "last_name": "Okafor", "house": "North"}
SAMPLE = Person(
    id=PERSON_ID, uid="EMP001", active=True, synced=True, held=False, fields=VALUES, version=7, modified_at=WHEN
)
DETAIL = PersonDetail(
    id=PERSON_ID, uid="EMP001", active=True, synced=True, held=False, fields=VALUES, version=7, modified_at=WHEN,
    locked=["first_name", "last_name"], groups=["All teachers"],
)  # fmt: skip


@operation("GET", "/lists/{list_id}/people", NOUN, People(items=[SAMPLE], next_cursor="WyJwZW9wbGUiLCJlbXAwMDEiXQ"))
def list_people(at: Desk, query: PeopleQuery) -> People:
    """List people.

    In order of UID: the active ones unless `status` says otherwise, those with all words of `q` in their UID or values.
    """
    after = cursors.read("people", query.cursor, str)
    found = person_page.page(at.cursor, at.list.id, query.status, query.q.strip(), after, None, query.limit)
    return People(items=[Person(**_facts(one)) for one in found.rows], next_cursor=cursors.write("people", found.after))


def _facts(one: Row) -> dict[str, Any]:
    return {
        "id": one.id, "uid": one.uid, "active": one.active, "synced": one.synced, "held": one.held,
        "fields": dict(one.fields), "version": one.version, "modified_at": one.modified_at,
    }  # fmt: skip


@operation(
    "POST", "/lists/{list_id}/people", NOUN, DETAIL, {"uid": "EMP001", "fields": {"house": "North"}},
    status=201, problems=("conflict",), tagged=True,
)  # fmt: skip
def create_person(at: Desk, body: NewPerson) -> PersonDetail:
    """Add a person.

    By hand: an identity provider that sends the same UID later adopts them.
    """
    person_id = person_edit.add(at.cursor, at.caller, at.list, body.uid, typed(body.fields))
    at.headers["Location"] = f"/api/v1/lists/{at.list.id}/people/{person_id}"
    return _detail(at, person_id)


def typed(values: Mapping[str, Any]) -> dict[str, str]:
    """Values as an operator would type them."""
    return {key: "" if value is None else str(value) for key, value in values.items()}


@operation("GET", ONE, NOUN, DETAIL, tagged=True)
def get_person(at: Desk, person_id: str) -> PersonDetail:
    """Read a person."""
    return _detail(at, _id(person_id))


def _id(text: str) -> str:
    if not UUID.fullmatch(text.lower()):
        raise Unknown("this person is not in the list (any more)")
    return text.lower()


def _detail(at: Desk, person_id: str) -> PersonDetail:
    one = person_page.find(at.cursor, at.list.id, person_id)
    at.tag(one.version)
    locked = person.locked_fields(at.cursor, at.list.id) if one.synced else {}
    return PersonDetail(**_facts(one), locked=list(locked), groups=_groups(at, one))


def _groups(at: Desk, one: Row) -> list[str]:
    if at.list.provider == DIRECTORY:
        return syncs.groups_of(at.cursor, at.list.id, one.anchor) if one.anchor else []
    return person_page.groups_of(at.cursor, at.list.id, one.identity_id) if one.identity_id else []


@operation(
    "PATCH", ONE, NOUN, DETAIL, {"fields": {"house": "South"}}, problems=("conflict", "version"), tagged=True
)  # fmt: skip
def update_person(at: Desk, person_id: str, body: PersonChange) -> PersonDetail:
    """Edit a person.

    Fields that the identity provider writes are locked (`locked` has them). Who is made inactive or active by hand
    stays so until the identity provider's next push for them. With If-Match nothing is changed that somebody else has
    changed meanwhile.
    """
    one = person_edit.held(at.cursor, at.list.id, _id(person_id))
    version = at.check_version(one.version)
    person_edit.edit(at.cursor, at.caller, at.list, one.id, version, typed(body.fields))
    if body.active is not None and body.active != one.active:
        if body.active:
            person_edit.reactivate(at.cursor, at.caller, at.list.id, one.id)
        else:
            lanes = person_edit.deactivate(at.cursor, at.caller, at.list.id, one.id)
            at.after.append(lambda: at.office.bell.ring(lanes))
    return _detail(at, one.id)


OPERATIONS = [list_people, create_person, get_person, update_person]
