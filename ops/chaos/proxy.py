"""A TCP proxy between two parts of a Muster, which delays, holds back, cuts and refuses when it is told to."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from typing import Self

from ops.addresses import LOOPBACK

CHUNK = 65_536  # bytes
Opened = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Proxy:
    """Listens on a free port of this machine; everything runs in one thread of its own."""

    def __init__(self, opened: Callable[[], Awaitable[Opened]]) -> None:
        self._opened = opened
        self._delay, self._refusing = 0.0, False
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    @classmethod
    def to_socket(cls, path: str) -> Self:
        """In front of a server on a Unix socket."""
        return cls(lambda: asyncio.open_unix_connection(path))

    @classmethod
    def to_port(cls, port: int) -> Self:
        """In front of a server on a port of this machine."""
        return cls(lambda: asyncio.open_connection(LOOPBACK, port))

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = self._do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def delay(self, seconds: float) -> None:
        """Hold every piece back for so long, each way; 0 as before."""
        self._delay = seconds

    def stall(self) -> None:
        """Let nothing through, with every connection open, until `flow`."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def flow(self) -> None:
        """Let through what was held back, and whatever comes."""
        self._loop.call_soon_threadsafe(self._flowing.set)

    def cut(self, refuse: bool = False) -> None:
        """Reset every connection that is open, and (`refuse`) those to come, until `mend`."""
        self._refusing = refuse
        self._loop.call_soon_threadsafe(self._abort)

    def mend(self) -> None:
        """Take connections again."""
        self._refusing = False

    def _do(self, what: Awaitable[int]) -> int:
        return asyncio.run_coroutine_threadsafe(_awaited(what), self._loop).result(10)

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._accepted, LOOPBACK, 0, backlog=1024)
        return int(self._server.sockets[0].getsockname()[1])

    async def _end(self) -> int:
        self._server.close()
        self._abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return 0

    def _abort(self) -> None:
        for writer in list(self._writers):
            _reset(writer)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                if not self._refusing:
                    await self._joined(reader, writer)
        finally:
            self._writers.discard(writer)
            self._tasks.discard(task)
            _reset(writer) if self._refusing else writer.transport.abort()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await self._opened()
        self._writers.add(far_writer)
        try:
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        finally:
            self._writers.discard(far_writer)
            far_writer.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        _without_delay(sink)
        while data := await source.read(CHUNK):
            if self._delay:
                await asyncio.sleep(self._delay)
            await self._flowing.wait()
            sink.write(data)
            await sink.drain()
        # One side has said all that it will; the other may still answer.
        if sink.can_write_eof():
            sink.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Drop a connection so that its other end hears of a reset, not of an end (Unix sockets know no difference)."""
    raw: socket.socket | None = writer.get_extra_info("socket")
    if raw is not None and raw.family != socket.AF_UNIX:
        with contextlib.suppress(OSError):  # it is closed already
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _without_delay(sink: asyncio.StreamWriter) -> None:
    raw: socket.socket | None = sink.get_extra_info("socket")
    if raw is not None and raw.family != socket.AF_UNIX:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def _awaited(what: Awaitable[int]) -> int:
    return await what
