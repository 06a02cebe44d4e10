"""Purges what lists keep no longer of their logs, a little in each pass of the sweep (product rule L3)."""

import time

from models import database, log_retention
from models.database import Connection

LOOK_EVERY = 3_600.0
SHARE = 0.2  # seconds of a pass: the sweep has lanes to look after


class Purge:
    """Which lists are overdue, looked up once an hour and worked off slice by slice."""

    def __init__(self) -> None:
        self._looked_at = -LOOK_EVERY
        self._overdue: list[str] = []

    def some(self, connection: Connection) -> None:
        """Purge for a moment."""
        started = time.monotonic()
        if not self._overdue and started - self._looked_at >= LOOK_EVERY:
            self._look(connection)
            self._looked_at = started
        while self._overdue and time.monotonic() - started < SHARE:
            list_id = self._overdue[-1]
            with database.transaction(connection, [list_id]) as cursor:
                more = log_retention.purge(cursor, list_id)
            if not more:
                self._overdue.pop()

    def _look(self, connection: Connection) -> None:
        with database.transaction(connection) as cursor:
            self._overdue = log_retention.overdue(cursor)
