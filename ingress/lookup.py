"""Shared reads: many callers' look-ups in one transaction, which also checks their tokens."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec
import psycopg

from ingress.batches import Batches
from ingress.commit import Touch
from ingress.scim.errors import TooMany
from ingress.slots import Result
from models import database, identity, token
from models.database import Connection, Cursor
from models.errors import Refused
from models.identity import Key
from models.pipeline import Pipeline
from models.resource import Stored
from models.token import Grant, Holder
from ops import metrics

MOST = 128
SLOTS, SCANS = 3, 2  # of the former one list has two
# A scan chooses its plan freely, and for its own values (with a prefix that it does not know it uses no
# index: 160 ms, not 2). Time enough for a page of a million users, and an end to what nobody waits for.
SCAN_OPTIONS = "-c statement_timeout=10000 -c max_parallel_workers_per_gather=0 -c plan_cache_mode=force_custom_plan"
TOO_SLOW = "this takes too long to be answered: add a term that an index answers (userName eq, externalId eq, id eq)"


Grants = Callable[[], dict[str, Grant | Refused]]
Keyed = dict[str, Callable[[], dict[Key, Stored]]]  # by column


class ByKey(msgspec.Struct, frozen=True):
    """One identity by a unique column: `id` or `user_name_key`. Answers `Stored` or None."""

    column: str
    key: str


class Query(msgspec.Struct, frozen=True):
    """Anything else: a read of the list with a cursor of the shared transaction."""

    read: Callable[[Cursor], Any]


class Ask(msgspec.Struct, frozen=True):
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

    return Batches("lookup", database_url, run, slots=SLOTS, most=MOST, queue_limit=queue_limit, of=_list_of)


def scanner(database_url: str, touch: Touch, queue_limit: int) -> Batches[Ask, Any]:
    """The same for reads that may look at every row of a list: one a transaction, in threads of their own, so
    that they hold no look-up up."""

    scans = metrics.READ_SECONDS.labels("scan")

    def run(connection: Connection, asks: Sequence[Ask]) -> Result[Any]:
        try:
            with scans.time():
                answers, stale = _answers(connection, asks)
        except psycopg.errors.QueryCanceled:
            return [TooMany(TOO_SLOW)], lambda: None
        return answers, lambda: _afterwards(stale, touch)

    return Batches(
        "scan", database_url, run, slots=SCANS, most=1, queue_limit=queue_limit, options=SCAN_OPTIONS, beside=True,
        of=_list_of,
    )  # fmt: skip


def _list_of(ask: Ask) -> str | None:
    """Whose a question is; None of a token that is not known yet."""
    return None if ask.holder is None else ask.holder.list_id


def _answers(connection: Connection, asks: Sequence[Ask]) -> tuple[list[Any], list[Ask]]:
    """Answers, and the asks whose tokens were last used a while ago. Ids and user names take one round trip."""
    lists = {ask.holder.list_id for ask in asks if ask.holder is not None}
    if any(isinstance(ask.what, Query) for ask in asks):
        with database.transaction(connection, lists) as cursor:
            cursor.execute("set local plan_cache_mode = auto")  # filters have plans for their own values
            return _told(asks, *_asked(connection.cursor, asks), cursor)
    with Pipeline(connection) as pipeline:
        # Up to its end the server takes all of it as one transaction, without BEGIN and COMMIT.
        cursor = cast(Cursor, pipeline)
        database.allow(cursor, lists)
        asked = _asked(lambda: cursor, asks)
    return _told(asks, *asked)


def _asked(opened: Callable[[], Cursor], asks: Sequence[Ask]) -> tuple[Grants, Keyed]:
    """What is asked of the database whatever the tokens allow: it is told to those alone that may know it."""
    holders = {ask.holder.token_id for ask in asks if ask.holder is not None}
    keys: dict[str, set[Key]] = {}
    for ask in asks:
        if isinstance(ask.what, ByKey) and ask.holder is not None:
            keys.setdefault(ask.what.column, set()).add((ask.holder.list_id, ask.what.key))
    grants = token.asked(opened(), holders) if holders else dict
    return grants, {column: identity.asked(opened(), column, those) for column, those in keys.items()}


def _told(
    asks: Sequence[Ask], grants: Grants, keyed: Keyed, cursor: Cursor | None = None
) -> tuple[list[Any], list[Ask]]:
    allowed, found = grants(), {column: fetched() for column, fetched in keyed.items()}
    answers, stale = [], []
    for ask in asks:
        verdict = _verdict(ask, allowed)
        if isinstance(verdict, Grant) and verdict.stale:
            stale.append(ask)
        answers.append(verdict if isinstance(verdict, Refused) else _answer(ask, found, cursor))
    return answers, stale


def _answer(ask: Ask, found: dict[str, dict[Key, Stored]], cursor: Cursor | None) -> Any:
    match ask.what:
        case ByKey(column, key) if ask.holder is not None:
            return found[column].get((ask.holder.list_id, key))
        case Query() if cursor is not None:
            return _attempt(ask.what, cursor)
    return None


def _verdict(ask: Ask, grants: dict[str, Grant | Refused]) -> Grant | Refused | None:
    return None if ask.holder is None else token.verdict(grants, ask.holder.token_id, ask.address)


def _afterwards(stale: list[Ask], touch: Touch) -> None:
    for ask in stale:
        if ask.holder is not None:
            touch(ask.holder, ask.address)


def _attempt(what: Query, cursor: Cursor) -> Any:
    try:
        return what.read(cursor)
    except Refused as refusal:
        return refusal
