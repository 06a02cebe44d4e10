"""A load generator that is not the bottleneck: prebuilt requests over raw sockets, read by Content-Length."""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import cast

Requests = Iterator[bytes]
Address = tuple[str, int]


@dataclass(slots=True)
class Tally:
    """What came back: answers by status and the seconds each took."""

    seconds: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    elapsed: float = 0.0

    def quantile(self, share: float) -> float:
        """The latency that this share of the answers stayed under, in seconds."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.seconds) / self.elapsed if self.elapsed else 0.0


class _Connection(asyncio.Protocol):
    """One kept-alive connection: the next request leaves when the answer before it is whole."""

    def __init__(
        self, requests: Requests, tally: Tally, until: float, answered: Callable[[bytes], None] | None
    ) -> None:
        self._requests, self._tally, self._until, self._answered = requests, tally, until, answered
        self._buffer = b""
        self._sent_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class
        self._next()

    def _next(self) -> None:
        request = next(self._requests, None) if time.perf_counter() < self._until else None
        if request is None:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        size = head + 4 + _content_length(self._buffer[:head])
        if len(self._buffer) < size:
            return
        answer, self._buffer = self._buffer[:size], self._buffer[size:]
        self._tally.seconds.append(time.perf_counter() - self._sent_at)
        status = int(answer[9:12])
        self._tally.statuses[status] = self._tally.statuses.get(status, 0) + 1
        if self._answered is not None:
            self._answered(answer[head + 4 :])
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def _content_length(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.find(b"content-length:")
    return int(lowered[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


async def _run(
    addresses: Sequence[Address], requests: list[Requests], seconds: float, answered: Callable[[bytes], None] | None
) -> Tally:
    tally = Tally()
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    until = started + seconds
    made = [
        await loop.create_connection(partial(_Connection, one, tally, until, answered), *address)
        for one, address in zip(requests, itertools.cycle(addresses), strict=False)
    ]
    await asyncio.gather(*(protocol.done for _, protocol in made))
    tally.elapsed = time.perf_counter() - started
    return tally


def run(
    host: str,
    port: int,
    requests: list[Requests],
    seconds: float,
    answered: Callable[[bytes], None] | None = None,
) -> Tally:
    """Send each iterator's requests over a connection of its own until it ends or the time is over."""
    return run_over([(host, port)], requests, seconds, answered)


def run_over(
    addresses: Sequence[Address],
    requests: list[Requests],
    seconds: float,
    answered: Callable[[bytes], None] | None = None,
) -> Tally:
    """`run`, the connections dealt out to several servers."""
    import uvloop

    return uvloop.run(_run(addresses, requests, seconds, answered))


def request(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    """An HTTP/1.1 request as bytes."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: bench",
        f"Authorization: Bearer {token}",
        "User-Agent: muster-bench",
        "Content-Type: application/scim+json",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
