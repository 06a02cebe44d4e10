"""What is written beside the hot path, best effort: refusals, when tokens were last used, counts of requests."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog

from ingress.traffic import Traffic
from models import burst, database, provisioning_log, token
from models.burst import Minute
from models.database import Connection
from models.provisioning_log import Refusal
from models.token import Holder
from ops import metrics

BUFFER = 1_000
EVERY_SECONDS = 1.0  # an entry per token and reason
AUTH_EVERY_SECONDS = 60.0  # the same, for revoked and expired tokens and wrong Base URLs

_log = structlog.get_logger()
Key = tuple[str, str, str]


@dataclass(slots=True)
class _Window:
    """A token's refusals for one reason: when the last was written, and what came since."""

    written_at: float
    seconds: float
    pending: Refusal | None


class Recorder:
    """A bounded buffer and a thread that empties it (product rule L2). Never slows an answer."""

    def __init__(self, database_url: str, tell: Callable[[Iterable[str]], None] = lambda _: None) -> None:
        self._url, self._tell = database_url, tell
        self._windows: OrderedDict[Key, _Window] = OrderedDict()
        self._touched: dict[str, tuple[Holder, str]] = {}
        self.traffic = Traffic()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="refusals", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is left, then end."""
        self._stopping = True
        self._wake.set()
        self._thread.join(timeout=3)

    def touch(self, holder: Holder, address: str) -> None:
        """Remember that a token was used just now."""
        with self._lock:
            self._touched[holder.token_id] = (holder, address)
        self._wake.set()

    def refuse(self, refusal: Refusal, authentication: bool = False) -> None:
        """Log a refused request, or count it with those like it."""
        key = (refusal.list_id, refusal.token_prefix, refusal.detail)
        with self._lock:
            window = self._windows.get(key)
            if window is None:
                if len(self._windows) >= BUFFER and not self._forget_quiet():
                    metrics.REFUSED_DROPPED.inc()
                    return
                seconds = AUTH_EVERY_SECONDS if authentication else EVERY_SECONDS
                window = self._windows[key] = _Window(-seconds, seconds, None)
            if window.pending is None:
                window.pending = refusal
            else:
                window.pending.repeats += 1
        self._wake.set()

    def _forget_quiet(self) -> bool:
        now = time.monotonic()
        quiet = [k for k, w in self._windows.items() if w.pending is None and now - w.written_at >= w.seconds]
        for key in quiet:
            del self._windows[key]
        return bool(quiet)

    def _run(self) -> None:
        connection: Connection | None = None
        while True:
            self._wake.wait(EVERY_SECONDS)
            self._wake.clear()
            stopping = self._stopping
            refusals, touched = self._due(everything=stopping)
            self.traffic.count()
            minutes = self.traffic.due(everything=stopping)
            if refusals or touched or minutes:
                connection = self._write(connection, refusals, touched, minutes)
            if stopping:
                break
        if connection is not None:
            connection.close()

    def _due(self, everything: bool) -> tuple[list[Refusal], list[tuple[Holder, str]]]:
        now = time.monotonic()
        due = []
        with self._lock:
            for window in self._windows.values():
                if window.pending is not None and (everything or now - window.written_at >= window.seconds):
                    due.append(window.pending)
                    window.pending, window.written_at = None, now
            touched = list(self._touched.values())
            self._touched.clear()
        return due, touched

    def _write(
        self,
        connection: Connection | None,
        refusals: list[Refusal],
        touched: list[tuple[Holder, str]],
        minutes: list[Minute],
    ) -> Connection | None:
        lists = {one.list_id for one in refusals} | {one.list_id for one in minutes}
        lists |= {holder.list_id for holder, _ in touched}
        try:
            if connection is None or connection.closed:
                connection = database.connect(self._url, "muster-refusals")
            with database.transaction(connection, lists) as cursor:
                provisioning_log.write_refusals(cursor, refusals)
                for holder, address in sorted(touched):
                    token.touch(cursor, holder.token_id, address)
                burst.note(cursor, minutes)
            if refusals:
                self._tell({refusal.list_id for refusal in refusals})
        except Exception as error:
            metrics.REFUSED_DROPPED.inc(len(refusals))
            _log.warning("refusals_lost", count=len(refusals), error=repr(error))
            if connection is not None:
                connection.close()
            return None
        return connection
