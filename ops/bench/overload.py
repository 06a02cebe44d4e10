"""The overload suite: one list's thousand connections that send again at once whatever they are answered, clients that
are slow on purpose, and another list beside them that sends what it always does."""

import asyncio
import contextlib
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from ops.account import Unusable
from ops.addresses import LOOPBACK, free_port, local_root, status
from ops.bench import load, paced, slow, traffic
from ops.bench.figures import quantile
from ops.bench.load import Tally
from ops.bench.processes import clean_environment, family, memory
from ops.bench.slow import Slow
from ops.bench.system import ROOT, System
from ops.bench.traffic import Target

USUAL, FLOOD = 64, 1_000  # connections: as many as it takes with ease, and of the flood
SECONDS = 8.0  # of a phase
PEOPLE = 1_000  # to change, in each list; a connection changes its own
# Requests a second of the list beside, and connections: enough of them that none of its requests waits for one.
BESIDE_RATE, BESIDE_CONNECTIONS = 50.0, 64
LOOK_EVERY, BACK_WITHIN, BACK_AFTER = 0.05, 5.0, 20  # seconds, seconds, requests in a row that are as usual
ANSWERED = frozenset({200, 201, 204})
SHED = frozenset({429, 503})
Say = Callable[[str], None]
_NAME = re.compile(rb'"userName":"([^"]+)"')


@dataclass
class Phase:
    """What the flooding list was answered, what the one beside it saw (milliseconds), and what ingress held (MB)."""

    name: str
    statuses: dict[int, int]
    rate: float  # accepted a second
    p99: float  # of what was accepted
    beside_p50: float
    beside_p99: float
    beside_wrong: int
    most_memory: float


@dataclass
class Overloaded:
    """All of it. `back`: seconds until the list beside was answered as before; `lost`: users that were acknowledged
    and are not there."""

    phases: list[Phase] = field(default_factory=list)
    slow: Slow = field(default_factory=Slow)
    back: float = 0.0
    acknowledged: int = 0
    lost: int = 0

    def phase(self, name: str) -> Phase:
        """By its name."""
        return next(one for one in self.phases if one.name == name)

    @property
    def wrong(self) -> int:
        """What must not be, counted."""
        known = ANSWERED | SHED
        others = sum(count for one in self.phases for status, count in one.statuses.items() if status not in known)
        return self.lost + others + sum(one.beside_wrong for one in self.phases)


def measure(system: System, say: Say, seconds: float = SECONDS, connections: int = FLOOD) -> Overloaded:
    """One ingress process of the bench's own, on this Muster's servers."""
    found = Overloaded()
    with _ingress(system) as (root, pid), ProcessPoolExecutor(1, mp_context=get_context("spawn")) as elsewhere:
        floods, others = (_moved(system.new_list()[1], root) for _ in range(2))
        (ids, _), (other_ids, _) = traffic.seed(floods, PEOPLE), traffic.seed(others, PEOPLE)
        beside = _Beside(elsewhere, others, other_ids, seconds)
        run = _Runs(found, floods, ids, beside, pid, seconds)
        for name, count in (("alone", 0), ("usual", USUAL), ("flood", connections)):
            say(f"{name}: {count} connections for {seconds:g} s")
            run.once(name, count)
        found.back = _until_usual(others, other_ids, found.phase("usual").beside_p99 / 1000)
        say("clients that are slow on purpose")
        with slow.clients(floods, found.slow):
            run.once("slow", 0)
            found.slow.count()
        found.lost = _lost(system, floods, run.acknowledged)
        found.acknowledged = len(run.acknowledged)
    return found


class _Runs:
    """Phase after phase; `acknowledged` are the user names of who was created."""

    def __init__(
        self, found: Overloaded, target: Target, ids: list[str], beside: "_Beside", pid: int, seconds: float
    ) -> None:
        self._found, self._target, self._ids, self._beside = found, target, ids, beside
        self._pid, self._seconds = pid, seconds
        self.acknowledged: set[str] = set()

    def once(self, name: str, connections: int) -> None:
        """So many connections, each with its next request as soon as it is answered."""
        tally, pending = Tally(), self._beside.start()
        with _watched(self._pid) as most:
            if connections:
                requests = [self._requests(name, number) for number in range(connections)]
                tally = load.run(*self._target.address, requests, self._seconds, self._answered)
            beside = pending.result()
        accepted, expected = tally.accepted, frozenset({200})
        self._found.phases.append(
            Phase(
                name, dict(sorted(tally.statuses.items())), len(accepted) / tally.elapsed if accepted else 0.0,
                quantile(accepted, 0.99) * 1000, beside.quantile(0.5) * 1000, beside.quantile(0.99) * 1000,
                beside.unexpected(expected), max(most),
            )
        )  # fmt: skip

    def _requests(self, name: str, number: int) -> Iterator[bytes]:
        creates = traffic.create(self._target, f"{name}x{number}")
        patches = traffic.patch(self._target, [self._ids[number % PEOPLE]], f"{name} {number}")
        while True:
            yield next(creates)
            yield next(patches)

    def _answered(self, request: bytes, status: int, body: bytes) -> None:
        if status == 201 and (named := _NAME.search(request)):
            self.acknowledged.add(named[1].decode())


class _Beside:
    """The other list: so many changes a second, of a process of its own, or the generator's own load would be seen."""

    def __init__(self, elsewhere: ProcessPoolExecutor, target: Target, ids: list[str], seconds: float) -> None:
        self._elsewhere, self._target, self._ids, self._seconds = elsewhere, target, ids, seconds
        self._runs = 0
        elsewhere.submit(int).result()  # it is there before anything is timed

    def start(self) -> "Future[Tally]":
        """Begin; half a second later than the flood, and until half a second before its end."""
        self._runs += 1
        seconds = max(0.5, self._seconds - 1)
        patches = traffic.patch(self._target, self._ids, f"beside {self._runs}")
        return self._elsewhere.submit(_paced, self._target.address, list(islice(patches, int(BESIDE_RATE * seconds))))


def _paced(address: tuple[str, int], requests: list[bytes]) -> Tally:
    time.sleep(0.5)
    return asyncio.run(paced.paced(address, paced.evenly(BESIDE_RATE, requests), BESIDE_CONNECTIONS))


def _until_usual(target: Target, ids: list[str], usual: float) -> float:
    """Seconds until one request after the other is answered within twice the usual time."""
    began, row, requests = time.monotonic(), 0, traffic.patch(target, ids, "back")
    since = began
    while row < BACK_AFTER and time.monotonic() < began + 2 * BACK_WITHIN:
        tally = load.run(*target.address, [islice(requests, 1)], BACK_WITHIN)
        fine = tally.statuses.keys() <= ANSWERED and tally.quantile(1) <= 2 * usual
        row = row + 1 if fine else 0
        since = since if fine else time.monotonic()
    return since - began


def _lost(system: System, target: Target, names: set[str]) -> int:
    """How many of these users are not there, or not in the list once everything is applied."""
    list_id = target.path.rpartition("/")[2]
    system.emptied(lists=[list_id])
    present = {uid for (uid,) in system.rows("select uid from person where list_id = %s", list_id)}
    return len(names - present)


@contextlib.contextmanager
def _watched(pid: int) -> Iterator[list[float]]:
    """What a family of processes held, in MB, look after look."""
    over, seen = threading.Event(), [_held(pid)]

    def look() -> None:
        while not over.wait(0.5):
            seen.append(_held(pid))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
        seen.append(_held(pid))


def _held(pid: int) -> float:
    return max(memory(one.pid).private for one in family([pid]))


def _moved(target: Target, root: str) -> Target:
    return Target(f"{root}{target.path}", target.token)


@contextlib.contextmanager
def _ingress(system: System) -> Iterator[tuple[str, int]]:
    """Its root, and its first process."""
    port, internal = free_port(), free_port()
    settings = {
        "DATABASE_URL": system.database_url, "REDIS_URL": system.redis_url, "PORT": str(port), "SERVE": "scim",
        "INTERNAL_PORT": str(internal), "LOG_LEVEL": "error",
    }  # fmt: skip
    environment = clean_environment() | {f"MUSTER_{name}": value for name, value in settings.items()}
    with tempfile.TemporaryDirectory(prefix="mo") as folder, (Path(folder) / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ops.cli", "ingress"], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        try:
            end = time.monotonic() + 30
            while status(LOOPBACK, internal, "/ready") != 200:
                if process.poll() is not None or time.monotonic() > end:
                    raise Unusable(f"an ingress did not come up: {(Path(folder) / 'log').read_text()[-1000:]}")
                time.sleep(LOOK_EVERY)
            yield local_root(LOOPBACK, port), process.pid
        finally:
            process.terminate()
            process.wait()
