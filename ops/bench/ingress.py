"""The ingress suite: create, lookup, get, PATCH and Entra's mix, each beside the ceiling of its minute, and beside
any other SCIM server that is named."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import median

from ops.bench import load, traffic
from ops.bench.beside import Beside, ceiling, echo
from ops.bench.checking import Sample, read_back
from ops.bench.load import Tally
from ops.bench.system import System
from ops.bench.traffic import Target

PEOPLE = 2_000  # to look up and to change
CEILING_SECONDS = 3.0  # at most, of a run
ALONE_SECONDS = 1.5  # of a run over one connection
PAID = ("ingress", "postgres")
WORKING = "running all the time, and what they ask of PostgreSQL is part of its cost"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """One run of a phase, right after a run of the ceiling: what came back from both, from the other server if there
    is one, and seconds of processor time by component (nothing where the processes are not known)."""

    ceiling: Tally
    ours: Tally
    cpu: dict[str, float]
    peer: Tally | None = None

    def cost(self, component: str) -> float:
        """CPU seconds per 1,000 answers."""
        return self.cpu[component] * 1000 / max(1, len(self.ours.seconds))


@dataclass(frozen=True)
class Measured:
    """One phase."""

    phase: str
    runs: list[Run]
    expected: frozenset[int]

    def middle(self, figure: Callable[[Run], float]) -> float:
        """The median of the runs."""
        return median(map(figure, self.runs))

    @property
    def ratio(self) -> float:
        """Of the ceiling, each run by its own."""
        return self.middle(lambda run: run.ours.rate / run.ceiling.rate)

    @property
    def peer_ratio(self) -> float | None:
        """How many times as many requests a second as the other server; None without one."""
        ratios = [run.ours.rate / run.peer.rate for run in self.runs if run.peer is not None]
        return median(ratios) if ratios else None

    def cost(self, component: str) -> float | None:
        """CPU seconds per 1,000 requests; None where it is not known."""
        return self.middle(lambda run: run.cost(component)) if component in self.runs[0].cpu else None

    @property
    def unexpected(self) -> int:
        """Answers of another status than there should be, and none at all."""
        return sum(run.ours.unexpected(self.expected) for run in self.runs)

    @property
    def peer_unexpected(self) -> int:
        """The same of the other server."""
        return sum(run.peer.unexpected(self.expected) for run in self.runs if run.peer is not None)


@dataclass
class Ingress:
    """All of it. `alone`: milliseconds of one create over one connection, ours and the ceiling's, each run; `echoed`:
    what the generator reaches against a server that only echoes; `wrong`: a sentence for each difference."""

    workers: str
    phases: list[Measured] = field(default_factory=list)
    alone: list[tuple[float, float]] = field(default_factory=list)
    echoed: Tally = field(default_factory=Tally)
    checked: int = 0
    wrong: list[str] = field(default_factory=list)
    peer_wrong: list[str] = field(default_factory=list)

    @property
    def alone_more_ms(self) -> float:
        """By how much a create alone takes longer than the ceiling's."""
        return median(ours - top for ours, top in self.alone)


class Contestant:
    """A server with users of its own, and what it was seen to do."""

    def __init__(self, target: Target, people: int) -> None:
        self.target = target
        ids, names = traffic.seed(target, people)
        self.phases = traffic.phases(target, ids, names)
        self.created, self.sample = len(ids), Sample()

    def run(self, phase: str, connections: int, seconds: float, number: int) -> Tally:
        """One run. Names of users follow from the number of the run and of the connection."""
        requests, _ = self.phases[phase]
        every = [requests(connection, number) for connection in range(connections)]
        tally = load.run(*self.target.address, every, seconds, self.sample)
        self.created += tally.statuses.get(201, 0)
        return tally


def measure(
    system: System,
    *,
    seconds: float = 5,
    connections: int = 64,
    runs: int = 3,
    people: int = PEOPLE,
    with_workers: bool = False,
    peer: Target | None = None,
    say: Say,
) -> Ingress:
    """Every phase, `runs` times. The workers of a Muster of the bench's own are paused during each run, and apply what
    was accepted between two of them, unless they are to be measured as well."""
    paused = system.ours and not with_workers
    found = Ingress("paused during every run, the journal emptied after it" if paused else WORKING)
    say(f"seeding {people:,} users")
    ours = Contestant(system.new_list()[1], people)
    other = Contestant(peer, people) if peer is not None else None
    system.emptied()
    with ceiling() as top, echo() as least:
        found.echoed = least.run(connections, min(seconds, CEILING_SECONDS))
        for phase, (_, expected) in ours.phases.items():
            taken = []
            for number in range(runs):
                say(f"{phase}, run {number + 1} of {runs}")
                taken.append(_run(system, (top, ours, other), phase, connections, seconds, paused))
            found.phases.append(Measured(phase, taken, expected))
        say("one connection alone")
        found.alone = [_alone(system, top, ours, min(seconds, ALONE_SECONDS), paused) for _ in range(runs)]
    say("reading back")
    found.checked = len(ours.sample.kept)
    found.wrong = ours.sample.wrong() + read_back(ours.target, ours.created, ours.sample.created())
    if other is not None:
        found.peer_wrong = other.sample.wrong() + read_back(other.target, None, other.sample.created())
    return found


def _run(
    system: System, among: tuple[Beside, Contestant, Contestant | None], phase: str, connections: int, seconds: float,
    paused: bool,
) -> Run:  # fmt: skip
    top, ours, other = among
    number = time.time_ns() // 1_000_000
    ceiling_tally = top.run(connections, min(seconds, CEILING_SECONDS))
    with _workers(system, paused):
        before = system.cpu()
        tally = ours.run(phase, connections, seconds, number)
        cpu = {name: value - before[name] for name, value in system.cpu().items() if name in PAID}
    system.emptied()
    peer_tally = other.run(phase, connections, seconds, number) if other is not None else None
    return Run(ceiling_tally, tally, cpu, peer_tally)


def _alone(system: System, top: Beside, ours: Contestant, seconds: float, paused: bool) -> tuple[float, float]:
    """Milliseconds at the median: ours, and the ceiling's right before."""
    least = top.run(1, seconds)
    with _workers(system, paused):
        tally = ours.run("create", 1, seconds, time.time_ns() // 1_000_000)
    system.emptied()
    return tally.quantile(0.5) * 1000, least.quantile(0.5) * 1000


@contextmanager
def _workers(system: System, paused: bool) -> Iterator[None]:
    with ExitStack() as kept:
        if paused:
            kept.enter_context(system.workers_paused())
        yield
