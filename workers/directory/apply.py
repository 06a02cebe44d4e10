"""Pulled changes into identities: the same `accept` as for SCIM, a slice a transaction."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import structlog

from models import acceptance
from models import connection as connections
from models.attributes import ENTERPRISE
from models.change import Change, Outcome, Request
from models.database import Cursor
from models.directory import plan, runs
from models.directory.plan import Pending, Standing
from models.directory.staging import GONE, USER
from models.errors import Refused
from models.journal import Lane
from models.organisation import DIRECTORY
from models.resource import Document

SLICE = 250  # users; a slice holds their rows for some tens of milliseconds
IDP = "entra"
NOWHERE = "moving.invalid"  # a domain that is nobody's (RFC 2606)

_log = structlog.get_logger()


class Applied(NamedTuple):
    """What a slice came to: how many changes were accepted and refused, and the lanes to ring after COMMIT."""

    accepted: int
    refused: int
    lanes: list[Lane]


def apply(cursor: Cursor, list_id: str, run_id: str, limit: int = SLICE) -> Applied | None:
    """Accept the next changes; None when there are none. Refused where the list may not be synced (any more)."""
    connections.enter(cursor, list_id)
    unique_identifier = connections.check_connected(cursor, list_id, DIRECTORY)
    pending = plan.take(cursor, list_id, limit)
    if not pending:
        return None
    changes, owners = _changes(list_id, run_id, pending)
    outcomes, lanes = acceptance.accept(cursor, changes, {list_id: unique_identifier})
    refused = _refusals(owners, outcomes)
    if refused:
        plan.refused(cursor, list_id, refused)
    done = [one.object_id for one in pending if one.object_id not in refused]
    plan.applied(cursor, list_id, done)
    return Applied(len(done), len(refused), lanes)


def step_aside(cursor: Cursor, list_id: str, run_id: str) -> Applied:
    """Have users who swapped names or identifiers give theirs up for a moment, so that each can take the other's."""
    connections.enter(cursor, list_id)
    unique_identifier = connections.check_connected(cursor, list_id, DIRECTORY)
    standing = plan.in_each_others_way(cursor, list_id)
    request = Request(runs.request_id(run_id), None, None, IDP)
    changes = [Change(list_id, "update", request, _Aside(one, unique_identifier), one.identity_id) for one in standing]
    outcomes, lanes = acceptance.accept(cursor, changes, {list_id: unique_identifier})
    return Applied(sum(not isinstance(one, Refused) for one in outcomes), 0, lanes)


class _Aside:
    """A change that gives up the name, or the identifier, that another one is to get: for one of their own and not for
    none, with which a person would keep the old one."""

    def __init__(self, one: Standing, unique_identifier: str) -> None:
        self._one, self._unique_identifier = one, unique_identifier

    def __call__(self, present: Document | None) -> Document:
        found = dict(present or {})
        if self._one.has_name:
            found["userName"] = self._one.object_id
        if self._one.has_uid and self._unique_identifier == "employeeNumber":
            found[ENTERPRISE] = {**(found.get(ENTERPRISE) or {}), "employeeNumber": self._one.object_id}
        if self._one.has_uid and self._unique_identifier == "email":
            found["emails"] = [{"value": f"{self._one.object_id}@{NOWHERE}", "primary": True}]
        return found


def give_up(cursor: Cursor, list_id: str, error: Exception) -> Applied:
    """The next change cannot be carried out at all, and must not stop the others."""
    pending = plan.take(cursor, list_id, 1)
    _log.error("directory_change_failed", list=list_id, object=plan.ids(pending), error=repr(error))
    sentence = f"this could not be applied ({type(error).__name__}); it is tried again with the next run"
    plan.refused(cursor, list_id, {one.object_id: sentence for one in pending})
    return Applied(0, len(pending), [])


def _changes(list_id: str, run_id: str, pending: Sequence[Pending]) -> tuple[list[Change], list[str]]:
    """What is asked of the models, and whose each change is."""
    changes: list[Change] = []
    owners: list[str] = []
    for one in pending:
        request = Request(runs.request_id(run_id), one.body, None, IDP)
        for change in _of(list_id, request, one):
            changes.append(change)
            owners.append(one.object_id)
    return changes, owners


def _of(list_id: str, request: Request, one: Pending) -> list[Change]:
    if one.kind != USER:
        if one.identity_id is None or (one.kind != GONE and not one.was_active):
            return []
        verb = "delete" if one.kind == GONE else "update"
        return [Change(list_id, verb, request, _leaving, one.identity_id)]
    # An inactive user whose name Entra has given to another one; the person of that user stays.
    freed = [Change(list_id, "delete", request, _leaving, one.squatter_id)] if one.squatter_id else []
    verb = "create" if one.identity_id is None else "update"
    return [*freed, Change(list_id, verb, request, _Becomes(one.document or "{}"), one.identity_id)]


def _leaving(present: Document | None) -> Document:
    return {**(present or {}), "active": False}


class _Becomes:
    """A change to what Graph says, whatever was there."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __call__(self, _: Document | None) -> Document:
        found: Document = msgspec.json.decode(self._text)
        return found


def _refusals(owners: Sequence[str], outcomes: Sequence[Outcome]) -> dict[str, str]:
    return {
        owner: outcome.detail for owner, outcome in zip(owners, outcomes, strict=True) if isinstance(outcome, Refused)
    }
