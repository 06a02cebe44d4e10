"""What each list's connection sends, counted by the minute; `models.burst` makes bursts of it."""

import threading
import time
from datetime import UTC, datetime

from models.burst import Minute

EVERY_SECONDS = 2.0  # that counts are handed on
_CHANGING = ("POST", "PUT", "PATCH", "DELETE")


class Traffic:
    """Counts of the running minutes, handed on every two seconds. Best effort: a process that is killed loses them."""

    def __init__(self) -> None:
        self._minutes: dict[tuple[str, int], Minute] = {}
        self._lock = threading.Lock()
        self._handed_on = time.monotonic()

    def count(self, list_id: str, method: str, status: int, seconds: float) -> None:
        """One answered request of an authenticated connection."""
        now = time.time()
        key = (list_id, int(now) // 60)
        with self._lock:
            one = self._minutes.get(key)
            if one is None:
                at = datetime.fromtimestamp(now, UTC)
                one = self._minutes[key] = Minute(list_id, at.replace(second=0, microsecond=0), at, at)
            else:
                one.last_at = datetime.fromtimestamp(now, UTC)
            one.requests += 1
            one.changes += method in _CHANGING and status < 300
            # A look-up that finds nobody is how IdPs ask whether to create.
            one.failed += status >= 400 and not (method == "GET" and status == 404)
            one.answer_seconds += seconds
            one.slowest_seconds = max(one.slowest_seconds, seconds)
            one.per_second[int(now) % 60] += 1

    def due(self, everything: bool = False) -> list[Minute]:
        """What was counted since the last time, if that is long enough ago."""
        now = time.monotonic()
        if not everything and now - self._handed_on < EVERY_SECONDS:
            return []
        with self._lock:
            counted = list(self._minutes.values())
            self._minutes.clear()
        self._handed_on = now
        return counted
