"""The last day of a list's log in numbers: an hour a bar, what needs attention, how fast it went."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from models.database import Cursor
from models.log_page import NEEDING_ATTENTION, OPERATIONS

HOURS = 24
# Entries that are read, newest first: the cost stays the same for a list with a million a day, which is then
# told since when it was counted.
MOST = 30_000
MOST_TIMED = 5_000  # of them, the newest, tell how fast it went
MOST_ATTENTION = 999


@dataclass(frozen=True, slots=True)
class Hour:
    """What an IdP did in one hour: changes of people that were applied, and whatever was rejected."""

    begin: datetime
    created: int = 0
    updated: int = 0
    deactivated: int = 0
    rejected: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return self.created + self.updated + self.deactivated + self.rejected


@dataclass(frozen=True, slots=True)
class Day:
    """The last 24 hours. `since` says where the count had to begin, if it is less than that."""

    hours: Sequence[Hour]
    typical: timedelta | None
    slowest: timedelta | None
    attention: int
    since: datetime | None

    def count(self, kind: str) -> int:
        """How many of a kind, over all hours."""
        return sum(getattr(hour, kind) for hour in self.hours)

    @property
    def busiest(self) -> Hour:
        """The hour with the most."""
        return max(self.hours, key=lambda hour: hour.total)


def day(cursor: Cursor, list_id: str, now: datetime | None = None) -> Day:
    """The last 24 hours of a list."""
    now = now or datetime.now(UTC)
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    begin = now - timedelta(hours=HOURS)
    cursor.execute(
        "with newest as materialized (select at, resource, operation, result, applied_at from log_entry"
        " where list_id = %s and at >= %s order by at desc limit %s)"
        " select date_trunc('hour', at, 'UTC'),"
        " count(*) filter (where resource = 'user' and done and operation = 'create'),"
        " count(*) filter (where resource = 'user' and done and operation in ('update', 'reactivate')),"
        " count(*) filter (where resource = 'user' and done and operation in ('deactivate', 'delete')),"
        " count(*) filter (where result = 'rejected'), count(*), min(at)"
        " from (select *, result in ('applied', 'partly_applied') done from newest) n group by 1 order by 1",
        (list_id, first, MOST),
    )
    found = {row[0]: row for row in cursor.fetchall()}
    hours = [
        Hour(moment, *(found[moment][1:5] if moment in found else ()))
        for moment in (first + timedelta(hours=number) for number in range(HOURS))
    ]
    whole = sum(row[5] for row in found.values()) < MOST
    since = None if whole or not found else min(row[6] for row in found.values())
    typical, slowest = _took(cursor, list_id, begin)
    return Day(hours, typical, slowest, _attention(cursor, list_id, begin), since)


def _took(cursor: Cursor, list_id: str, begin: datetime) -> tuple[timedelta | None, timedelta | None]:
    """From acceptance to the list: the median and the worst of what was applied last."""
    cursor.execute(
        "select percentile_disc(0.5) within group (order by took), max(took) from (select applied_at - at took"
        " from log_entry where list_id = %s and at >= %s and applied_at is not null"
        " and result in ('applied', 'partly_applied') order by at desc limit %s) e",
        (list_id, begin, MOST_TIMED),
    )
    row = cursor.fetchone()
    return (row[0], row[1]) if row else (None, None)


def _attention(cursor: Cursor, list_id: str, begin: datetime) -> int:
    cursor.execute(
        "select count(*) from unnest(%s::text[]) o (operation) cross join unnest(%s::text[]) r (result)"
        " cross join lateral (select from log_entry where list_id = %s and operation = o.operation"
        " and result = r.result and at >= %s limit %s) e",
        (list(OPERATIONS), list(NEEDING_ATTENTION), list_id, begin, MOST_ATTENTION),
    )
    row = cursor.fetchone()
    return int(row[0]) if row else 0
