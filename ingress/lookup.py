"""Shared reads: many callers' look-ups in one transaction, which also checks their tokens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from ingress.batches import Batches, Result
from ingress.commit import Touch
from ingress.scim.errors import TooMany
from models import database, identity, token
from models.database import Connection, Cursor
from models.errors import Refused
from models.resource import Stored
from models.token import Grant, Holder
from ops import metrics

MOST = 128
SLOTS = 2
# A scan chooses its plan freely, and for its own values (with a prefix that it does not know it uses no
# index: 160 ms, not 2). Time enough for a page of a million users, and an end to what nobody waits for.
SCAN_OPTIONS = (
    "-c statement_timeout=10000 -c jit=off -c max_parallel_workers_per_gather=0 -c plan_cache_mode=force_custom_plan"
)
TOO_SLOW = "this takes too long to be answered: add a term that an index answers (userName eq, externalId eq, id eq)"


@dataclass(frozen=True, slots=True)
class ByKey:
    """One identity by a unique column: `id` or `user_name_key`. Answers `Stored` or None."""

    column: str
    key: str


@dataclass(frozen=True, slots=True)
class Query:
    """Anything else: a read of the list with a cursor of the shared transaction."""

    read: Callable[[Cursor], Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """One caller's question; with `what` None only the token is checked, with `holder` None none is."""

    holder: Holder | None
    what: ByKey | Query | None
    address: str


def reader(database_url: str, touch: Touch, queue_limit: int) -> Batches[Ask, Any]:
    """The reader: submit an `Ask`, get what was read, or a `Refused`."""

    lookups = metrics.READ_SECONDS.labels("lookup")

    def run(connection: Connection, asks: Sequence[Ask]) -> Result[Any]:
        with lookups.time():
            answers, stale = _answers(connection, asks)
        metrics.LOOKUP_BATCH_SIZE.observe(len(asks))
        return answers, lambda: _afterwards(stale, touch)

    return Batches("lookup", database_url, run, slots=SLOTS, most=MOST, queue_limit=queue_limit)


def scanner(database_url: str, touch: Touch, queue_limit: int) -> Batches[Ask, Any]:
    """The same for reads that may look at every row of a list: one a transaction, in slots of their own, so
    that they hold no look-up up."""

    scans = metrics.READ_SECONDS.labels("scan")

    def run(connection: Connection, asks: Sequence[Ask]) -> Result[Any]:
        try:
            with scans.time():
                answers, stale = _answers(connection, asks)
        except psycopg.errors.QueryCanceled:
            return [TooMany(TOO_SLOW)], lambda: None
        return answers, lambda: _afterwards(stale, touch)

    return Batches("scan", database_url, run, slots=SLOTS, most=1, queue_limit=queue_limit, options=SCAN_OPTIONS)


def _answers(connection: Connection, asks: Sequence[Ask]) -> tuple[list[Any], list[Ask]]:
    holders = {ask.holder for ask in asks if ask.holder is not None}
    with database.transaction(connection, {holder.list_id for holder in holders}) as cursor:
        grants = token.check(cursor, {holder.token_id for holder in holders}) if holders else {}
        verdicts = [_verdict(ask, grants) for ask in asks]
        answers = _read(cursor, asks, verdicts)
    return answers, [a for a, v in zip(asks, verdicts, strict=True) if isinstance(v, Grant) and v.stale]


def _verdict(ask: Ask, grants: dict[str, Grant | Refused]) -> Grant | Refused | None:
    return None if ask.holder is None else grants.get(ask.holder.token_id) or token.unknown()


def _afterwards(stale: list[Ask], touch: Touch) -> None:
    for ask in stale:
        if ask.holder is not None:
            touch(ask.holder, ask.address)


def _read(cursor: Cursor, asks: Sequence[Ask], verdicts: Sequence[Grant | Refused | None]) -> list[Any]:
    found = {column: _by_keys(cursor, column, asks, verdicts) for column in ("id", "user_name_key")}
    answers: list[Any] = []
    for ask, verdict in zip(asks, verdicts, strict=True):
        if isinstance(verdict, Refused):
            answers.append(verdict)
        elif isinstance(ask.what, ByKey):
            answers.append(found[ask.what.column].get((_list(ask), ask.what.key)))
        else:
            answers.append(_attempt(ask.what, cursor) if ask.what is not None else None)
    return answers


def _attempt(what: Query, cursor: Cursor) -> Any:
    try:
        return what.read(cursor)
    except Refused as refusal:
        return refusal


def _list(ask: Ask) -> str:
    return ask.holder.list_id if ask.holder is not None else ""


def _by_keys(
    cursor: Cursor, column: str, asks: Sequence[Ask], verdicts: Sequence[Grant | Refused | None]
) -> dict[tuple[str, str], Stored]:
    keys = {
        (_list(ask), ask.what.key)
        for ask, verdict in zip(asks, verdicts, strict=True)
        if isinstance(verdict, Grant) and isinstance(ask.what, ByKey) and ask.what.column == column
    }
    return identity.by_keys(cursor, column, keys) if keys else {}
