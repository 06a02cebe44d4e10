"""Synchronous code over a cursor, in the event loop: where it waits for the database, the loop goes on.

In threads each statement gave the interpreter's lock up and fought for it again, which cost more than the statement.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar, cast

import psycopg
from greenlet import getcurrent, greenlet
from psycopg import waiting
from psycopg.abc import RV, PQGen

from models import database
from models.database import Connection

P = ParamSpec("P")
T = TypeVar("T")
# A statement's own limit is ten seconds; a server that is frozen keeps none.
SILENCE = 20.0


class _Connection(psycopg.Connection[tuple[Any, ...]]):
    """Waits in the event loop where it is used within `run`, and blocks elsewhere."""

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """What psycopg calls wherever it has to wait for its socket."""
        if getcurrent().parent is None:
            return super().wait(gen, interval, timeout)
        try:
            return wait(waiting.wait_async(gen, self.pgconn.socket, SILENCE, timeout or SILENCE))
        except psycopg.errors._WaitTimeout:
            self.pgconn.finish()
            raise


async def run(act: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Call a function that may use `wait`, and connections of `connect`."""
    child = greenlet(act)
    told = child.switch(*arguments, **named)
    while not child.dead:
        try:
            value = await told
        except BaseException as error:
            told = child.throw(error)
        else:
            told = child.switch(value)
    return cast(T, told)


def wait(awaited: Awaitable[T]) -> T:
    """Within `run`: wait as `await` does."""
    parent = getcurrent().parent
    assert parent is not None
    return cast(T, parent.switch(awaited))


def connect(url: str, application: str, options: str) -> Connection:
    """Within `run`: a connection whose statements wait in the event loop, as does its making."""
    return wait(asyncio.to_thread(database.connect, url, application, _Connection, options=options))
