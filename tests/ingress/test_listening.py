"""How connections are taken: some at each turn of the event loop, and on after there was nothing left for one more."""

import asyncio
import errno
import socket
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

import pytest
import uvloop

from ingress import listening
from ingress.listening import AT_ONCE, Listening

CLIENTS = 3 * AT_ONCE


class Counted(asyncio.Protocol):
    made: ClassVar[list[asyncio.BaseTransport]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Counted.made.append(transport)


class Scarce(socket.socket):
    """A socket for which the system has no file descriptors the first time."""

    refused = 0

    def accept(self) -> tuple[socket.socket, Any]:
        if not self.refused:
            self.refused += 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


def served(listener: socket.socket, meanwhile: Callable[[Listening], Coroutine[Any, Any, None]]) -> None:
    """Clients that are there before anybody takes them."""
    Counted.made.clear()
    listener.bind(("127.0.0.1", 0))
    listener.listen(CLIENTS)
    clients = [socket.create_connection(listener.getsockname()) for _ in range(CLIENTS)]

    async def work() -> None:
        at = Listening(listener, Counted)
        await meanwhile(at)
        await at.close()
        for transport in Counted.made:
            transport.close()

    uvloop.run(work())
    for one in clients:
        one.close()


def test_a_few_turns_of_the_event_loop_take_everybody() -> None:
    turns = 0

    async def count(_: Listening) -> None:
        nonlocal turns
        while len(Counted.made) < CLIENTS:
            turns += 1
            await asyncio.sleep(0)

    served(socket.socket(), count)
    assert turns < CLIENTS / 2


def test_without_file_descriptors_it_rests_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "REST", 0.01)
    listener = Scarce()

    async def wait(_: Listening) -> None:
        while len(Counted.made) < CLIENTS:
            await asyncio.sleep(0.001)

    served(listener, wait)
    assert listener.refused == 1


def test_whoever_is_in_the_backlog_at_the_end_is_taken_all_the_same() -> None:
    async def nothing(_: Listening) -> None:
        return

    served(socket.socket(), nothing)
    assert len(Counted.made) == CLIENTS
