"""One connection of a batch's, and what becomes of callers whose transaction failed: others never fail with them."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import psycopg
import structlog

from models import database
from models.database import Connection, Growth
from models.errors import Refused, Unavailable
from models.pipeline import OUTDATED

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")
Result = tuple[Sequence[Answer], Callable[[], None]]
Run = Callable[[Connection, Sequence[Ask]], Result[Answer]]
MOST_CLASHES = 5
# A shared batch waits for somebody else's lock for so long: then whoever needs it waits apart from all others.
LOCK_TIMEOUT, HURRIED = 100, 10  # milliseconds: of a batch, and of its parts when it has waited already

_log = structlog.get_logger()


class CommitUnknown(Exception):
    """The connection was lost after COMMIT was sent: nobody can say whether it holds."""


@dataclass(slots=True)
class Caller(Generic[Ask, Answer]):
    """Who waits for an answer, and how often somebody was faster."""

    ask: Ask
    future: "asyncio.Future[Answer]"
    clashes: int = 0


class Slot(Generic[Ask, Answer]):
    """One connection, and what becomes of callers whose transaction failed."""

    def __init__(
        self,
        name: str,
        connect: Callable[[], Connection],
        run: Run[Ask, Answer],
        hand_over: Callable[[Caller[Ask, Answer]], bool] | None,
        of: Callable[[Ask], object],
        away: Callable[[Exception], None],
    ) -> None:
        """`away` is called in the event loop when there is no database."""
        self._name, self._connect, self._run, self._hand_over, self._of = name, connect, run, hand_over, of
        self._away = away
        self._connection: Connection | None = None
        self._growth, self._hurried = Growth(), False
        self._parts: deque[Sequence[Caller[Ask, Answer]]] = deque()  # of a batch, to be served yet

    def close(self) -> None:
        """Give the connection up."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def serve(self, callers: Sequence[Caller[Ask, Answer]]) -> None:
        """Answer these callers, together if that works.

        If not, whoever it may not be about comes first: to find who waits for a lock takes many times its time-out.
        """
        self._parts.append(callers)
        while self._parts:
            self._serve(self._parts.popleft())
        if self._hurried:
            self._hurry(False)

    def _serve(self, callers: Sequence[Caller[Ask, Answer]]) -> None:
        try:
            answers, afterwards = self._attempt([caller.ask for caller in callers])
        except CommitUnknown:
            self.close()
            fail(callers, Unavailable("the database was lost while it stored this: look it up, then try again"))
        except database.CLASHES as error:
            self._serve_halves(callers, error)
        except database.LOST as error:
            if self._connection is not None and not self._connection.closed:
                self._serve_apart(callers, error)
                return
            _log.warning("database_lost", batch=self._name, error=type(error).__name__)
            self.close()
            gone = Unavailable("the database is not available: nothing was stored, try again")
            fail(callers, gone)
            callers[0].future.get_loop().call_soon_threadsafe(self._away, gone)
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
        """Once, and once more over a new connection if this one was lost before COMMIT was sent; not where the server
        was silent, which has taken all the time that there was."""
        if self._connection is not None:
            try:
                return self._run(self._connection, asks)
            except OUTDATED:
                return self._run(self._connection, asks)
            except database.LOST as error:
                if not self._connection.closed or isinstance(error, database.Silent):
                    raise
        self.close()
        self._connection, self._growth = self._connect(), Growth()
        return self._run(self._connection, asks)

    def _serve_apart(self, callers: Sequence[Caller[Ask, Answer]], error: Exception) -> None:
        """What failed is not the connection but a statement: it waited for a lock, or for too long."""
        locked = isinstance(error, psycopg.errors.LockNotAvailable)
        if len(callers) > 1:
            if locked and not self._hurried:
                self._hurry(True)
            self._serve_halves(callers, error)
        elif not (locked and self._hand_over is not None and self._hand_over(callers[0])):
            _log.warning("statement_ended", batch=self._name, error=type(error).__name__)
            fail(callers, Unavailable("somebody else is changing the same at this moment: try again in a second"))

    def _hurry(self, hurried: bool) -> None:
        """Let the parts of a batch wait for less, or a lock on many rows would be waited for as often as there are."""
        self._hurried = hurried
        if self._hand_over is not None and self._connection is not None:
            with suppress(*database.LOST):  # the next statement finds out
                self._connection.execute(f"set lock_timeout = {HURRIED if hurried else LOCK_TIMEOUT}")

    def _serve_halves(self, callers: Sequence[Caller[Ask, Answer]], error: Exception) -> None:
        """Everything was rolled back: one bad change must not fail its neighbours."""
        if len(callers) > 1:
            self._parts.extend(self._divided(callers))
        elif not isinstance(error, database.CLASHES) or callers[0].clashes >= MOST_CLASHES:
            fail(callers, error)
        else:
            # Alone it reads again: what was faster is visible now.
            callers[0].clashes += 1
            self._parts.append(callers)

    def _divided(self, callers: Sequence[Caller[Ask, Answer]]) -> list[Sequence[Caller[Ask, Answer]]]:
        """Everybody's by themselves, or the halves of one's: whatever is wrong is mostly one list's."""
        by: dict[object, list[Caller[Ask, Answer]]] = {}
        for caller in callers:
            by.setdefault(self._of(caller.ask), []).append(caller)
        half = len(callers) // 2
        return list(by.values()) if len(by) > 1 else [callers[:half], callers[half:]]


def everybody(_: object) -> None:
    """Asks that need not be told apart."""


def _answer(callers: Sequence[Caller[Any, Any]], answers: Sequence[Any]) -> None:
    loop = callers[0].future.get_loop()
    if asyncio._get_running_loop() is loop:
        _settle(callers, answers)
    else:
        # One wake-up of the event loop for the whole batch, from the thread that this is.
        loop.call_soon_threadsafe(_settle, callers, answers)


def _settle(callers: Sequence[Caller[Any, Any]], answers: Sequence[Any]) -> None:
    for caller, answer in zip(callers, answers, strict=True):
        future = caller.future
        if future.done():
            continue
        if isinstance(answer, Exception) and not isinstance(answer, Refused):
            future.set_exception(answer)
        else:
            future.set_result(answer)


def fail(callers: Sequence[Caller[Any, Any]], error: Exception) -> None:
    """Tell all of them the same."""
    _answer(callers, [error] * len(callers))
