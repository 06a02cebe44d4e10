"""An ingress process, from its fork to its end: the application behind a listening socket."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from email.utils import formatdate
from typing import Any

import structlog
import uvloop

from ingress.connection import Connection
from ingress.exchange import Exchange
from ingress.listening import Listening
from ops import metrics

LINGER = 1.0  # seconds in which a request may be on its way over a connection that was kept
MOST_HELD = 64 * 1024 * 1024  # bytes that all connections of a process hold: looked at each second, and whenever
LOOK_AGAIN = 16 * 1024 * 1024  # more of them have come

Application = Callable[[Any, Any, Any], Coroutine[Any, Any, None]]  # ASGI's: scope, receive, send

_log = structlog.get_logger()


def work(
    app: Callable[[], Application], listener: socket.socket, delay: float, within: float, started: Callable[[], None]
) -> None:
    """Answer until SIGTERM and for `delay` seconds more, then finish what was begun, for so many seconds at most."""
    uvloop.run(_work(app(), listener, delay, within, started))


async def _work(
    app: Application, listener: socket.socket, delay: float, within: float, started: Callable[[], None]
) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with lifespan(app, within) as state:
        server = Server(app, listener.getsockname(), state)
        loop.add_signal_handler(signal.SIGTERM, told.set)  # from here on: before, a start that hangs ends at once
        server.listen(listener)
        started()
        await told.wait()
        loop.remove_signal_handler(signal.SIGTERM)  # who asks twice will not wait
        await server.stop(within, delay)


class Server:
    """The connections of a process, and the requests that are being answered."""

    def __init__(self, app: Application, address: Any, state: dict[str, Any] | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self.address = address[:2] if isinstance(address, tuple) else None  # IPv6's has four parts, ASGI's two
        self.connections: set[Connection] = set()
        self.leaving = False  # every answer is the last of its connection
        self.stopping = asyncio.Event()  # what does not end by itself has to
        self.state = {**(state or {}), "stopping": self.stopping}
        self._app = app
        self._came = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def listen(self, listener: socket.socket) -> None:
        """Take connections."""
        self._listening = Listening(listener, self._connection)
        self._look()

    def _connection(self) -> Connection:
        return Connection(self)

    def answer(self, connection: Connection, exchange: Exchange) -> None:
        """Have the application answer a request."""
        task: asyncio.Task[None] = self.loop.create_task(self._app(exchange.scope, exchange.receive, exchange.send))
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._answered(done, connection, exchange))

    def _answered(self, task: "asyncio.Task[None]", connection: Connection, exchange: Exchange) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("request_failed", exc_info=error, path=exchange.scope["path"])
        if not exchange.complete:
            connection.failed(exchange)

    def _look(self) -> None:
        now = self.loop.time()
        self.date = b"date: " + formatdate(usegmt=True).encode()
        for connection in tuple(self.connections):
            connection.look(now)
        self.relieve(now)
        self._looking = self.loop.call_later(1, self._look)

    def came(self, count: int) -> None:
        """So many bytes were sent to us."""
        self._came += count
        if self._came > LOOK_AGAIN:
            self._came = 0
            self.loop.call_soon(self.relieve, self.loop.time())

    def relieve(self, now: float) -> None:
        """End connections where all of them hold too much, first those that have held the most for the longest. None
        that waits for our answer, nor is what these hold laid on others: there are as many as the queues let in."""
        burdens = {one: burden for one in self.connections if (burden := one.burden(now))}
        over = sum(one.held for one in burdens) - MOST_HELD
        if over <= 0:
            return
        ended = 0
        for one in sorted(burdens, key=burdens.__getitem__, reverse=True):
            if over <= 0:
                break
            over -= one.held
            one.end()
            self.connections.discard(one)
            ended += 1
        metrics.CONNECTIONS_ENDED.inc(ended)
        _log.warning("connections_ended", count=ended, left=len(self.connections))

    async def stop(self, within: float, delay: float = 0.0) -> None:
        """Go on for `delay` seconds, and answer each connection for the last time; then take no more of them, and end
        each when what it asked for is answered, within so many seconds."""
        self.leaving = True
        for connection in tuple(self.connections):
            connection.leave()
        await asyncio.sleep(delay)
        self.stopping.set()
        end = self.loop.time() + within
        await self._listening.close()
        for connection in tuple(self.connections):
            connection.finish(min(LINGER, within / 2))
        while self.connections and self.loop.time() < end:
            await asyncio.sleep(0.01)
        self._looking.cancel()
        for task in self._tasks:
            task.cancel()


@asynccontextmanager
async def lifespan(app: Application, within: float) -> AsyncIterator[dict[str, Any]]:
    """The application's start before, and its end after, which gets so many seconds (ASGI's lifespan protocol)."""
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    state: dict[str, Any] = {}
    scope: Any = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": state}
    task = asyncio.ensure_future(app(scope, told.get, heard.put))

    async def step(name: str) -> None:
        told.put_nowait({"type": f"lifespan.{name}"})
        answer = asyncio.ensure_future(heard.get())
        await asyncio.wait([answer, task], return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            answer.cancel()
            await task  # raises why it ended
            return
        if answer.result()["type"] != f"lifespan.{name}.complete":
            raise RuntimeError(answer.result().get("message", f"the application's {name} failed"))

    await step("startup")
    try:
        yield state
    finally:
        with suppress(TimeoutError):  # whoever still waits for the database is told as much by the connection's end
            await asyncio.wait_for(step("shutdown"), within)
