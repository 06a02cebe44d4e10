"""Many callers, one transaction: whoever arrives while a transaction is in flight shares the next one."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog

from models import database
from models.database import Connection
from models.errors import Refused, Unavailable
from ops import metrics

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")
Result = tuple[Sequence[Answer], Callable[[], None]]
Run = Callable[[Connection, Sequence[Ask]], Result[Answer]]
MOST_CLASHES = 5
# A batch's joins start from its own keys: index lookups, whatever the statistics say of tables that
# are filling up. The time-out: an IdP has given up long before.
OPTIONS = "-c statement_timeout=10000 -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"

_log = structlog.get_logger()


class CommitUnknown(Exception):
    """The connection was lost after COMMIT was sent: nobody can say whether it holds."""


@dataclass(slots=True)
class _Caller(Generic[Ask, Answer]):
    ask: Ask
    future: "asyncio.Future[Answer]"
    loop: asyncio.AbstractEventLoop
    clashes: int = 0


class Batches(Generic[Ask, Answer]):
    """Runs `run(connection, asks)` for everyone who waits, in `slots` threads at once.

    It returns an answer an ask and what to do once the callers have them. A batch weighs at most
    `most`, by `weigh`; `options` are those of its connections.

    There is no timer: a free slot takes whoever is there, so a lone request never waits for company.
    Two slots, because with one a slow disk makes every second request wait for two commits.
    """

    def __init__(
        self,
        name: str,
        database_url: str,
        run: Run[Ask, Answer],
        *,
        slots: int,
        most: int,
        queue_limit: int,
        weigh: Callable[[Ask], int] = lambda _: 1,
        options: str = OPTIONS,
    ) -> None:
        self._name, self._url, self._run, self._weigh, self._options = name, database_url, run, weigh, options
        self._most, self._queue_limit = most, queue_limit
        self._waiting: deque[_Caller[Ask, Answer]] = deque()
        self._length = metrics.QUEUE_LENGTH.labels(name)
        self._busy = metrics.SLOTS_BUSY.labels(name)
        self._ready = threading.Condition()
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._slot, name=f"{name}-{number}", daemon=True) for number in range(slots)
        ]

    def start(self) -> None:
        """Start the slots."""
        metrics.SLOTS.labels(self._name).set(len(self._threads))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish what waits, then end the slots."""
        with self._ready:
            self._stopping = True
            self._ready.notify_all()
        for thread in self._threads:
            thread.join(timeout=8)

    async def submit(self, ask: Ask) -> Answer:
        """The answer to one ask. A caller that is cancelled does not cancel its change."""
        if len(self._waiting) >= self._queue_limit or self._stopping:
            metrics.QUEUE_SHED.inc()
            raise Unavailable("too many requests are waiting: try again in a second")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        with self._ready:
            self._waiting.append(_Caller(ask, future, loop))
            if not len(self._waiting) % 8:
                # Between two batches as well, and not at every request: a gauge's value costs 1.5 µs.
                self._length.set(len(self._waiting))
            self._ready.notify()
        return await future

    def _slot(self) -> None:
        slot = _Slot(self._name, self._url, self._run, self._options)
        while callers := self._take():
            with self._busy.track_inprogress():
                slot.serve(callers)
        slot.close()

    def _take(self) -> list[_Caller[Ask, Answer]]:
        with self._ready:
            self._ready.wait_for(lambda: self._waiting or self._stopping)
            taken = list(self._next())
            self._length.set(len(self._waiting))
            return taken

    def _next(self) -> Iterator[_Caller[Ask, Answer]]:
        """Whoever waits, until together they weigh as much as a batch may; one at least."""
        weight = 0
        while self._waiting:
            weight += self._weigh(self._waiting[0].ask)
            if weight > self._most and weight > self._weigh(self._waiting[0].ask):
                return
            yield self._waiting.popleft()


class _Slot(Generic[Ask, Answer]):
    """One thread's connection, and what becomes of callers whose transaction failed."""

    def __init__(self, name: str, url: str, run: Run[Ask, Answer], options: str) -> None:
        self._name, self._url, self._run, self._options = name, url, run, options
        self._connection: Connection | None = None

    def close(self) -> None:
        """Give the connection up."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def serve(self, callers: Sequence[_Caller[Ask, Answer]]) -> None:
        """Answer these callers, together if that works."""
        try:
            answers, afterwards = self._attempt([caller.ask for caller in callers])
        except CommitUnknown:
            self.close()
            _fail(callers, Unavailable("the database was lost while it stored this: look it up, then try again"))
        except database.CLASHES as error:
            self._serve_halves(callers, error)
        except database.LOST as error:
            if len(callers) > 1 and self._connection is not None and not self._connection.closed:
                # Not the connection but a statement of the batch: a time-out, a limit of the server's.
                self._serve_halves(callers, error)
                return
            _log.warning("database_lost", batch=self._name, error=type(error).__name__)
            self.close()
            _fail(callers, Unavailable("the database is not available: nothing was stored, try again"))
        except Exception as error:
            _log.exception("batch_failed", batch=self._name, size=len(callers))
            self._serve_halves(callers, error)
        else:
            _answer(callers, answers)
            afterwards()

    def _attempt(self, asks: Sequence[Ask]) -> Result[Answer]:
        """Once, and once more over a new connection if this one was lost before COMMIT was sent."""
        if self._connection is not None:
            try:
                return self._run(self._connection, asks)
            except database.LOST:
                if not self._connection.closed:
                    raise
        self.close()
        self._connection = database.connect(self._url, f"muster-{self._name}", options=self._options)
        return self._run(self._connection, asks)

    def _serve_halves(self, callers: Sequence[_Caller[Ask, Answer]], error: Exception) -> None:
        """Everything was rolled back: one bad change must not fail its neighbours."""
        if len(callers) > 1:
            half = len(callers) // 2
            self.serve(callers[:half])
            self.serve(callers[half:])
        elif not isinstance(error, database.CLASHES) or callers[0].clashes >= MOST_CLASHES:
            _fail(callers, error)
        else:
            # Alone it reads again: what was faster is visible now.
            callers[0].clashes += 1
            self.serve(callers)


def _answer(callers: Sequence[_Caller[Any, Any]], answers: Sequence[Any]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for caller, answer in zip(callers, answers, strict=True):
        by_loop.setdefault(caller.loop, []).append((caller.future, answer))
    for loop, pairs in by_loop.items():
        # One wake-up of the event loop for the whole batch.
        loop.call_soon_threadsafe(_settle, pairs)


def _settle(pairs: list[tuple["asyncio.Future[Any]", Any]]) -> None:
    for future, answer in pairs:
        if future.done():
            continue
        if isinstance(answer, Exception) and not isinstance(answer, Refused):
            future.set_exception(answer)
        else:
            future.set_result(answer)


def _fail(callers: Sequence[_Caller[Any, Any]], error: Exception) -> None:
    _answer(callers, [error] * len(callers))
