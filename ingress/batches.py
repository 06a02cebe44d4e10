"""Many callers, one transaction: whoever arrives while a transaction is in flight shares the next one."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import psycopg
import structlog

from ingress import greenlets
from models import database
from models.database import Connection, Growth
from models.errors import Refused, Unavailable
from models.pipeline import OUTDATED
from ops import metrics

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")
Result = tuple[Sequence[Answer], Callable[[], None]]
Run = Callable[[Connection, Sequence[Ask]], Result[Answer]]
MOST_CLASHES = 5
LATE = 0.005  # seconds
# A shared batch waits for somebody else's lock for so long: then whoever needs it waits apart from all others.
LOCK_TIMEOUT, HURRIED = 100, 10  # milliseconds: of a batch, and of its parts when it has waited already
MOST_APART = 8  # that wait there: more would wait for longer than their IdPs do
# A batch's joins start from its own keys: index lookups, whatever the statistics say of tables that are filling up.
# They are planned once: planning cost more than all the rest (0.66 ms a look-up, now 0.25). The time-out: an IdP has
# given up long before.
OPTIONS = (
    "-c statement_timeout=10000 -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
    " -c plan_cache_mode=force_generic_plan"
)

_log = structlog.get_logger()


class CommitUnknown(Exception):
    """The connection was lost after COMMIT was sent: nobody can say whether it holds."""


@dataclass(slots=True)
class _Caller(Generic[Ask, Answer]):
    ask: Ask
    future: "asyncio.Future[Answer]"
    clashes: int = 0


class Batches(Generic[Ask, Answer]):
    """Runs `run(connection, asks)` for everyone who waits, in `slots` transactions at once.

    It returns an answer an ask and what to do once the callers have them. A batch has at most `most` asks; `options`
    are those of its connections. With `beside` it is carried out in threads, for what would hold the event loop up.
    With `apart`, batches that do the same beside, an ask that needs what another transaction has locked goes there;
    `of` tells whose an ask is, so that others' are not taken for the one that waits.

    A lone request never waits for company: where no batch is in flight the next one begins at once. A second one begins
    when as many wait as the first has (two of 32 cost half of eight of 8), or when somebody has waited for `LATE`.
    More than one, because with one a slow disk makes every second request wait for two commits.
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
        options: str = OPTIONS,
        beside: bool = False,
        apart: "Batches[Ask, Answer] | None" = None,
        of: Callable[[Ask], object] | None = None,
    ) -> None:
        self._name, self._most, self._queue_limit = name, most, queue_limit
        self._threads = ThreadPoolExecutor(slots, name) if beside else None
        connect = database.connect if beside else greenlets.connect
        chosen = options if apart is None else f"{options} -c lock_timeout={LOCK_TIMEOUT}"
        opened = partial(connect, database_url, f"muster-{name}", options=chosen)
        hand_over = apart._take_late if apart is not None else None
        self._slots = tuple(_Slot(name, opened, run, hand_over, of or _everybody) for _ in range(slots))
        self._free = list(self._slots)
        self._waiting: deque[_Caller[Ask, Answer]] = deque()
        self._in_flight: dict[_Slot[Ask, Answer], int] = {}  # how many each serves
        self._timer: asyncio.TimerHandle | None = None
        self._length = metrics.QUEUE_LENGTH.labels(name)
        self._busy = metrics.SLOTS_BUSY.labels(name)
        self._stopping = False

    def start(self) -> None:
        """Tell what there is; slots connect when they are needed."""
        metrics.SLOTS.labels(self._name).set(len(self._slots))

    async def stop(self) -> None:
        """Finish what waits, then give the connections up."""
        self._stopping = True
        while self._in_flight or self._waiting:
            await asyncio.sleep(0.005)
        for slot in self._slots:
            slot.close()
        if self._threads is not None:
            self._threads.shutdown()

    async def submit(self, ask: Ask) -> Answer:
        """The answer to one ask. A caller that is cancelled does not cancel its change."""
        if len(self._waiting) >= self._queue_limit or self._stopping:
            metrics.QUEUE_SHED.inc()
            raise Unavailable("too many requests are waiting: try again in a second")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._take_over(_Caller(ask, future))
        return await future

    def _take_over(self, caller: _Caller[Ask, Answer]) -> None:
        self._waiting.append(caller)
        if not len(self._waiting) % 8:
            # Between two batches as well, and not at every request: a gauge's value costs 1.5 µs.
            self._length.set(len(self._waiting))
        self._look()

    def _take_late(self, caller: _Caller[Ask, Answer]) -> bool:
        """Take somebody over who has waited elsewhere, if there is room."""
        has_room = len(self._waiting) < MOST_APART
        if has_room:
            self._take_over(caller)
        return has_room

    def _look(self, late: bool = False) -> None:
        """Begin a batch if there is a slot for it and it is time."""
        if not self._free or not self._waiting:
            return
        if late or len(self._waiting) >= min(self._in_flight.values(), default=0):
            slot = self._free.pop()
            self._in_flight[slot] = self._most  # until it is known
            # It begins after the requests that came together with this one: they share its batch.
            asyncio.get_running_loop().call_soon(self._begin, slot)
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LATE, self._look_late)

    def _look_late(self) -> None:
        self._timer = None
        self._look(late=True)

    def _begin(self, slot: "_Slot[Ask, Answer]") -> None:
        callers = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
        if not callers:  # the batch before took all of them
            return self._end(slot)
        self._in_flight[slot] = len(callers)
        self._length.set(len(self._waiting))
        self._busy.inc()
        done = partial(self._done, slot)
        if self._threads is None:
            return greenlets.start(partial(slot.serve, callers), done)
        served = asyncio.get_running_loop().run_in_executor(self._threads, slot.serve, callers)
        return served.add_done_callback(lambda _: done())

    def _done(self, slot: "_Slot[Ask, Answer]") -> None:
        self._busy.dec()
        self._end(slot)

    def _end(self, slot: "_Slot[Ask, Answer]") -> None:
        del self._in_flight[slot]
        self._free.append(slot)
        self._look()


class _Slot(Generic[Ask, Answer]):
    """One connection, and what becomes of callers whose transaction failed."""

    def __init__(
        self,
        name: str,
        connect: Callable[[], Connection],
        run: Run[Ask, Answer],
        hand_over: Callable[[_Caller[Ask, Answer]], bool] | None,
        of: Callable[[Ask], object],
    ) -> None:
        self._name, self._connect, self._run, self._hand_over, self._of = name, connect, run, hand_over, of
        self._connection: Connection | None = None
        self._growth, self._hurried = Growth(), False
        self._parts: deque[Sequence[_Caller[Ask, Answer]]] = deque()  # of a batch, to be served yet

    def close(self) -> None:
        """Give the connection up."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def serve(self, callers: Sequence[_Caller[Ask, Answer]]) -> None:
        """Answer these callers, together if that works.

        If not, whoever it may not be about comes first: to find who waits for a lock takes many times its time-out.
        """
        self._parts.append(callers)
        while self._parts:
            self._serve(self._parts.popleft())
        if self._hurried:
            self._hurry(False)

    def _serve(self, callers: Sequence[_Caller[Ask, Answer]]) -> None:
        try:
            answers, afterwards = self._attempt([caller.ask for caller in callers])
        except CommitUnknown:
            self.close()
            _fail(callers, Unavailable("the database was lost while it stored this: look it up, then try again"))
        except database.CLASHES as error:
            self._serve_halves(callers, error)
        except database.LOST as error:
            if self._connection is not None and not self._connection.closed:
                self._serve_apart(callers, error)
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
            if self._connection is not None:
                with suppress(*database.LOST):  # the next batch finds out
                    self._growth.note(self._connection, len(callers))

    def _attempt(self, asks: Sequence[Ask]) -> Result[Answer]:
        """Once, and once more over a new connection if this one was lost before COMMIT was sent."""
        if self._connection is not None:
            try:
                return self._run(self._connection, asks)
            except OUTDATED:
                return self._run(self._connection, asks)
            except database.LOST:
                if not self._connection.closed:
                    raise
        self.close()
        self._connection, self._growth = self._connect(), Growth()
        return self._run(self._connection, asks)

    def _serve_apart(self, callers: Sequence[_Caller[Ask, Answer]], error: Exception) -> None:
        """What failed is not the connection but a statement: it waited for a lock, or for too long."""
        locked = isinstance(error, psycopg.errors.LockNotAvailable)
        if len(callers) > 1:
            if locked and not self._hurried:
                self._hurry(True)
            self._serve_halves(callers, error)
        elif not (locked and self._hand_over is not None and self._hand_over(callers[0])):
            _log.warning("statement_ended", batch=self._name, error=type(error).__name__)
            _fail(callers, Unavailable("somebody else is changing the same at this moment: try again in a second"))

    def _hurry(self, hurried: bool) -> None:
        """Let the parts of a batch wait for less, or a lock on many rows would be waited for as often as there are."""
        self._hurried = hurried
        if self._hand_over is not None and self._connection is not None:
            with suppress(*database.LOST):  # the next statement finds out
                self._connection.execute(f"set lock_timeout = {HURRIED if hurried else LOCK_TIMEOUT}")

    def _serve_halves(self, callers: Sequence[_Caller[Ask, Answer]], error: Exception) -> None:
        """Everything was rolled back: one bad change must not fail its neighbours."""
        if len(callers) > 1:
            self._parts.extend(self._divided(callers))
        elif not isinstance(error, database.CLASHES) or callers[0].clashes >= MOST_CLASHES:
            _fail(callers, error)
        else:
            # Alone it reads again: what was faster is visible now.
            callers[0].clashes += 1
            self._parts.append(callers)

    def _divided(self, callers: Sequence[_Caller[Ask, Answer]]) -> list[Sequence[_Caller[Ask, Answer]]]:
        """Everybody's by themselves, or the halves of one's: whatever is wrong is mostly one list's."""
        by: dict[object, list[_Caller[Ask, Answer]]] = {}
        for caller in callers:
            by.setdefault(self._of(caller.ask), []).append(caller)
        half = len(callers) // 2
        return list(by.values()) if len(by) > 1 else [callers[:half], callers[half:]]


def _everybody(_: object) -> None:
    """Asks that need not be told apart."""


def _answer(callers: Sequence[_Caller[Any, Any]], answers: Sequence[Any]) -> None:
    loop = callers[0].future.get_loop()
    if asyncio._get_running_loop() is loop:
        _settle(callers, answers)
    else:
        # One wake-up of the event loop for the whole batch, from the thread that this is.
        loop.call_soon_threadsafe(_settle, callers, answers)


def _settle(callers: Sequence[_Caller[Any, Any]], answers: Sequence[Any]) -> None:
    for caller, answer in zip(callers, answers, strict=True):
        future = caller.future
        if future.done():
            continue
        if isinstance(answer, Exception) and not isinstance(answer, Refused):
            future.set_exception(answer)
        else:
            future.set_result(answer)


def _fail(callers: Sequence[_Caller[Any, Any]], error: Exception) -> None:
    _answer(callers, [error] * len(callers))
