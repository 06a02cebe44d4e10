"""Group commit: accepted changes of many callers in one durable transaction."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import msgspec

from ingress.batches import OPTIONS, Batches
from ingress.slots import CommitUnknown, Result
from models import bulk, database, token
from models.acceptance import Batch
from models.bulk import Bulk
from models.change import Change, Outcome
from models.database import Connection, Cursor, lock_key
from models.errors import Refused
from models.journal import Lane
from models.pipeline import Pipeline, Sent
from models.token import Grant, Holder
from ops import metrics

MOST = 128  # changes a transaction: larger ones gain nothing and hold their row locks longer
SLOTS, HEAVY = 3, 2  # of the former one list has two
HEAVY_LOCK_TIMEOUT = " -c lock_timeout=2000"  # that a request waits for somebody else's transaction


class Ask(msgspec.Struct, frozen=True):
    """One caller's change or bulk request, the token that it came with and where that came from."""

    holder: Holder
    work: Change | Bulk
    address: str


Ring = Callable[[Sequence[Lane]], object]
Touch = Callable[[Holder, str], None]
Verdict = Grant | Refused
Grants = Callable[[], dict[str, Verdict]]  # by token id
Identifiers = dict[str, str]  # which attribute is a list's UID
Answer = Outcome | list[Outcome | None]  # of a change, or of each of a bulk request's


def writers(
    database_url: str, ring: Ring, touch: Touch, queue_limit: int
) -> tuple[Batches[Ask, Answer], Batches[Ask, Answer]]:
    """The writer: submit an `Ask`, get its `Answer`; and the one for what would hold others up, a transaction each.
    `touch` is told of tokens used after a minute."""

    identifiers: Identifiers = {}

    def run(connection: Connection, asks: Sequence[Ask]) -> Result[Answer]:
        started = time.perf_counter()
        outcomes, lanes, stale = _commit(connection, asks, identifiers)
        metrics.COMMIT_BATCH_SIZE.observe(len(asks))
        metrics.COMMIT_SECONDS.observe(time.perf_counter() - started)
        return outcomes, lambda: _afterwards(ring, lanes, stale, touch)

    made = partial(
        Batches, database_url=database_url, run=run, queue_limit=queue_limit,
        of=lambda ask: ask.holder.list_id,
    )  # fmt: skip
    heavy = made("heavy", slots=HEAVY, most=1, beside=True, options=OPTIONS + HEAVY_LOCK_TIMEOUT)
    return made("commit", slots=SLOTS, most=MOST, apart=heavy), heavy


def _afterwards(ring: Ring, lanes: list[Lane], stale: list[Ask], touch: Touch) -> None:
    if lanes:
        ring(lanes)
    for ask in stale:
        touch(ask.holder, ask.address)


def _commit(
    connection: Connection, asks: Sequence[Ask], identifiers: Identifiers
) -> tuple[list[Answer], list[Lane], list[Ask]]:
    """`identifiers` remembers what earlier batches saw: a guess, so that rows can be locked in the same round trip in
    which the tokens are looked at."""
    committed: Sent | None = None
    try:
        # Two round trips: tokens and locked rows, and all writes with COMMIT.
        with Pipeline(connection) as pipeline:
            cursor = cast(Cursor, pipeline)
            cursor.execute("begin")
            grants = _enter(cursor, asks)
            outcomes, lanes, verdicts = _accept(cursor, asks, grants, identifiers)
            committed = pipeline.execute("commit")
    except Exception as error:
        database.roll_back(connection)
        # What was lost behind COMMIT's own answer takes nothing of it back.
        if committed is None or not committed.succeeded:
            if committed is not None and connection.closed:
                raise CommitUnknown from error
            raise
    stale = [ask for ask, verdict in zip(asks, verdicts, strict=True) if isinstance(verdict, Grant) and verdict.stale]
    return outcomes, lanes, stale


def _enter(cursor: Cursor, asks: Sequence[Ask]) -> Grants:
    """Hold Disconnect off, then ask what the batch's tokens allow now: in this order, so that a
    Disconnect either waits for this batch or is seen by it."""
    lists = {ask.holder.list_id for ask in asks}
    database.allow(cursor, lists)
    keys = sorted(lock_key("intake", list_id) for list_id in lists)
    cursor.execute("select pg_advisory_xact_lock_shared(key) from unnest(%b::int8[]) key", (keys,))
    return token.asked(cursor, {ask.holder.token_id for ask in asks})


def _accept(
    cursor: Cursor, asks: Sequence[Ask], grants: Grants, identifiers: Identifiers
) -> tuple[list[Answer], list[Lane], list[Verdict]]:
    if len(asks) == 1 and isinstance(asks[0].work, Bulk):
        return _accept_bulk(cursor, asks[0], asks[0].work, grants)
    lists = {ask.holder.list_id for ask in asks}
    batch = Batch(cursor, {list_id: identifiers[list_id] for list_id in lists & identifiers.keys()})
    changes = [ask.work for ask in asks if isinstance(ask.work, Change)]
    batch.announce(changes)
    verdicts = _verdicts(asks, grants)
    for verdict in verdicts:
        if isinstance(verdict, Grant):
            batch.unique_identifiers[verdict.list_id] = identifiers[verdict.list_id] = verdict.unique_identifier
    allowed = [change for change, verdict in zip(changes, verdicts, strict=True) if isinstance(verdict, Grant)]
    outcomes, lanes = batch.carry_out(allowed)
    answers = iter(outcomes)
    return [next(answers) if isinstance(v, Grant) else v for v in verdicts], lanes, verdicts


def _accept_bulk(
    cursor: Cursor, ask: Ask, work: Bulk, grants: Grants
) -> tuple[list[Answer], list[Lane], list[Verdict]]:
    verdicts = _verdicts([ask], grants)
    if not isinstance(verdicts[0], Grant):
        return [verdicts[0]], [], verdicts
    outcomes, lanes = bulk.accept(cursor, work, {ask.holder.list_id: verdicts[0].unique_identifier})
    return [outcomes], lanes, verdicts


def _verdicts(asks: Sequence[Ask], grants: Grants) -> list[Verdict]:
    told = grants()
    return [token.verdict(told, ask.holder.token_id, ask.address) for ask in asks]
