"""Purges what lists keep no longer of their logs (product rule L3) and imports, a little in each pass of the sweep, and
answers of the API that nobody can ask for again."""

import time
from collections.abc import Callable

from models import database, log_retention, replay
from models.database import Connection, Cursor
from models.imports import store

LOOK_EVERY = 3_600.0
MOST_ANSWERS = 5_000  # of the API that are too old, with each look
SHARE = 0.2  # seconds of a pass: the sweep has lanes to look after


# Lists with something to purge, and one slice of it; whether there may be more.
_KINDS: tuple[tuple[Callable[[Cursor], list[str]], Callable[[Cursor, str], bool]], ...] = (
    (log_retention.overdue, log_retention.purge),
    (store.overdue, store.purge),
)


class Purge:
    """Which lists are overdue, looked up once an hour and worked off slice by slice."""

    def __init__(self) -> None:
        self._looked_at = -LOOK_EVERY
        self._overdue: list[tuple[str, Callable[[Cursor, str], bool]]] = []

    def some(self, connection: Connection) -> None:
        """Purge for a moment."""
        started = time.monotonic()
        if not self._overdue and started - self._looked_at >= LOOK_EVERY:
            self._look(connection)
            self._looked_at = started
        while self._overdue and time.monotonic() - started < SHARE:
            list_id, purge = self._overdue[-1]
            with database.transaction(connection, [list_id]) as cursor:
                more = purge(cursor, list_id)
            if not more:
                self._overdue.pop()

    def _look(self, connection: Connection) -> None:
        with database.transaction(connection) as cursor:
            self._overdue = [(list_id, purge) for overdue, purge in _KINDS for list_id in overdue(cursor)]
            replay.clear(cursor, MOST_ANSWERS)
