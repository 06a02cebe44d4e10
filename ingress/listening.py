"""A listening socket: takes connections, some at each turn of the event loop, and ends with nobody in its backlog."""

import asyncio
import ctypes
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress

import structlog

from ops.addresses import BACKLOG

# Connections taken at a turn. uvloop takes one, however long turns are: beside a flood a client had to wait for as many
# turns as others had come before it, 64 of another list's for 0.4 to 1.4 s. Not many more: what one process takes,
# those that share the socket do not get.
AT_ONCE = 16
REST = 1.0  # seconds, where the system has nothing left for one more
HANDSHAKE = 0.1  # seconds in which a connection that was begun is made
_SO_ATTACH_FILTER = 26  # asm-generic/socket.h
# For a socket's filter of packets, which begin at their TCP header (Linux, networking/filter.rst): drop what has SYN
# set in its flags, the byte at 13; let everything else pass. Code, two jumps, operand.
_NO_SYN = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFF))

_log = structlog.get_logger()


class Listening:
    """Of one process, from now on; each connection gets a protocol of its own."""

    def __init__(self, listener: socket.socket, made: Callable[[], asyncio.Protocol]) -> None:
        self._listener, self._made = listener, made
        self._loop = asyncio.get_running_loop()
        self._begun: set[asyncio.Task[object]] = set()
        self._resting: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        listener.listen(BACKLOG)
        self._loop.add_reader(listener, self._take)

    def _take(self) -> bool:
        """Take those who wait; whether there may be more."""
        for _ in range(AT_ONCE):
            try:
                taken, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return False
            except ConnectionAbortedError:
                continue
            except OSError as error:
                self._rest(error)
                return False
            self._begin(taken)
        return True

    def _begin(self, taken: socket.socket) -> None:
        taken.setblocking(False)
        task: asyncio.Task[object] = self._loop.create_task(self._connected(taken))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)

    async def _connected(self, taken: socket.socket) -> None:
        with suppress(OSError):  # it is gone already
            await self._loop.connect_accepted_socket(self._made, taken)

    def _rest(self, error: OSError) -> None:
        """No file descriptors, say: those who wait go on to, instead of keeping this process busy."""
        _log.error("no_connection_taken", error=str(error))
        self._loop.remove_reader(self._listener)
        self._resting = self._loop.call_later(REST, self._go_on)

    def _go_on(self) -> None:
        self._loop.add_reader(self._listener, self._take)

    async def close(self) -> None:
        """Close the socket with nobody in its backlog: whoever is there has sent a request already, which a proxy must
        not repeat, and would be told that the connection was reset."""
        refuse_more(self._listener)
        await asyncio.sleep(HANDSHAKE)
        while self._take():
            pass
        if self._resting is not None:
            self._resting.cancel()
        self._loop.remove_reader(self._listener)
        self._listener.close()
        await asyncio.gather(*self._begun)


def refuse_more(listener: socket.socket) -> None:
    """Have the system drop what would begin a connection, of every process that shares the socket: the client tries
    again within a second, and finds the port closed. Connections that there are, and are being made, go on."""
    if sys.platform != "linux":
        return
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in _NO_SYN))
    with suppress(OSError):
        described = struct.pack("HL", len(_NO_SYN), ctypes.addressof(program))
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)
