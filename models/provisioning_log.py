"""The provisioning log: one entry for every operation that an IdP sent (product rules L1, L2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from psycopg.types.json import Jsonb

from models.database import Cursor
from models.journal import Event

BODY_LIMIT = 65_536  # characters kept of a body
_encode = msgspec.json.Encoder().encode

APPLIED, PARTLY, WAITING, REJECTED, NO_CHANGE = (
    "applied",
    "partly_applied",
    "waiting",
    "rejected",
    "no_change",
)


class LogEntry(msgspec.Struct):
    """What became of one operation. `changes`: [{"field", "before", "after"}], fields by label."""

    event: Event
    result: str = NO_CHANGE
    operation: str = ""
    waits: bool = False
    reason: str | None = None  # why the identity waits, if it does
    person_id: str | None = None
    uid: str | None = None
    changes: list[dict[str, Any]] = []
    detail: str | None = None


@dataclass(slots=True)
class Refusal:
    """A refused request of a known token; repeats within its window are counted, not kept."""

    list_id: str
    token_prefix: str
    resource: str
    operation: str
    detail: str
    request_id: str
    idp: str | None
    body: str | None
    at: datetime
    identity_id: str | None = None
    user_name: str | None = None
    repeats: int = 1


def write(cursor: Cursor, entries: Sequence[LogEntry]) -> None:
    """Entries of settled journal rows; id and time are the row's, so that a second writing would clash."""
    cursor.execute(
        "insert into log_entry (list_id, at, id, resource, operation, result, waits, identity_id, person_id,"
        " user_name, uid, changes, detail, request_id, token_prefix, idp, body, applied_at)"
        " select v.*, clock_timestamp() from unnest(%b::text[], %b::timestamptz[], %b::int8[], %b::text[],"
        " %b::text[], %b::text[], %b::bool[], %b::uuid[], %b::uuid[], %b::text[], %b::text[], %b::jsonb[],"
        " %b::text[], %b::text[], %b::text[], %b::text[], %b::text[]) v",
        (
            [entry.event.list_id for entry in entries],
            [entry.event.accepted_at for entry in entries],
            [entry.event.seq for entry in entries],
            [entry.event.resource for entry in entries],
            [entry.operation or entry.event.operation for entry in entries],
            [entry.result for entry in entries],
            [entry.waits for entry in entries],
            [entry.event.resource_id if entry.event.resource == "user" else None for entry in entries],
            [entry.person_id for entry in entries],
            [_name(entry.event.document or {}) for entry in entries],
            [entry.uid for entry in entries],
            [_encode(entry.changes).decode() for entry in entries],
            [entry.detail for entry in entries],
            [entry.event.request_id for entry in entries],
            [entry.event.token_prefix for entry in entries],
            [entry.event.idp for entry in entries],
            [entry.event.body[:BODY_LIMIT] if entry.event.body else None for entry in entries],
        ),
    )


def _name(document: dict[str, Any]) -> str | None:
    """Whom or what an operation was about, in words: a userName, or a group's displayName."""
    return document.get("userName") or document.get("displayName")


def supersede(cursor: Cursor, ended: Sequence[tuple[str, str, int, str]]) -> None:
    """End the earlier waits of identities: (list, identity, seq of the operation that did it, its request id)."""
    cursor.execute(
        "update log_entry e set waits = false,"
        " result = case when e.result = 'waiting' then 'no_change' else e.result end,"
        " detail = case when e.result = 'waiting' then 'Superseded by ' || v.request_id else e.detail end"
        " from unnest(%b::text[], %b::uuid[], %b::int8[], %b::text[]) v (list_id, identity_id, seq, request_id)"
        " where e.waits and e.list_id = v.list_id and e.identity_id = v.identity_id and e.id < v.seq",
        (
            [row[0] for row in ended],
            [row[1] for row in ended],
            [row[2] for row in ended],
            [row[3] for row in ended],
        ),
    )


class Wait(NamedTuple):
    """An entry that waits: `uid` is the one that its person had then, or where there was none, the one waited for."""

    id: int
    request_id: str
    changes: list[dict[str, Any]]
    person_id: str | None
    uid: str | None


def latest_wait(cursor: Cursor, list_id: str, identity_id: str) -> Wait | None:
    """The newest entry on whose account an identity waits."""
    # OFFSET 0: drains have sorts off, and the planner would walk the whole log back in order of id to avoid one.
    cursor.execute(
        "select w.* from (select id, request_id, changes, person_id::text, uid from log_entry"
        " where list_id = %s and identity_id = %s and waits offset 0) w order by id desc limit 1",
        (list_id, identity_id),
    )
    row = cursor.fetchone()
    return Wait(*row) if row else None


def mend(cursor: Cursor, list_id: str, entry_id: int, outcome: LogEntry, changes: list[dict[str, Any]]) -> None:
    """A waiting entry's outcome, now that its cause is gone."""
    cursor.execute(
        "update log_entry set waits = %s, result = %s, detail = %s, person_id = coalesce(%s, person_id),"
        " uid = coalesce(%s, uid), changes = %s, applied_at = clock_timestamp()"
        " where list_id = %s and id = %s and waits",
        (
            outcome.waits,
            outcome.result,
            outcome.detail,
            outcome.person_id,
            outcome.uid,
            Jsonb(changes),
            list_id,
            entry_id,
        ),
    )


def write_refusals(cursor: Cursor, refusals: Sequence[Refusal]) -> None:
    """Refused requests, with ids of the journal's sequence."""
    for refusal in refusals:
        cursor.execute(
            "insert into log_entry (list_id, at, id, resource, operation, result, identity_id, user_name, detail,"
            " request_id, token_prefix, idp, body, repeats) values (%s, %s, nextval('journal_seq'), %s, %s,"
            " 'rejected', %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                refusal.list_id,
                refusal.at,
                refusal.resource,
                refusal.operation,
                refusal.identity_id,
                refusal.user_name,
                refusal.detail,
                refusal.request_id,
                refusal.token_prefix,
                refusal.idp,
                refusal.body[:BODY_LIMIT] if refusal.body else None,
                refusal.repeats,
            ),
        )


_SHOWN = (
    "id, at, resource, operation, result, identity_id, person_id, user_name, uid, changes, detail, request_id,"
    " token_prefix, idp, at, applied_at, repeats"
)
_NAMES = (
    "id", "at", "resource", "operation", "result", "identity_id", "person_id", "user_name", "uid", "changes", "detail",
    "request_id", "token_prefix", "idp", "accepted_at", "applied_at", "repeats",
)  # fmt: skip


def newest(cursor: Cursor, list_id: str, limit: int) -> list[dict[str, Any]]:
    """The newest entries of a list, newest first, as `muster log --json` prints them."""
    cursor.execute(
        f"select {_SHOWN} from log_entry where list_id = %s order by at desc, id desc limit %s",
        (list_id, limit),
    )
    return [dict(zip(_NAMES, row, strict=True)) for row in cursor.fetchall()]


def of_person(cursor: Cursor, list_id: str, person_id: str, limit: int) -> list[dict[str, Any]]:
    """The newest entries about one person."""
    cursor.execute(
        f"select {_SHOWN} from log_entry where list_id = %s and person_id = %s order by at desc, id desc limit %s",
        (list_id, person_id, limit),
    )
    return [dict(zip(_NAMES, row, strict=True)) for row in cursor.fetchall()]


def last_at(cursor: Cursor, list_id: str) -> datetime | None:
    """When the list's IdP was last heard of in the log."""
    cursor.execute("select at from log_entry where list_id = %s order by at desc limit 1", (list_id,))
    row = cursor.fetchone()
    return row[0] if row else None


def ensure_partitions(cursor: Cursor, months: int = 2) -> None:
    """A partition for this month and the next ones, made before they are needed.

    Raises LockNotAvailable where somebody reads all of the log for longer than 100 ms: nothing is made then.
    """
    cursor.execute("select muster_log_partitions(%s)", (months,))
