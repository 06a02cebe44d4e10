"""The memory suite: what the stack holds while nobody calls, an ingress process after many requests, and a worker
process after many operations."""

import itertools
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from statistics import median_low
from typing import Any

from ops.account import Unusable
from ops.bench import load, traffic
from ops.bench.paced import in_turn
from ops.bench.processes import Memory, memory
from ops.bench.system import COMPONENTS, System
from ops.bench.targets import Line
from ops.bench.traffic import Target
from ops.bench.watching import Watching

REQUESTS, EVENTS, PEOPLE, CONNECTIONS = 200_000, 200_000, 2_000, 64
LOOKS = 20  # at the processes, evenly over what they do
WATCHED = ("ingress", "workers")
SETTLE_SECONDS = 5.0  # of a stack that has just come up, until it counts as idle
IDLE_MB, INGRESS_MB, WORKER_MB = 400.0, 120.0, 160.0
FLAT_SHARE, FLAT_MB = 0.05, 4.0  # of growth from the second quarter to the last: noise
Say = Callable[[str], None]


@dataclass(frozen=True)
class Grown:
    """One process while it works: how much it had done (requests or operations), and what it held then."""

    samples: list[tuple[int, Memory]]
    unexpected: int

    @property
    def last(self) -> Memory:
        """At the end."""
        return self.samples[-1][1]

    @property
    def growth(self) -> float:
        """Megabytes of its own that the last quarter of the looks has more than the second (medians)."""
        return growth([one.private for _, one in self.samples])

    @property
    def flat_mb(self) -> float:
        """How much of that is noise."""
        return max(FLAT_MB, FLAT_SHARE * self.last.private)


def growth(values: list[float]) -> float:
    """By how much the median of the last quarter exceeds the median of the second: the first is warming up."""
    quarter = max(1, len(values) // 4)
    return median_low(values[-quarter:]) - median_low(values[quarter : 2 * quarter] or values)


@dataclass(frozen=True)
class Holding:
    """`idle`: by component, all of its processes together."""

    idle: dict[str, Memory]
    ingress: Grown
    worker: Grown

    @property
    def idle_mb(self) -> float:
        """All components together, pages that they share counted once."""
        return sum(one.pss for one in self.idle.values())


class _Watch(Watching):
    """Counts what is answered and, every so many answers, looks at the largest process of each component."""

    def __init__(self, system: System, every: int) -> None:
        self.answered = self.accepted = 0
        self.samples: dict[str, list[tuple[int, Memory]]] = {name: [] for name in WATCHED}
        self._system, self._every, self._due = system, every, 0
        super().__init__()

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self.look()

    def __call__(self, request: bytes, status: int, body: bytes) -> None:
        """One more answer."""
        self.answered += 1
        self.accepted += status < 300 and not request.startswith(b"GET")

    def look(self) -> None:
        """What both hold now: the ingress process by requests, the worker process by operations."""
        for name, count in zip(WATCHED, (self.answered, self.accepted), strict=True):
            self.samples[name].append((count, self._system.memory(name)[0]))

    def _run(self) -> None:
        while not self._over.wait(0.02):
            if self.answered >= self._due:
                self._due += self._every
                self.look()


def measure(
    system: System, *, requests: int = REQUESTS, events: int = EVENTS, people: int = PEOPLE,
    settle: float = SETTLE_SECONDS, say: Say,
) -> Holding:  # fmt: skip
    """Idle first, then requests of Entra's mix, then creates and PATCHes until the worker has its operations."""
    if not memory(os.getpid()).pss:
        raise Unusable("this system does not tell what a process holds: /proc/PID/smaps_rollup is Linux's")
    time.sleep(settle)
    idle = {name: sum(system.memory(name), Memory()) for name in COMPONENTS}
    idle["up"] = memory(system.supervisor)
    _, target = system.new_list()
    ids, names = traffic.seed(target, people)
    system.emptied()
    prefix = f"h{time.time_ns()}"
    mixed = in_turn(
        traffic.mix(target, ids[one::CONNECTIONS] or ids, names, f"{prefix}x{one}") for one in range(CONNECTIONS)
    )
    writes = in_turn([traffic.create(target, f"{prefix}w"), traffic.patch(target, ids, prefix)])
    with _Watch(system, max(1, requests // LOOKS)) as watch:
        say(f"{requests:,} requests of the mix")
        unexpected = _send(system, target, itertools.islice(mixed, requests), watch)
        watch.look()
        ingress = Grown(list(watch.samples["ingress"]), unexpected)
        more = max(0, events - watch.accepted)
        say(f"{more:,} creates and PATCHes more, {events:,} operations in all")
        unexpected += _send(system, target, itertools.islice(writes, more), watch)
    return Holding(idle, ingress, Grown(watch.samples["workers"], unexpected))


def _send(system: System, target: Target, requests: Iterator[bytes], watch: _Watch) -> int:
    """All of them, until everything is applied; how many were not answered as they should be."""
    tally = load.run(*target.address, [requests] * CONNECTIONS, 3600, watch)
    system.emptied()
    return tally.unexpected(frozenset({200, 201, 204}))


def table(found: Holding) -> str:
    """The results as text. Megabytes."""
    lines = [f"{'':22} {'PSS MB':>8} {'private':>8} {'shared':>8} {'growth':>8}"]
    lines += [f"{f'idle: {name}':22} {_row(one)}" for name, one in found.idle.items()]
    lines.append(f"{'idle: all':22} {found.idle_mb:8.1f}")
    each = (("ingress process", found.ingress, "requests"), ("worker process", found.worker, "operations"))
    for name, grown, what in each:
        count, _ = grown.samples[-1]
        lines.append(f"{name:22} {_row(grown.last)} {grown.growth:8.1f}  after {count:,} {what}")
    lines.append("Shared pages: PSS counts them by their share. Growth: private, from the second quarter to the last.")
    return "\n".join(lines)


def _row(one: Memory) -> str:
    return f"{one.pss:8.1f} {one.private:8.1f} {one.shared:8.1f}"


def as_json(found: Holding) -> dict[str, Any]:
    """For `--json`. Megabytes; samples are pairs of requests and what the process held."""
    return asdict(found) | {
        "idle_mb": found.idle_mb,
        "growth_mb": {"ingress": found.ingress.growth, "worker": found.worker.growth},
    }


def lines(found: Holding) -> list[Line]:
    """Against the targets."""
    each = (("an ingress process", found.ingress, INGRESS_MB), ("a worker process", found.worker, WORKER_MB))
    return [
        *(Line(f"memory: {what} after load, PSS", limit, grown.last.pss, "MB") for what, grown, limit in each),
        *(Line(f"memory: growth of {what}", grown.flat_mb, grown.growth, "MB") for what, grown, _ in each),
        Line("memory: the idle stack in all, PSS", IDLE_MB, found.idle_mb, "MB"),
        Line("memory: requests not answered as they should be", 0, found.worker.unexpected, ""),
    ]
