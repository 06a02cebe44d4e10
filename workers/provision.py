"""Provision: claim lanes, project, match, write people and log, settle the journal: one transaction."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
import structlog
from psycopg import errors

from models import connection as connections
from models import database, identity, journal, person, provisioning_log
from models.connection import Roster
from models.database import Connection, Cursor
from models.journal import Event, Lane
from models.pipeline import OUTDATED, pipelined
from models.provisioning_log import LogEntry
from ops import metrics
from workers import applying, involved
from workers.involved import Involved

HURRIED_MS = 50
ROWS = 500  # a drain's share: then it gives its place back (I9)

# In this order: locks, deadlocks and time-outs of statements are OperationalErrors too, as a lost connection is.
_REASONS: dict[str, tuple[type[Exception], ...]] = {
    "lock": (errors.LockNotAvailable,),
    "clash": database.CLASHES,
    "timeout": (errors.QueryCanceled, errors.TransactionTimeout),
    "lost": database.LOST,
}
# Errors of values, and of limits that a value is beyond; whatever else PostgreSQL says may be over the next time.
_OF_ROWS = (errors.DataError, errors.IntegrityError, errors.ProgramLimitExceeded)

_log = structlog.get_logger()


class Stopwatch:
    """How long the phases of a drain took, in seconds: claim, read, apply, write, commit."""

    def __init__(self) -> None:
        self._at = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, phase: str) -> None:
        """A phase has ended."""
        now = time.perf_counter()
        self.laps[phase] = now - self._at
        self._at = now

    @property
    def total(self) -> float:
        """All of them."""
        return sum(self.laps.values())


@dataclass(slots=True)
class Settled:
    """What a drain did: its entries, and the lanes that have work left."""

    entries: list[LogEntry] = field(default_factory=list)
    again: list[Lane] = field(default_factory=list)

    def add(self, other: "Settled") -> "Settled":
        """Both together."""
        return Settled(self.entries + other.entries, self.again + other.again)


def provision(
    connection: Connection,
    lanes: Sequence[Lane],
    rosters: dict[str, Roster],
    *,
    limit: int = ROWS,
    single: bool = False,
    hurried: bool = False,
) -> Settled:
    """Apply up to `limit` rows of these lanes. `rosters` is the caller's cache of compiled mappings.

    A batch that fails for anything but a lost connection was rolled back, and is tried in parts,
    down to one row of one lane; that one is set aside if it is the row's own fault, and what else was wrong is raised.
    Where somebody held a lock for
    longer than the connection waits, the parts are `hurried`: they wait for 50 ms each, and lists that are not
    concerned go on.
    """
    claimed: list[Event] = []
    try:
        with suppress(*OUTDATED):
            return _once(connection, lanes, claimed, rosters, limit, single, hurried)
        return _once(connection, lanes, claimed, rosters, limit, single, hurried)
    except Exception as error:
        metrics.DRAINS_FAILED.labels(reason_of(error)).inc()
        if connection.closed:
            raise
        _log.warning("drain_failed", error=repr(error), lanes=len(lanes), limit=limit)
        if limit == 1 and len(lanes) == 1:
            return _alone(connection, lanes[0], rosters, single, error, claimed)
        hurried = hurried or isinstance(error, errors.LockNotAvailable)
    if len(lanes) == 1:
        return provision(connection, lanes, rosters, limit=max(1, limit // 4), single=single, hurried=hurried)
    settled = Settled()
    for part in _parts(lanes):
        settled = settled.add(provision(connection, part, rosters, limit=limit, single=single, hurried=hurried))
    return settled


def _parts(lanes: Sequence[Lane]) -> list[list[Lane]]:
    """Each list by itself, or the halves of a list: whatever is wrong is mostly one list's."""
    by_list: dict[str, list[Lane]] = {}
    for lane in lanes:
        by_list.setdefault(lane.list_id, []).append(lane)
    if len(by_list) > 1:
        return list(by_list.values())
    half = len(lanes) // 2
    return [list(lanes[:half]), list(lanes[half:])]


def reason_of(error: Exception) -> str:
    """Why a drain failed, in one of few words."""
    return next((reason for reason, kinds in _REASONS.items() if isinstance(error, kinds)), "other")


def _alone(
    connection: Connection,
    lane: Lane,
    rosters: dict[str, Roster],
    single: bool,
    error: Exception,
    claimed: Sequence[Event],
) -> Settled:
    """What becomes of one row that failed with nothing beside it."""
    if isinstance(error, errors.LockNotAvailable):
        # Somebody holds a person; the sweep comes back for the lane. Never the row's own fault.
        return Settled()
    if _clash(error):
        with suppress(*database.CLASHES):
            return _once(connection, [lane], [], rosters, 1, single)
        return Settled(again=[lane])
    if not claimed or not _of_the_row(error):
        raise error
    return put_aside(connection, lane, claimed[0].seq, repr(error))


def _of_the_row(error: Exception) -> bool:
    """Whether it is what the row says that could not be applied, and not how PostgreSQL was at that moment."""
    return isinstance(error, _OF_ROWS) or not isinstance(error, (psycopg.Error, OSError, MemoryError))


def _clash(error: Exception) -> bool:
    return isinstance(error, database.CLASHES)


def _once(
    connection: Connection,
    lanes: Sequence[Lane],
    events: list[Event],
    rosters: dict[str, Roster],
    limit: int,
    single: bool,
    hurried: bool = False,
) -> Settled:
    """`events` becomes what it claimed, for whoever has to judge its failure."""
    settled, watch, held = Settled(), Stopwatch(), list[Lane]()
    events.clear()
    lists = {lane.list_id for lane in lanes}
    committed: Any = None
    try:
        with pipelined(connection, lists) as cursor:
            if hurried:
                cursor.execute(f"set local lock_timeout = {HURRIED_MS}")
            held = journal.lock(cursor, lanes)
            metrics.LANES_BUSY.inc(len(held))
            if held:
                events += journal.claim(cursor, held, limit, single)
            watch.lap("claim")
            if events:
                settled.entries, rung = _settle(cursor, events, rosters, watch)
                settled.again += rung
            committed = cursor.execute("commit")
            if held:
                # After the COMMIT gave the lanes back: rows that came while they were held rang in vain.
                database.allow(cursor, lists)
                settled.again += journal.left(cursor, held)
        watch.lap("commit")
    except Exception as error:
        if committed is None or not committed.succeeded:
            raise
        # It holds, whatever became of the question after it: what may be left, and what was freed, is rung.
        _log.warning("left_unknown", error=repr(error), lanes=len(held))
        settled.again += held
    finally:
        metrics.LANES_BUSY.dec(len(held))
    if events:
        _measure(events, settled.entries, watch)
    return settled


def _settle(
    cursor: Cursor, events: Sequence[Event], rosters: dict[str, Roster], watch: Stopwatch
) -> tuple[list[LogEntry], list[Lane]]:
    """Everything that a batch of journal rows comes to; returns its entries and lanes to ring."""
    present = connections.rosters(cursor, sorted({event.list_id for event in events}), rosters)
    people = involved.read(cursor, events, present)
    watch.lap("read")
    entries = [_apply(cursor, people, present.get(event.list_id), event) for event in events]
    watch.lap("apply")
    person.write(cursor, list(people.changed.values()))
    people.guard.write(cursor)
    _write_log(cursor, people, entries)
    if people.reasons:
        identity.set_waiting(cursor, people.reasons)
    lanes = identity.reapply_waiting(cursor, people.freed) if people.freed else []
    journal.settle(cursor, events)
    watch.lap("write")
    return entries, lanes


def _apply(cursor: Cursor, people: Involved, roster: Roster | None, event: Event) -> LogEntry:
    try:
        return applying.apply(people, roster, event)
    except Exception as error:
        _log.exception("row_set_aside", list=event.list_id, seq=event.seq, request_id=event.request_id)
        metrics.ROWS_SET_ASIDE.inc()
        journal.put_aside(cursor, event, repr(error))
        return applying.rejected(event, type(error).__name__)


def _write_log(cursor: Cursor, people: Involved, entries: Sequence[LogEntry]) -> None:
    written = [entry for entry in entries if entry.event.operation != "reapply"]
    if people.ended:
        provisioning_log.supersede(cursor, people.ended)
    for entry in people.mended:
        _mend(cursor, entry)
    if written:
        provisioning_log.write(cursor, written)


def _mend(cursor: Cursor, entry: LogEntry) -> None:
    list_id, identity_id = entry.event.list_id, entry.event.resource_id
    waiting = provisioning_log.latest_wait(cursor, list_id, identity_id)
    if waiting is None:
        return
    provisioning_log.mend(cursor, list_id, waiting.id, entry, waiting.changes + applying.since(waiting, entry))
    provisioning_log.supersede(cursor, [(list_id, identity_id, waiting.id, waiting.request_id)])


def put_aside(connection: Connection, lane: Lane, seq: int, error: str) -> Settled:
    """The oldest row of a lane cannot be applied even alone: out of its neighbours' way with it. Where it is another
    row by now, this one was applied after all."""
    with database.transaction(connection, [lane.list_id]) as cursor:
        held = journal.lock(cursor, [lane])
        events = journal.claim(cursor, held, 1, single=True) if held else []
        for event in (one for one in events if one.seq == seq):
            metrics.ROWS_SET_ASIDE.inc()
            _log.error("row_set_aside", list=event.list_id, seq=event.seq, request_id=event.request_id, error=error)
            provisioning_log.write(cursor, [applying.rejected(event, error)])
            journal.put_aside(cursor, event, error)
    return Settled(again=[lane])


def _measure(events: Sequence[Event], entries: Sequence[LogEntry], watch: Stopwatch) -> None:
    now = datetime.now(UTC)
    metrics.DRAIN_ROWS.observe(len(events))
    metrics.DRAIN_SECONDS.observe(watch.total)
    for phase, seconds in watch.laps.items():
        metrics.DRAIN_PHASE_SECONDS.labels(phase).observe(seconds)
    for (operation, result), count in Counter((entry.event.operation, entry.result) for entry in entries).items():
        metrics.EVENTS_SETTLED.labels(operation, result).inc(count)
    for entry in entries:
        metrics.ACCEPT_TO_LIST_SECONDS.observe(max(0.0, (now - entry.event.accepted_at).total_seconds()))
