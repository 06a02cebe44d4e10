"""Changes to groups, carried out one by one in the transaction of their batch."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from models import extension, group
from models.change import Accepted, Change, Outcome, check_version
from models.database import Cursor
from models.errors import Taken, TooLarge, Unknown
from models.group import SAME, Group, Members
from models.journal import Entry
from models.resource import GROUP, Document, alike
from models.text import equality_key, new_id

_encode = msgspec.json.Encoder().encode
MOST_BYTES = 65_536  # of a group without its members
MOST_NAMED = 20  # ignored members that a log entry names


def apply(cursor: Cursor, change: Change, now: datetime) -> tuple[Accepted, Entry]:
    """Carry out one change; raises `Refused` before anything is written."""
    if change.verb == "create":
        return _create(cursor, change, now)
    row = group.find(cursor, change.list_id, change.resource_id or "")
    if row is None:
        raise Unknown(f"no group has the id '{change.resource_id}' in this list: look the group up by displayName")
    check_version(change, row.version)
    if change.verb == "delete":
        group.delete(cursor, row.list_id, row.id)
        members = [_moved("members", f"{row.member_count} of them", None)] if row.member_count else []
        changes = [_moved("displayName", row.document["displayName"], None), *members]
        return _outcome(change, row, "delete", changes, SAME)
    return _update(cursor, change, row, now)


def _create(cursor: Cursor, change: Change, now: datetime) -> tuple[Accepted, Entry]:
    document = change.apply(None)
    members = document.pop("members", SAME)
    _check_size(document)
    key = _claim_name(cursor, change.list_id, document, None)
    row = Group(
        change.list_id, change.resource_id or new_id(), document.get("externalId"), 0, 1, document, now, now
    )  # fmt: skip
    row.member_count, _ = group.change_members(cursor, row.list_id, row.id, members)
    group.insert(cursor, row, key)
    extension.note(cursor, [(row.list_id, GROUP, document)])
    changes = [_moved("displayName", None, document["displayName"])]
    if row.member_count:
        changes.append(_moved("members", None, f"{row.member_count} added"))
    return _outcome(change, row, "create", changes, members)


def _update(cursor: Cursor, change: Change, row: Group, now: datetime) -> tuple[Accepted, Entry]:
    document = change.apply(row.document)
    members = document.pop("members", SAME)
    _check_size(document)
    key = _claim_name(cursor, row.list_id, document, row)
    added, removed = (0, 0) if members.is_none else group.change_members(cursor, row.list_id, row.id, members)
    changes = [
        _moved(name, row.document.get(name), document.get(name))
        for name in sorted({*row.document, *document} - {"schemas"})
        if not alike(row.document.get(name), document.get(name))
    ]
    if added or removed:
        changes.append(_moved("members", None, f"{added} added, {removed} removed"))
    if changes:
        row.document, row.external_id = document, document.get("externalId")
        row.member_count += added - removed
        row.version, row.modified = row.version + 1, now
        group.update(cursor, row, key)
        extension.note(cursor, [(row.list_id, GROUP, document)])
    return _outcome(change, row, "update", changes, members)


def _claim_name(cursor: Cursor, list_id: str, document: Document, row: Group | None) -> str:
    """The key of the group's name; refused where another group of the list has it, in any case."""
    name = document["displayName"]
    key = equality_key(name)
    if row is not None and key == equality_key(row.document["displayName"]):
        return key
    other = group.named(cursor, list_id, key)
    if other is not None:
        raise Taken(
            f"displayName '{name}' belongs to another group of this list (id {other}): choose another name, or"
            " update that group"
        )
    return key


def _check_size(document: Document) -> None:
    size = len(_encode(document))
    if size > MOST_BYTES:
        raise TooLarge(f"the group would have {size} bytes without members, and {MOST_BYTES} is the most: send less")


def _moved(name: str, before: Any, after: Any) -> dict[str, Any]:
    return {"field": name, "before": before, "after": after}


def _outcome(
    change: Change, row: Group, operation: str, changes: list[dict[str, Any]], members: Members
) -> tuple[Accepted, Entry]:
    ignored = sorted(members.ignored)[:MOST_NAMED]
    told = {"displayName": row.document["displayName"], "changes": changes, "ignored": ignored}
    request = change.request
    entry = Entry(
        row.list_id, row.id, operation, _encode(told).decode(), request.body, request.token_prefix,
        request.request_id, request.idp, GROUP,
    )  # fmt: skip
    accepted = Accepted(
        row.id, _encode(row.document).decode(), row.version, row.created, row.modified, (), row.member_count, None,
        GROUP, operation,
    )  # fmt: skip
    return accepted, entry


def show_members(cursor: Cursor, changes: Sequence[Change], outcomes: list[Outcome]) -> None:
    """Put the members into the answers that show them."""
    shown = {
        (change.list_id, outcome.id)
        for change, outcome in zip(changes, outcomes, strict=True)
        if isinstance(outcome, Accepted) and 0 < outcome.member_count <= change.most_members
    }
    if not shown:
        return
    members = group.members_of(cursor, shown)
    for number, outcome in enumerate(outcomes):
        if isinstance(outcome, Accepted) and outcome.id in members:
            outcomes[number] = outcome.but(members=members[outcome.id])
