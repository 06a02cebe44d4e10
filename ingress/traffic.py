"""What connections send, noted down at each answer and counted later: as metrics, and by list and minute for
`models.burst`. A metric's value costs 1.5 µs, a request has four, and nobody looks more often than each second.
"""

import time
from collections import Counter
from datetime import UTC, datetime
from typing import NamedTuple

from models.burst import Minute
from ops import metrics

EVERY_SECONDS = 2.0  # that minutes are handed on
_CHANGING = ("POST", "PUT", "PATCH", "DELETE")


class Answered(NamedTuple):
    """One request: what it asked for, how it was answered, when and how fast; its list if its token was good."""

    operation: str
    method: str
    status: int
    scim_type: str
    idp: str
    list_id: str | None
    at: float
    seconds: float


class Traffic:
    """Counts of the running minutes, handed on every two seconds. Best effort: a process that is killed loses them."""

    def __init__(self) -> None:
        self._noted: list[Answered] = []
        self._minutes: dict[tuple[str, int], Minute] = {}
        self._handed_on = time.monotonic()

    def note(self, answered: Answered) -> None:
        """Remember an answer until it is counted."""
        self._noted.append(answered)

    def count(self) -> None:
        """Count what was noted; in one thread alone."""
        noted, self._noted = self._noted, []
        for key, number in Counter((one.operation, one.status, one.scim_type, one.idp) for one in noted).items():
            operation, status, scim_type, idp = key
            metrics.HTTP_REQUESTS.labels(operation, str(status), scim_type, idp).inc(number)
        times: dict[tuple[str, str], list[float]] = {}
        for one in noted:
            times.setdefault((one.operation, one.idp), []).append(one.seconds)
            if one.list_id is not None:
                self._add(one.list_id, one)
        for labels, seconds in times.items():
            metrics.observe_all(metrics.HTTP_SECONDS.labels(*labels), seconds)

    def _add(self, list_id: str, one: Answered) -> None:
        key = (list_id, int(one.at) // 60)
        minute = self._minutes.get(key)
        at = datetime.fromtimestamp(one.at, UTC)
        if minute is None:
            minute = self._minutes[key] = Minute(list_id, at.replace(second=0, microsecond=0), at, at)
        minute.last_at = at
        minute.requests += 1
        minute.changes += one.method in _CHANGING and one.status < 300
        # A look-up that finds nobody is how IdPs ask whether to create.
        minute.failed += one.status >= 400 and not (one.method == "GET" and one.status == 404)
        minute.answer_seconds += one.seconds
        minute.slowest_seconds = max(minute.slowest_seconds, one.seconds)
        minute.per_second[int(one.at) % 60] += 1

    def due(self, everything: bool = False) -> list[Minute]:
        """What was counted since the last time, if that is long enough ago."""
        now = time.monotonic()
        if not everything and now - self._handed_on < EVERY_SECONDS:
            return []
        counted = list(self._minutes.values())
        self._minutes.clear()
        self._handed_on = now
        return counted
