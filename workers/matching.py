"""Which person an identity is: the one it holds, else by anchor, else by UID (product rules V2, V3)."""

from collections.abc import Callable
from dataclasses import dataclass

from models.person import Person


@dataclass(frozen=True, slots=True)
class Found:
    """This person, held already or free to take."""

    person: Person


@dataclass(frozen=True, slots=True)
class New:
    """Nobody yet."""


@dataclass(frozen=True, slots=True)
class TakenOver:
    """The person follows another identity now, and this one is inactive or gone."""

    person: Person


@dataclass(frozen=True, slots=True)
class Conflict:
    """The UID belongs to a person who follows another active identity."""

    person: Person


Match = Found | New | TakenOver | Conflict


@dataclass(frozen=True, slots=True)
class Candidates:
    """What was read about the people an identity may be."""

    held: Person | None
    by_anchor: list[Person]
    by_uid: Person | None


def match(candidates: Candidates, active: bool, is_active: Callable[[Person], bool]) -> Match:
    """Decide. `active`: the identity is active by what ingress accepted; `is_active`: a person's holder is.

    An anchor counts only where the person's holder is inactive or gone, for `externalId` is not
    unique. One that is inactive takes nobody from another identity: lanes may apply a leaver's
    rows after the rehire's, and the end must be the same.
    """
    if candidates.held is not None:
        return Found(candidates.held)
    by_uid = candidates.by_uid
    found = _free_anchor(candidates, is_active)
    if found is None and by_uid is not None and not is_active(by_uid):
        found = by_uid
    if found is not None:
        return Found(found) if active or found.identity_id is None else TakenOver(found)
    if by_uid is not None:
        return Conflict(by_uid) if active else TakenOver(by_uid)
    followed = [person for person in candidates.by_anchor if is_active(person)]
    return New() if active or not followed else TakenOver(followed[0])


def _free_anchor(candidates: Candidates, is_active: Callable[[Person], bool]) -> Person | None:
    free = [person for person in candidates.by_anchor if not is_active(person)]
    if candidates.by_uid in free:
        return candidates.by_uid
    return free[0] if len(free) == 1 else None
