"""Clients that are slow on purpose: heads and bodies that never end, answers that nobody reads, a huge head."""

import contextlib
import select
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

from ops.bench import traffic
from ops.bench.traffic import Target

EACH = 150  # clients of a kind
PIPELINED = 200  # requests that are sent ahead by those that read no answer
HUGE = 1_000_000  # bytes of a head


@dataclass
class Slow:
    """How many were opened, by kind, and how many of them were told at once that they go too far."""

    opened: dict[str, int] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    _sockets: dict[str, list[socket.socket]] = field(default_factory=dict)

    def count(self) -> None:
        """Look who has been hung up on, or answered, by now."""
        for kind, clients in self._sockets.items():
            self.opened[kind] = len(clients)
            self.ended[kind] = sum(bool(select.select([one], [], [], 0)[0]) for one in clients)


@contextlib.contextmanager
def clients(target: Target, found: Slow) -> Iterator[None]:
    """All of them, until this is left."""
    head = f"POST {target.path}/Users HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {target.token}\r\n".encode()
    get = next(traffic.lookup(target, ["nobody"]))
    begun = {
        "half a head": head,
        "half a body": head + b"Content-Length: 100000\r\n\r\n{",
        "waits to be told": head + b"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n",
        "reads nothing": get * PIPELINED,
        "a huge head": head + b"X: " + b"a" * HUGE,
    }
    with contextlib.ExitStack() as ending:
        for kind, sent in begun.items():
            found._sockets[kind] = [ending.enter_context(_client(target, sent)) for _ in range(EACH)]
        yield


@contextlib.contextmanager
def _client(target: Target, sent: bytes) -> Iterator[socket.socket]:
    with socket.create_connection(target.address, 10) as client:
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError, ConnectionError):
            client.send(sent)
        yield client
