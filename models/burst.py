"""Bursts: what a connection sends without a pause, as Entra ID does every 40 minutes; and the rhythm of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median_high

from models.database import Cursor

PAUSE = timedelta(minutes=2)  # without a request: the burst is over
KEPT = 200  # bursts of a list
LOOKED_AT = 20  # that a rhythm is learned from
LEAST, LEAST_PERIOD = 4, timedelta(minutes=5)  # bursts, and the time between them, of what is a rhythm at all
TOLERANCE, REGULAR = 0.25, 0.75  # so far from the median interval, and so many of them, is regular
TIMED = 5_000  # log entries that tell how fast a burst was applied


@dataclass(slots=True)
class Minute:
    """The requests of a list in one minute, as one process or several have counted them."""

    list_id: str
    minute: datetime
    first_at: datetime
    last_at: datetime
    requests: int = 0
    changes: int = 0
    failed: int = 0
    answer_seconds: float = 0.0  # of all of them together
    slowest_seconds: float = 0.0
    per_second: list[int] = field(default_factory=lambda: [0] * 60)


@dataclass(slots=True)
class Burst:
    """A burst, over unless it is `open`. `answer_seconds` is the sum over its requests."""

    list_id: str
    started_at: datetime
    ended_at: datetime
    open: bool
    requests: int
    changes: int
    failed: int
    peak_per_second: int
    answer_seconds: float
    slowest_seconds: float
    applied_typical: timedelta | None = None
    applied_slowest: timedelta | None = None

    @property
    def duration(self) -> timedelta:
        """From its first request to its last."""
        return self.ended_at - self.started_at

    @property
    def answer_typical(self) -> timedelta:
        """The mean time of an answer."""
        return timedelta(seconds=self.answer_seconds / max(1, self.requests))


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often bursts begin, and when the next is expected."""

    period: timedelta
    expected_at: datetime


_COLUMNS = (
    "list_id, started_at, ended_at, open, requests, changes, failed, peak_per_second, answer_seconds, slowest_seconds,"
    " applied_typical, applied_slowest"
)


def note(cursor: Cursor, minutes: Sequence[Minute]) -> None:
    """Add what a process has counted to what others have."""
    for one in sorted(minutes, key=lambda minute: (minute.list_id, minute.minute)):
        cursor.execute(
            "insert into traffic as t values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " on conflict (list_id, minute) do update set first_at = least(t.first_at, excluded.first_at),"
            " last_at = greatest(t.last_at, excluded.last_at), requests = t.requests + excluded.requests,"
            " changes = t.changes + excluded.changes, failed = t.failed + excluded.failed,"
            " answer_seconds = t.answer_seconds + excluded.answer_seconds,"
            " slowest_seconds = greatest(t.slowest_seconds, excluded.slowest_seconds),"
            " per_second = (select array_agg(a + b order by n) from unnest(t.per_second, excluded.per_second)"
            " with ordinality s (a, b, n))",
            (
                one.list_id, one.minute, one.first_at, one.last_at, one.requests, one.changes, one.failed,
                one.answer_seconds, one.slowest_seconds, one.per_second,
            ),
        )  # fmt: skip


def due(cursor: Cursor) -> list[str]:
    """Lists, of any organisation, with minutes that are over or a burst that is."""
    cursor.execute("select * from muster_traffic_lists()")
    return [row[0] for row in cursor.fetchall()]


def fold(cursor: Cursor, list_id: str) -> list[Burst]:
    """Make bursts of a list's minutes that are over; returns those that have ended."""
    cursor.execute(
        "with over as (delete from traffic where list_id = %s and minute < now() - %s returning *)"
        " select * from over order by minute",
        (list_id, PAUSE),
    )
    minutes = [Minute(*row) for row in cursor.fetchall()]
    present = _open(cursor, list_id)
    ended = []
    for minute in minutes:
        if present is not None and minute.first_at - present.ended_at > PAUSE:
            ended.append(present)
            present = None
        present = _with(present, minute)
    if present is not None and _is_over(cursor, present):
        ended.append(present)
        present = None
    for one in ended:
        _end(cursor, one)
    if present is not None:
        _store(cursor, present)  # when those before it have ended: one of a list is open
    if ended:
        _learn(cursor, list_id)
    return ended


def _is_over(cursor: Cursor, present: Burst) -> bool:
    row = cursor.execute("select now() - %s > %s", (present.ended_at, 2 * PAUSE)).fetchone()
    return bool(row and row[0])


def _open(cursor: Cursor, list_id: str) -> Burst | None:
    cursor.execute(f"select {_COLUMNS} from burst where list_id = %s and open", (list_id,))
    row = cursor.fetchone()
    return Burst(*row) if row else None


def _with(present: Burst | None, minute: Minute) -> Burst:
    if present is None:
        return Burst(
            minute.list_id, minute.first_at, minute.last_at, True, minute.requests, minute.changes, minute.failed,
            max(minute.per_second), minute.answer_seconds, minute.slowest_seconds,
        )  # fmt: skip
    present.ended_at = max(present.ended_at, minute.last_at)
    present.requests += minute.requests
    present.changes += minute.changes
    present.failed += minute.failed
    present.peak_per_second = max(present.peak_per_second, *minute.per_second)
    present.answer_seconds += minute.answer_seconds
    present.slowest_seconds = max(present.slowest_seconds, minute.slowest_seconds)
    return present


def _store(cursor: Cursor, one: Burst) -> None:
    cursor.execute(
        f"insert into burst ({_COLUMNS}) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (list_id, started_at) do update set ended_at = excluded.ended_at, open = excluded.open,"
        " requests = excluded.requests, changes = excluded.changes, failed = excluded.failed,"
        " peak_per_second = excluded.peak_per_second, answer_seconds = excluded.answer_seconds,"
        " slowest_seconds = excluded.slowest_seconds, applied_typical = excluded.applied_typical,"
        " applied_slowest = excluded.applied_slowest",
        (
            one.list_id, one.started_at, one.ended_at, one.open, one.requests, one.changes, one.failed,
            one.peak_per_second, one.answer_seconds, one.slowest_seconds, one.applied_typical, one.applied_slowest,
        ),
    )  # fmt: skip


def _end(cursor: Cursor, one: Burst) -> None:
    """Write a burst down that is over, with how fast it was applied; the oldest make room."""
    cursor.execute(
        "select percentile_disc(0.5) within group (order by took), max(took) from (select applied_at - at took"
        " from log_entry where list_id = %s and at between %s and %s and applied_at is not null"
        " and result in ('applied', 'partly_applied') order by at desc limit %s) e",
        (one.list_id, one.started_at, one.ended_at, TIMED),
    )
    row = cursor.fetchone()
    one.applied_typical, one.applied_slowest = row if row else (None, None)
    one.open = False
    _store(cursor, one)
    cursor.execute(
        "delete from burst where list_id = %s and started_at < (select started_at from burst where list_id = %s"
        " order by started_at desc offset %s limit 1)",
        (one.list_id, one.list_id, KEPT - 1),
    )


def _learn(cursor: Cursor, list_id: str) -> None:
    cursor.execute(
        "select started_at from burst where list_id = %s order by started_at desc limit %s", (list_id, LOOKED_AT)
    )
    found = rhythm_of([row[0] for row in cursor.fetchall()])
    if found is None:
        cursor.execute("delete from rhythm where list_id = %s", (list_id,))
        return
    cursor.execute(
        "insert into rhythm values (%s, %s, %s) on conflict (list_id) do update set period = excluded.period,"
        " expected_at = excluded.expected_at",
        (list_id, found.period, found.expected_at),
    )


def rhythm_of(starts: Sequence[datetime]) -> Rhythm | None:
    """The rhythm of bursts that began at these moments; None where there is none."""
    ordered = sorted(starts)
    intervals = [later - earlier for earlier, later in zip(ordered, ordered[1:], strict=False)]
    if len(ordered) < LEAST:
        return None
    # Of an even number the longer one: the next burst is then expected late rather than early.
    usual = median_high(intervals)
    near = sum(abs(one - usual) <= usual * TOLERANCE for one in intervals)
    if usual < LEAST_PERIOD or near < REGULAR * len(intervals):
        return None
    return Rhythm(usual, ordered[-1] + usual)


def latest(cursor: Cursor, list_id: str) -> Burst | None:
    """The newest burst that changed something and is over."""
    cursor.execute(
        f"select {_COLUMNS} from burst where list_id = %s and not open and changes > 0"
        " order by started_at desc limit 1",
        (list_id,),
    )
    row = cursor.fetchone()
    return Burst(*row) if row else None


def rhythm(cursor: Cursor, list_id: str) -> Rhythm | None:
    """What was learned of a list's bursts."""
    cursor.execute("select period, expected_at from rhythm where list_id = %s", (list_id,))
    row = cursor.fetchone()
    return Rhythm(*row) if row else None
