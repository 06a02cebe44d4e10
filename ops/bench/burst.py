"""The burst suite: a hundred tenants of Entra ID at full speed, kept up, and 100,000 creates into one list at once."""

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

from ops.bench import lateness, traffic
from ops.bench.checking import Sample
from ops.bench.figures import second_half, slope
from ops.bench.lateness import Backlog, Lateness
from ops.bench.load import Tally, closed
from ops.bench.paced import evenly, in_turn, paced
from ops.bench.system import System
from ops.bench.traffic import Target

TENANTS, EACH, MOST = 100, 25.0, 3_500.0  # lists; requests a second of one, and of all together in the second run
PEOPLE = 20  # of each list, to look up and to change
CREATES, CONNECTIONS = 100_000, 64
TRICKLE = 10.0  # a second, each
SEEN = frozenset({200, 201, 204})
Say = Callable[[str], None]
Samples = list[tuple[float, float]]


@dataclass(frozen=True)
class Pace:
    """So many requests a second of Entra's mix for so long. `accepted`: operations; `backlog`: how many of them waited
    when; `emptied_s`: seconds after the last answer."""

    rate: float
    seconds: float
    answers: Tally
    accepted: int
    late: Lateness
    backlog: Samples
    emptied_s: float
    wrong: list[str]

    @property
    def growth(self) -> float:
        """Operations a second by which the backlog grew over the second half of the time."""
        return slope(second_half([sample for sample in self.backlog if sample[0] <= self.seconds]))


@dataclass(frozen=True)
class Flood:
    """Creates into one list as fast as it takes them, and what became of others meanwhile."""

    creates: int
    answers: Tally
    emptied_s: float
    late: Lateness
    trickle: Lateness
    trickle_answers: Tally
    leaving: Lateness
    leaving_answers: Tally
    backlog: Samples
    wrong: list[str]


@dataclass(frozen=True)
class Burst:
    """All of it."""

    paces: list[Pace]
    flood: Flood


def measure(
    system: System, *, seconds: float = 60, tenants: int = TENANTS, rates: tuple[float, ...] | None = None,
    creates: int = CREATES, say: Say,
) -> Burst:  # fmt: skip
    """Both paces, then the flood."""
    say(f"seeding {tenants} lists")
    lists = [system.new_list() for _ in range(tenants)]
    seeded = [(target, *traffic.seed(target, PEOPLE)) for _, target in lists]
    list_ids = [list_id for list_id, _ in lists]
    system.emptied()
    paces = []
    for rate in rates or (EACH * tenants, MOST):
        say(f"{rate:,.0f} requests a second for {seconds:.0f} s, over {tenants} lists")
        paces.append(pace(system, list_ids, seeded, rate, seconds))
    say(f"{creates:,} creates into one list")
    return Burst(paces, flood(system, creates))


def pace(
    system: System, list_ids: list[str], seeded: list[tuple[Target, list[str], list[str]]], rate: float, seconds: float
) -> Pace:
    """One run, every list in turn: equal distances, two connections a list for whoever is due."""
    import uvloop

    prefix = f"p{time.time_ns()}"
    requests = in_turn([traffic.mix(*one, prefix) for one in seeded])
    accepted, sample = _Accepted(), Sample()
    accepted.also = sample
    began = lateness.now(system)
    with Backlog(system) as backlog:
        schedule = evenly(rate, requests, seconds)
        tally = uvloop.run(paced(seeded[0][0].address, schedule, 2 * len(seeded), answered=accepted))
        emptied_s = system.emptied(0.02)
    late = lateness.since(system, list_ids, began)
    return Pace(
        rate, seconds, tally, accepted.count, late, backlog.samples, emptied_s,
        sample.wrong() + _entries(late, accepted.count),
    )  # fmt: skip


class _Accepted:
    """Counts the operations that were accepted: answers with 2xx to anything but a GET."""

    def __init__(self) -> None:
        self.count = 0
        self.also: Sample | None = None

    def __call__(self, request: bytes, status: int, body: bytes) -> None:
        self.count += status in SEEN and not request.startswith(b"GET")
        if self.also is not None:
            self.also(request, status, body)


def _entries(late: Lateness, accepted: int) -> list[str]:
    return [] if late.count == accepted else [f"{accepted} operations were accepted and {late.count} are in the log"]


def flood(system: System, creates: int) -> Flood:
    """The burst over 64 connections; beside it creates in another list, and deactivations in its own."""
    import uvloop

    (crowd_id, crowd), (quiet_id, quiet) = system.new_list(), system.new_list()
    earlier, _ = traffic.seed(crowd, max(PEOPLE, creates // 100))
    system.emptied()
    began = lateness.now(system)
    with Backlog(system) as backlog:
        answers, trickle, leaving, emptied_s = uvloop.run(_flood(system, (crowd_id, crowd), quiet, creates, earlier))
        system.emptied()
    crowd_late, quiet_late = (lateness.since(system, [one], began, "create") for one in (crowd_id, quiet_id))
    left = lateness.since(system, [crowd_id], began, "deactivate")
    wrong = [
        sentence
        for late, tally in ((crowd_late, answers), (quiet_late, trickle), (left, leaving))
        for sentence in _entries(late, tally.statuses.get(201, 0) + tally.statuses.get(200, 0))
    ]
    return Flood(
        creates, answers, emptied_s, crowd_late, quiet_late, trickle, left, leaving, backlog.samples, wrong
    )  # fmt: skip


async def _flood(
    system: System, crowd: tuple[str, Target], quiet: Target, creates: int, earlier: list[str]
) -> tuple[Tally, Tally, Tally, float]:
    list_id, target = crowd
    over, prefix = asyncio.Event(), f"b{time.time_ns()}"
    address = target.address
    trickle = asyncio.create_task(paced(address, evenly(TRICKLE, traffic.create(quiet, prefix)), 4, over=over))
    leavers = traffic.deactivate(target, earlier)
    leaving = asyncio.create_task(paced(address, evenly(TRICKLE, leavers), 4, over=over))
    requests = itertools.islice(traffic.create(target, prefix), creates)
    answers = await closed([address], [requests] * CONNECTIONS, 3600)
    emptied_s = await asyncio.to_thread(system.emptied, 0.02, [list_id])
    over.set()
    return answers, await trickle, await leaving, emptied_s
