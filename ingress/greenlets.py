"""Synchronous code over a cursor, in the event loop: where it waits for the database, the loop goes on.

In threads each statement gave the interpreter's lock up and fought for it again, which cost more than the statement.
The loop's own callback goes on with the code when the socket is readable, without a future or a task in between.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import psycopg
import structlog
from greenlet import getcurrent, greenlet
from psycopg.abc import RV, PQGen
from psycopg.waiting import READY_R, READY_W, WAIT_R, WAIT_W

from models import database
from models.database import Connection

T = TypeVar("T")
# A statement's own limit is ten seconds; a server that is frozen keeps none.
SILENCE = 12.0

_log = structlog.get_logger()


class _Connection(psycopg.Connection[tuple[Any, ...]]):
    """Waits in the event loop where it is used within `start`, and blocks elsewhere."""

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """What psycopg calls wherever it has to wait for its socket."""
        if getcurrent().parent is None:
            return super().wait(gen, interval, timeout)
        try:
            state = next(gen)
            while True:
                state = gen.send(self._ready(state, timeout or SILENCE))
        except StopIteration as ended:
            return cast(RV, ended.value)

    def _ready(self, state: int, within: float) -> int:
        """Wait until the socket can be read or written."""
        loop, here, socket = asyncio.get_running_loop(), getcurrent(), self.pgconn.socket
        timer = loop.call_later(within, here.switch, 0)
        if state & WAIT_R:
            loop.add_reader(socket, here.switch, READY_R)
        if state & WAIT_W:
            loop.add_writer(socket, here.switch, READY_W)
        try:
            ready = _loop().switch()
        finally:
            timer.cancel()
            if state & WAIT_R:
                loop.remove_reader(socket)
            if state & WAIT_W:
                loop.remove_writer(socket)
        if not ready:
            self.pgconn.finish()
            raise database.Silent("the database is silent")
        return int(ready)


def start(act: Callable[[], object], done: Callable[[], object]) -> None:
    """Call a function that may use `wait`, and connections of `connect`; then `done`, in any case."""

    def run() -> None:
        try:
            act()
        except Exception:
            _log.exception("batch_lost")
        finally:
            done()

    greenlet(run).switch()


def wait(awaited: Awaitable[T]) -> T:
    """Within `start`: wait as `await` does."""
    here = getcurrent()
    future = asyncio.ensure_future(awaited)
    future.add_done_callback(lambda _: here.switch())
    _loop().switch()
    return future.result()


def _loop() -> greenlet:
    """What the event loop runs in: to switch there is to wait."""
    parent = getcurrent().parent
    assert parent is not None
    return parent


def connect(url: str, application: str, options: str) -> Connection:
    """Within `start`: a connection whose statements wait in the event loop, as does its making."""
    return wait(asyncio.to_thread(database.connect, url, application, _Connection, options=options))
