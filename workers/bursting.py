"""Makes bursts of what ingress has counted, a little in each pass of the sweep."""

import time

import psycopg
import structlog

from models import burst, database
from models.burst import Burst
from models.database import Connection
from ops import metrics

LOOK_EVERY = 10.0
_log = structlog.get_logger()
SHARE = 0.2  # seconds of a pass: the sweep has lanes to look after


class Bursting:
    """Which lists have minutes that are over, looked up every few seconds and worked off list by list."""

    def __init__(self) -> None:
        self._looked_at = -LOOK_EVERY
        self._due: list[str] = []

    def some(self, connection: Connection) -> None:
        """Fold for a moment."""
        started = time.monotonic()
        if not self._due and started - self._looked_at >= LOOK_EVERY:
            with database.transaction(connection) as cursor:
                self._due = burst.due(cursor)
            self._looked_at = started
        while self._due and time.monotonic() - started < SHARE:
            list_id = self._due.pop()
            try:
                with database.transaction(connection, [list_id]) as cursor:
                    ended = burst.fold(cursor, list_id)
            except psycopg.Error as error:
                if connection.closed:
                    raise
                # The next look finds it again; other lists, and the rest of the sweep, do not wait for that.
                _log.warning("bursts_failed", list=list_id, error=repr(error))
                continue
            for one in ended:
                _measure(one)


def _measure(one: Burst) -> None:
    if not one.changes:
        return
    metrics.BURST_CHANGES.observe(one.changes)
    metrics.BURST_SECONDS.observe(one.duration.total_seconds())
    metrics.BURST_PEAK.observe(one.peak_per_second)
    if one.applied_slowest is not None:
        metrics.BURST_APPLIED_SECONDS.observe(one.applied_slowest.total_seconds())
