"""Held deactivations: whose they are, released or discarded; and the guard that holds them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from ingress.api import cursors
from ingress.api.cursors import Next, Paged
from ingress.api.desk import Desk
from ingress.api.log import ID
from ingress.api.operation import operation
from ingress.api.problems import Wrong
from ingress.api.samples import PERSON_ID, WHEN
from models import audit, guard, hold
from models.guard import MOST
from models.hold import Chosen
from models.text import plural

NOUN = "Held deactivations"
PATH = "/lists/{list_id}/held"
LARGEST = 2**63 - 1
MOST_PEOPLE = 1_000


class HeldPerson(Struct, kw_only=True):
    """Somebody whose deactivation waits for a word."""

    id: Annotated[str, Meta(description="The person's id.")]
    uid: str
    fields: dict[str, Any]
    gone: Annotated[bool, Meta(description="Whether the identity provider has deleted the user.")]
    seq: Annotated[int, Meta(description="The log's entry that waits.")]
    at: datetime


class Held(Struct, kw_only=True):
    """A page of held deactivations, oldest first."""

    items: list[HeldPerson]
    count: Annotated[int, Meta(description="How many are held at all.")]
    newest_seq: Annotated[int | None, Meta(description="The newest one's `seq`.")]
    next_cursor: Next = None


class AllHeld(Struct, kw_only=True, forbid_unknown_fields=True):
    """Everybody who was held when you looked, and nobody more."""

    up_to: Annotated[int, Meta(description="`newest_seq` as it was read.", ge=0, le=LARGEST)]
    count: Annotated[int, Meta(description="`count` as it was read.", ge=1, le=LARGEST)]


class HeldChoice(Struct, kw_only=True, forbid_unknown_fields=True):
    """Whose deactivations: either `people` or `all`."""

    people: Annotated[
        Annotated[list[Annotated[str, Meta(pattern=ID, max_length=36)]], Meta(min_length=1, max_length=MOST_PEOPLE)]
        | None,
        Meta(description="Their ids."),
    ] = None
    all: AllHeld | None = None


class Counted(Struct, kw_only=True):
    """How many people it was done for."""

    count: int


class Guard(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is a wave of deactivations: more than `percent` of the active people and `at_least` so many in an hour."""

    enabled: bool
    percent: Annotated[int, Meta(ge=1, le=100)]
    at_least: Annotated[int, Meta(ge=1, le=MOST)]


ONE = HeldPerson(id=PERSON_ID, uid="EMP001", fields={"house": "North"}, gone=False, seq=48213, at=WHEN)
GUARD = Guard(enabled=True, percent=20, at_least=50)
CHOSEN: Mapping[str, Any] = {"people": [PERSON_ID]}


@operation("GET", PATH, NOUN, Held(items=[ONE], count=1, newest_seq=48213))
def list_held(at: Desk, query: Paged) -> Held:
    """List held deactivations.

    Oldest first. These people are still active.
    """
    after = cursors.read("held", query.cursor, int)
    found = hold.page(at.cursor, at.list.id, after if after is None else min(after, LARGEST), None, query.limit)
    told = hold.summary(at.cursor, at.list.id)
    members = HeldPerson.__struct_fields__
    items = [HeldPerson(**{name: getattr(one, name) for name in members}) for one in found.rows]
    following = cursors.write("held", found.after)
    return Held(items=items, count=told.count, newest_seq=told.newest_seq, next_cursor=following)


def _chosen(body: HeldChoice) -> Chosen:
    if (body.people is None) == (body.all is None):
        raise Wrong("invalid", "name people by their ids, or all as they were read: one of the two")
    if body.all is not None:
        return Chosen(up_to=body.all.up_to, at_most=body.all.count)
    return Chosen(list(dict.fromkeys(body.people or ())))


@operation("POST", PATH + "/release", NOUN, Counted(count=1), CHOSEN, problems=("conflict",))
def release_held(at: Desk, body: HeldChoice) -> Counted:
    """Release held deactivations.

    Makes these people inactive after all.
    """
    count, lanes = hold.release(at.cursor, at.list.id, _chosen(body), at.caller.who)
    audit.record(at.cursor, at.caller, at.list.id, "hold.release", plural(count, "person", "people"))
    at.after.append(lambda: at.office.bell.ring(lanes))
    return Counted(count=count)


@operation("POST", PATH + "/discard", NOUN, Counted(count=1), CHOSEN, problems=("conflict",))
def discard_held(at: Desk, body: HeldChoice) -> Counted:
    """Discard held deactivations.

    Leaves these people active, until the identity provider's next push for them.
    """
    count = hold.discard(at.cursor, at.list.id, _chosen(body), at.caller.who)
    audit.record(at.cursor, at.caller, at.list.id, "hold.discard", plural(count, "person", "people"))
    return Counted(count=count)


@operation("GET", "/lists/{list_id}/guard", NOUN, GUARD)
def get_guard(at: Desk) -> Guard:
    """Read the guard of a list."""
    found = guard.of_list(at.cursor, at.list.id)
    return Guard(enabled=found.enabled, percent=found.percent, at_least=found.at_least)


@operation("PUT", "/lists/{list_id}/guard", NOUN, GUARD, {"enabled": True, "percent": 20, "at_least": 50})
def save_guard(at: Desk, body: Guard) -> Guard:
    """Set the guard of a list.

    Its hour begins when it is switched on; what is held stays held when it is switched off.
    """
    chosen = guard.Guard(body.enabled, body.percent, body.at_least)
    guard.save(at.cursor, at.list.id, chosen)
    state = f"{'on' if chosen.enabled else 'off'}: {chosen.percent} %, at least {chosen.at_least}"
    audit.record(at.cursor, at.caller, at.list.id, "guard.save", state)
    return body


OPERATIONS = [list_held, release_held, discard_held, get_guard, save_guard]
