"""The journal: one row per accepted operation, the queue of truth between ingress and workers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from models.database import Cursor, lock_key
from models.text import checksum

# Changed only by a migration on an empty journal: otherwise one identity's rows lie in two lanes.
LANES = 16
MOST_COUNTED = 10_000  # of one list's rows, for a page
LEAST_SHARE = 8  # rows a lane gets of a claim, however many lanes are rung


class Lane(NamedTuple):
    """One strand of a list's operations: applied in order, by one worker at a time."""

    list_id: str
    number: int


class Backlog(NamedTuple):
    """What is not in the lists yet, over all of them."""

    pending: int
    oldest_seconds: float
    waiting: int
    set_aside: int


class Unapplied(NamedTuple):
    """What one list accepted and does not show yet; at most `MOST_COUNTED` are counted."""

    operations: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Entry:
    """An operation to be written to the journal; `document` and `body` are JSON texts."""

    list_id: str
    resource_id: str
    operation: str
    document: str | None
    body: str | None
    token_prefix: str | None
    request_id: str
    idp: str | None
    resource: str = "user"


# A struct, as is all that a drain makes one of a row: five times as fast to make as a frozen dataclass.
class Event(msgspec.Struct, frozen=True):
    """A journal row as a worker reads it."""

    list_id: str
    lane: int
    seq: int
    resource: str
    resource_id: str
    operation: str
    document: dict[str, Any] | None
    body: str | None
    token_prefix: str | None
    request_id: str
    idp: str | None
    accepted_at: datetime


COLUMNS = (
    "list_id, lane, seq, resource, resource_id, operation, document, body, token_prefix, request_id, idp, accepted_at"
)
_READ = COLUMNS.replace("resource_id", "resource_id::text")


def lane_of(list_id: str, resource_id: str) -> Lane:
    """The lane of an identity or a group, by its SCIM id."""
    return Lane(list_id, checksum(resource_id) % LANES)


def append(cursor: Cursor, entries: Sequence[Entry]) -> list[Lane]:
    """Write operations in this order; returns the lanes to ring after COMMIT.

    To run after the identities' row locks are held, never before: seq is the order of acceptance.
    """
    lanes = [lane_of(entry.list_id, entry.resource_id) for entry in entries]
    cursor.execute(
        "insert into journal (list_id, lane, resource, resource_id, operation, document, body, token_prefix,"
        " request_id, idp) select list_id, lane, resource, resource_id, operation, document::jsonb, body,"
        " token_prefix, request_id, idp from unnest(%b::text[], %b::int2[], %b::text[], %b::uuid[],"
        " %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[]) with ordinality as v"
        " (list_id, lane, resource, resource_id, operation, document, body, token_prefix, request_id, idp, n)"
        " order by n",
        (
            [entry.list_id for entry in entries],
            [lane.number for lane in lanes],
            [entry.resource for entry in entries],
            [entry.resource_id for entry in entries],
            [entry.operation for entry in entries],
            [entry.document for entry in entries],
            [entry.body for entry in entries],
            [entry.token_prefix for entry in entries],
            [entry.request_id for entry in entries],
            [entry.idp for entry in entries],
        ),
    )
    return list(dict.fromkeys(lanes))


def _columns(lanes: Iterable[Lane]) -> tuple[list[str], list[int]]:
    pairs = list(lanes)
    return [lane.list_id for lane in pairs], [lane.number for lane in pairs]


def lock(cursor: Cursor, lanes: Sequence[Lane]) -> list[Lane]:
    """The lanes that nobody else is draining, locked until the transaction ends.

    A statement of its own, before the claim: within one statement the snapshot would be older
    than the lock, and rows that the previous holder settled would come back.
    """
    list_ids, numbers = _columns(lanes)
    cursor.execute(
        "select k.list_id, k.lane from unnest(%b::text[], %b::int2[], %b::int8[], %b::int8[])"
        " k (list_id, lane, roster, key)"
        " where pg_try_advisory_xact_lock_shared(k.roster) and pg_try_advisory_xact_lock(k.key)",
        (
            list_ids,
            numbers,
            [lock_key("roster", list_id) for list_id in list_ids],
            [lock_key("lane", *lane) for lane in lanes],
        ),
    )
    return [Lane(*row) for row in cursor.fetchall()]


def claim(cursor: Cursor, lanes: Sequence[Lane], limit: int, single: bool = False) -> list[Event]:
    """Up to `limit` rows of locked lanes, oldest first. Lanes in trouble are left to the sweep (`single`)."""
    list_ids, numbers = _columns(lanes)
    share = limit if len(lanes) == 1 else max(min(LEAST_SHARE, limit), limit // max(1, len(lanes)))
    cursor.execute(
        "select j.* from unnest(%b::text[], %b::int2[]) k (list_id, lane) cross join lateral"
        f" (select {_READ} from journal where list_id = k.list_id and lane = k.lane order by seq limit %s) j"
        " where %s or not exists (select from lane_trouble t where t.list_id = k.list_id and t.lane = k.lane"
        " and t.single) order by j.seq",
        (list_ids, numbers, share, single),
    )
    return [Event(*row) for row in cursor.fetchall()]


# LATERAL with OFFSET or LIMIT pins both plans to one look into the index a key. A vacuum that finds the journal empty
# makes it look like a table of one row: as joins they walked through all of it for every key, 0.5 to 1 s a drain while
# 10,000 rows waited.
SETTLE = (
    "delete from journal where ctid = any(array(select j.ctid from unnest(%b::text[], %b::int2[], %b::int8[])"
    " k (list_id, lane, seq) cross join lateral (select ctid from journal"
    " where list_id = k.list_id and lane = k.lane and seq = k.seq offset 0) j))"
)
LEFT = (
    "select k.list_id, k.lane from unnest(%b::text[], %b::int2[]) k (list_id, lane) cross join lateral"
    " (select from journal where list_id = k.list_id and lane = k.lane limit 1) j"
    " where not exists (select from lane_trouble t where t.list_id = k.list_id and t.lane = k.lane and t.single)"
)


def settle(cursor: Cursor, events: Sequence[Event]) -> None:
    """Delete exactly the rows that were read: a `seq <= newest` would take rows not yet visible then."""
    cursor.execute(
        SETTLE,
        (
            [event.list_id for event in events],
            [event.lane for event in events],
            [event.seq for event in events],
        ),
    )


def left(cursor: Cursor, lanes: Sequence[Lane]) -> list[Lane]:
    """Which of these lanes have rows: asked AFTER the commit that gave their locks back, or a row
    that came while they were held would wait for the sweep."""
    list_ids, numbers = _columns(lanes)
    cursor.execute(LEFT, (list_ids, numbers))
    return [Lane(*row) for row in cursor.fetchall()]


def pending(cursor: Cursor, list_id: str) -> bool:
    """Whether a list has operations that are not applied yet."""
    cursor.execute("select exists (select from journal where list_id = %s)", (list_id,))
    row = cursor.fetchone()
    return bool(row and row[0])


def unapplied(cursor: Cursor, list_id: str) -> Unapplied:
    """How many operations of a list wait for a worker, and since when."""
    cursor.execute(
        "select (select count(*) from (select from journal where list_id = %(list)s limit %(most)s) j),"
        " (select min(first.accepted_at) from generate_series(0, %(lanes)s - 1) lane cross join lateral"
        " (select accepted_at from journal where list_id = %(list)s and journal.lane = lane.lane"
        " order by seq limit 1) first)",
        {"list": list_id, "most": MOST_COUNTED, "lanes": LANES},
    )
    row = cursor.fetchone()
    assert row
    return Unapplied(*row)


def backlog(cursor: Cursor) -> Backlog:
    """The journal's state, for gauges and `muster backlog`; more than 10,000 pending rows are an estimate."""
    cursor.execute("select pending, coalesce(oldest, 0), waiting, aside from muster_backlog()")
    row = cursor.fetchone()
    assert row
    return Backlog(row[0], max(0.0, row[1]), row[2], row[3])


def put_aside(cursor: Cursor, event: Event, error: str) -> None:
    """Move a row that cannot be applied out of its lane's way; its log entry is the caller's."""
    cursor.execute(
        f"insert into set_aside ({COLUMNS}, error) select {COLUMNS}, %s from journal"
        " where list_id = %s and lane = %s and seq = %s on conflict do nothing",
        (error[:2000], event.list_id, event.lane, event.seq),
    )
    settle(cursor, [event])
