"""Which person an identity is: the one it holds, else by anchor, else by UID (product rules V2, V3)."""

from collections.abc import Callable
from enum import Enum, auto

import msgspec

from models.person import Person


class Found(msgspec.Struct, frozen=True):
    """This person, held already or free to take."""

    person: Person


class New(msgspec.Struct, frozen=True):
    """Nobody yet."""


class TakenOver(msgspec.Struct, frozen=True):
    """The person follows another identity now, and this one is inactive or gone."""

    person: Person


class Conflict(msgspec.Struct, frozen=True):
    """The UID belongs to a person who follows another active identity."""

    person: Person


Match = Found | New | TakenOver | Conflict


class Candidates(msgspec.Struct, frozen=True):
    """What was read about the people an identity may be."""

    held: Person | None
    by_anchor: list[Person]
    by_uid: Person | None


class Holder(Enum):
    """What ingress has accepted of the identity that a person follows."""

    NOBODY = auto()  # none, or one that is gone
    INACTIVE = auto()
    ACTIVE = auto()


def match(candidates: Candidates, active: bool, holder: Callable[[Person], Holder]) -> Match:
    """Decide. `active`: the identity is active by what ingress accepted; `holder`: whom a person follows.

    An anchor counts only where the person's holder is inactive or gone, for `externalId` is not
    unique. One that is inactive takes nobody from another identity: lanes may apply a leaver's
    rows after the rehire's, and the end must be the same.
    """
    if candidates.held is not None:
        return Found(candidates.held)
    by_uid = candidates.by_uid
    found = _free_anchor(candidates, holder)
    if found is None and by_uid is not None and holder(by_uid) is not Holder.ACTIVE:
        found = by_uid
    if found is not None:
        return Found(found) if active or holder(found) is Holder.NOBODY else TakenOver(found)
    if by_uid is not None:
        return Conflict(by_uid) if active else TakenOver(by_uid)
    followed = [person for person in candidates.by_anchor if holder(person) is Holder.ACTIVE]
    return New() if active or not followed else TakenOver(followed[0])


def _free_anchor(candidates: Candidates, holder: Callable[[Person], Holder]) -> Person | None:
    free = [person for person in candidates.by_anchor if holder(person) is not Holder.ACTIVE]
    if candidates.by_uid in free:
        return candidates.by_uid
    return free[0] if len(free) == 1 else None
