"""The open kind of load: requests leave when they are due, whether or not those before them are answered.

Each is timed from the moment at which it was due, so that a server that stalls is not spared the requests that would
have come meanwhile.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial

from ops.bench.load import Address, Answered, Tally, Wire

Schedule = Iterator[tuple[float, bytes]]  # seconds after the beginning, and what is due then
TICK = 0.002  # seconds between two looks at what is due: shorter ones, which uvloop rounds to 0, would take a core
ANSWERED_WITHIN = 30.0  # seconds after the last one was due


class _Paced(Wire):
    """One of several connections, any of which takes the next request."""

    def __init__(self, pool: "_Pool") -> None:
        super().__init__()
        self._pool = pool

    def whole(self, request: bytes, status: int, body: bytes, seconds: float) -> None:
        self._pool.answered(self, request, status, body, seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.gone(self, self._request is not None)
        super().connection_lost(exc)


class _Pool:
    """Connections without a request, or requests without a connection."""

    def __init__(self, tally: Tally, answered: Answered | None) -> None:
        self._free: list[_Paced] = []
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._tally, self._tell = tally, answered
        self.open = self.busy = 0

    def add(self, wire: _Paced) -> None:
        self.open += 1
        self._free.append(wire)

    def offer(self, due: float, request: bytes) -> None:
        """Send it, now or as soon as somebody is free."""
        if self._free:
            self.busy += 1
            self._free.pop().send(request, due)
        else:
            self._waiting.append((due, request))

    def answered(self, wire: _Paced, request: bytes, status: int, body: bytes, seconds: float) -> None:
        self._tally.add(status, seconds)
        if self._tell is not None:
            self._tell(request, status, body)
        if self._waiting:
            due, following = self._waiting.popleft()
            wire.send(following, due)
        else:
            self.busy -= 1
            self._free.append(wire)

    def gone(self, wire: _Paced, unanswered: bool) -> None:
        self.open -= 1
        if unanswered:
            self.busy -= 1
            self._tally.lost += 1
        elif wire in self._free:
            self._free.remove(wire)

    def close(self) -> None:
        """What still waits for a connection was never answered."""
        self._tally.lost += len(self._waiting)

    @property
    def idle(self) -> bool:
        return not self.open or not (self.busy or self._waiting)


async def paced(
    address: Address, schedule: Schedule, connections: int, *, over: asyncio.Event | None = None,
    answered: Answered | None = None,
) -> Tally:  # fmt: skip
    """Send what a schedule says, over so many connections, until it ends or `over` is set; then wait for answers."""
    tally, loop = Tally(), asyncio.get_running_loop()
    pool = _Pool(tally, answered)
    made = [(await loop.create_connection(partial(_Paced, pool), *address))[1] for _ in range(connections)]
    for wire in made:
        pool.add(wire)
    started, spent = time.perf_counter(), time.process_time()
    for offset, request in schedule:
        due = started + offset
        while time.perf_counter() < due and not (over and over.is_set()):
            await asyncio.sleep(TICK)
        if over and over.is_set():
            break
        pool.offer(due, request)
    end = time.perf_counter() + ANSWERED_WITHIN
    while not pool.idle and time.perf_counter() < end:
        await asyncio.sleep(TICK)
    tally.elapsed, tally.cpu = time.perf_counter() - started, time.process_time() - spent
    pool.close()
    for wire in made:
        wire.close()
    await asyncio.gather(*(wire.done for wire in made))  # who had a request on its way counts it as lost
    return tally


def evenly(rate: float, requests: Iterable[bytes], seconds: float | None = None) -> Schedule:
    """So many requests a second at equal distances, for so long or until there are no more."""
    for number, request in enumerate(requests):
        if seconds is not None and number >= rate * seconds:
            return
        yield number / rate, request


def in_turn(every: Iterable[Iterator[bytes]]) -> Iterator[bytes]:
    """One request of each in turn, until one has no more."""
    streams = list(every)
    while True:
        for stream in streams:
            request = next(stream, None)
            if request is None:
                return
            yield request
