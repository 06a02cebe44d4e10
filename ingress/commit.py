"""Group commit: accepted changes of many callers in one durable transaction."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import msgspec

from ingress.batches import Batches, CommitUnknown, Result
from models import acceptance, bulk, database, token
from models.bulk import Bulk
from models.change import Change, Outcome
from models.database import Connection, Cursor, lock_key
from models.errors import Refused
from models.journal import Lane
from models.pipeline import Pipeline
from models.token import Grant, Holder
from ops import metrics

MOST = 128  # changes a transaction: larger ones gain nothing and hold their row locks longer
SLOTS = 2


class Ask(msgspec.Struct, frozen=True):
    """One caller's change or bulk request, the token that it came with and where that came from."""

    holder: Holder
    work: Change | Bulk
    address: str


Ring = Callable[[Sequence[Lane]], object]
Touch = Callable[[Holder, str], None]
Answer = Outcome | list[Outcome | None]  # of a change, or of each of a bulk request's


def writers(
    database_url: str, ring: Ring, touch: Touch, queue_limit: int
) -> tuple[Batches[Ask, Answer], Batches[Ask, Answer]]:
    """The writer: submit an `Ask`, get its `Answer`; and the one for what would hold others up, a transaction each.
    `touch` is told of tokens used after a minute."""

    def run(connection: Connection, asks: Sequence[Ask]) -> Result[Answer]:
        started = time.perf_counter()
        outcomes, lanes, stale = _commit(connection, asks)
        metrics.COMMIT_BATCH_SIZE.observe(len(asks))
        metrics.COMMIT_SECONDS.observe(time.perf_counter() - started)
        return outcomes, lambda: _afterwards(ring, lanes, stale, touch)

    made = partial(Batches, database_url=database_url, run=run, slots=SLOTS, queue_limit=queue_limit)
    return made("commit", most=MOST), made("heavy", most=1, beside=True)


def _afterwards(ring: Ring, lanes: list[Lane], stale: list[Ask], touch: Touch) -> None:
    if lanes:
        ring(lanes)
    for ask in stale:
        touch(ask.holder, ask.address)


def _commit(connection: Connection, asks: Sequence[Ask]) -> tuple[list[Answer], list[Lane], list[Ask]]:
    sent = False
    try:
        # Three round trips: the tokens, the locked rows, and all writes with COMMIT.
        with Pipeline(connection) as pipeline:
            cursor = cast(Cursor, pipeline)
            cursor.execute("begin")
            grants = _enter(cursor, asks)
            outcomes, lanes = _accept(cursor, asks, grants)
            sent = True
            cursor.execute("commit")
    except Exception as error:
        _roll_back(connection)
        if sent and connection.closed:
            raise CommitUnknown from error
        raise
    stale = [ask for ask in asks if _is_stale(grants.get(ask.holder.token_id))]
    return outcomes, lanes, stale


def _roll_back(connection: Connection) -> None:
    """A connection that cannot be rolled back any more is closed: one that dies in a pipeline does not know it yet."""
    if connection.closed:
        return
    try:
        connection.rollback()
    except database.LOST:
        connection.close()


def _is_stale(grant: Grant | Refused | None) -> bool:
    return isinstance(grant, Grant) and grant.stale


def _enter(cursor: Cursor, asks: Sequence[Ask]) -> dict[str, Grant | Refused]:
    """Hold Disconnect off, then ask what the batch's tokens allow now: in this order, so that a
    Disconnect either waits for this batch or is seen by it."""
    lists = {ask.holder.list_id for ask in asks}
    database.allow(cursor, lists)
    keys = sorted(lock_key("intake", list_id) for list_id in lists)
    cursor.execute("select pg_advisory_xact_lock_shared(key) from unnest(%b::int8[]) key", (keys,))
    return token.check(cursor, {ask.holder.token_id for ask in asks})


def _accept(cursor: Cursor, asks: Sequence[Ask], grants: dict[str, Grant | Refused]) -> tuple[list[Answer], list[Lane]]:
    verdicts = [grants.get(ask.holder.token_id) or token.unknown() for ask in asks]
    unique_identifiers = {v.list_id: v.unique_identifier for v in verdicts if isinstance(v, Grant)}
    allowed = [ask.work for ask, verdict in zip(asks, verdicts, strict=True) if isinstance(verdict, Grant)]
    if len(asks) == 1 and allowed and isinstance(allowed[0], Bulk):
        outcomes, lanes = bulk.accept(cursor, allowed[0], unique_identifiers)
        return [outcomes], lanes
    changes = [work for work in allowed if isinstance(work, Change)]
    accepted, lanes = acceptance.accept(cursor, changes, unique_identifiers) if changes else ([], [])
    answers = iter(accepted)
    return [next(answers) if isinstance(v, Grant) else v for v in verdicts], lanes
