"""A load generator that is not the bottleneck: prebuilt requests over raw sockets, read by Content-Length.

Closed: every connection sends its next request when the answer before it is whole. The other kind is in `paced`.
"""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import cast

from ops.bench.figures import quantile

Requests = Iterator[bytes]
Address = tuple[str, int]
Answered = Callable[[bytes, int, bytes], None]  # is told the request, the answer's status and its body


@dataclass(slots=True)
class Tally:
    """What came back: answers by status and the seconds each took; requests that were never answered; the seconds it
    took in all, and the processor time that the generator spent."""

    seconds: list[float] = field(default_factory=list)
    accepted: list[float] = field(default_factory=list)  # those of answers below 300
    statuses: dict[int, int] = field(default_factory=dict)
    lost: int = 0
    elapsed: float = 0.0
    cpu: float = 0.0

    def add(self, status: int, seconds: float) -> None:
        """One more answer."""
        self.seconds.append(seconds)
        if status < 300:
            self.accepted.append(seconds)
        self.statuses[status] = self.statuses.get(status, 0) + 1

    def quantile(self, share: float) -> float:
        """The latency that this share of the answers stayed under, in seconds."""
        return quantile(self.seconds, share)

    def unexpected(self, expected: frozenset[int]) -> int:
        """How many requests had no answer, or one of another status than these."""
        return self.lost + sum(count for status, count in self.statuses.items() if status not in expected)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.seconds) / self.elapsed if self.elapsed else 0.0

    @property
    def core_share(self) -> float:
        """Which share of a core the generator took: near 1 it measures itself."""
        return self.cpu / self.elapsed if self.elapsed else 0.0


class Wire(asyncio.Protocol):
    """One kept-alive connection with at most one request on its way."""

    def __init__(self) -> None:
        self._buffer = b""
        self._sent_at = 0.0
        self._request: bytes | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class

    def send(self, request: bytes, since: float) -> None:
        """Let a request go. Its answer is timed from `since`."""
        self._request, self._sent_at = request, since
        self._transport.write(request)

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0 or self._request is None:
            return
        size = head + 4 + content_length(self._buffer[:head])
        if len(self._buffer) < size:
            return
        answer, self._buffer = self._buffer[:size], self._buffer[size:]
        request, self._request = self._request, None
        self.whole(request, int(answer[9:12]), answer[head + 4 :], time.perf_counter() - self._sent_at)

    def whole(self, request: bytes, status: int, body: bytes, seconds: float) -> None:
        """An answer has come."""
        raise NotImplementedError

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


class _Closed(Wire):
    """The next request leaves when the answer before it is whole."""

    def __init__(self, requests: Requests, tally: Tally, until: float, answered: Answered | None) -> None:
        super().__init__()
        self._requests, self._tally, self._until, self._answered = requests, tally, until, answered

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._next()

    def _next(self) -> None:
        request = next(self._requests, None) if time.perf_counter() < self._until else None
        if request is None:
            self.close()
        else:
            self.send(request, time.perf_counter())

    def whole(self, request: bytes, status: int, body: bytes, seconds: float) -> None:
        self._tally.add(status, seconds)
        if self._answered is not None:
            self._answered(request, status, body)
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally.lost += self._request is not None
        super().connection_lost(exc)


def content_length(head: bytes) -> int:
    """What the header lines say; 0 where they do not."""
    lowered = head.lower()
    at = lowered.find(b"content-length:")
    return int(lowered[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


async def closed(
    addresses: Sequence[Address], requests: Sequence[Requests], seconds: float, answered: Answered | None = None
) -> Tally:
    """Send each iterator's requests over a connection of its own until it ends or the time is over; the connections
    are dealt out to the addresses."""
    tally = Tally()
    loop = asyncio.get_running_loop()
    started, spent = time.perf_counter(), time.process_time()
    until = started + seconds
    made = [
        await loop.create_connection(partial(_Closed, one, tally, until, answered), *address)
        for one, address in zip(requests, itertools.cycle(addresses), strict=False)
    ]
    await asyncio.gather(*(protocol.done for _, protocol in made))
    tally.elapsed, tally.cpu = time.perf_counter() - started, time.process_time() - spent
    return tally


def run(host: str, port: int, requests: Sequence[Requests], seconds: float, answered: Answered | None = None) -> Tally:
    """`closed`, with one server."""
    return run_over([(host, port)], requests, seconds, answered)


def run_over(
    addresses: Sequence[Address], requests: Sequence[Requests], seconds: float, answered: Answered | None = None
) -> Tally:
    """`closed`, in an event loop of its own."""
    import uvloop

    return uvloop.run(closed(addresses, requests, seconds, answered))


def request(method: str, path: str, token: str, body: bytes = b"", kind: str = "application/scim+json") -> bytes:
    """An HTTP/1.1 request as bytes."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: bench",
        f"Authorization: Bearer {token}",
        "User-Agent: muster-bench",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
