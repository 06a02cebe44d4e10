"""The group suite: one member added to a group of ten and to a large one, in turn, over one connection."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from ops.bench import scale, traffic
from ops.bench.figures import quantile
from ops.bench.system import System
from ops.bench.targets import Line

MEMBERS, TIMES = 100_000, 300
RATIO = 1.5
Say = Callable[[str], None]


@dataclass(frozen=True)
class Grouped:
    """Milliseconds from sending a PATCH that adds one member to having its answer, by the size of the group."""

    members: int
    small_ms: list[float]
    large_ms: list[float]
    wrong: list[str]

    @property
    def ratio(self) -> float:
        """The large group's median by the small one's."""
        return quantile(self.large_ms, 0.5) / quantile(self.small_ms, 0.5)


def measure(system: System, *, members: int = MEMBERS, times: int = TIMES, say: Say) -> Grouped:
    """So many of each (of a small list, as many as it has). Each newcomer leaves again, so that the groups keep their
    sizes; that is not timed."""
    list_id, target = system.new_list()
    say(f"filling a list with {members:,} users and a group of them")
    filled = scale.fill(system.owner_url, list_id, members)
    newcomers, _ = traffic.seed(target, min(times, members))
    system.emptied()
    say(f"{len(newcomers)} members added to each group")
    line, taken = scale.Line(target), {filled.small: list[float](), filled.large: list[float]()}
    for newcomer in newcomers:
        for group_id, milliseconds in taken.items():
            milliseconds.append(line.send(*scale.one_member("add", group_id, newcomer))[0])
            line.send(*scale.one_member("remove", group_id, newcomer))
    line.close()
    wrong = _differences(system, list_id, {filled.small: scale.SMALL, filled.large: members})
    return Grouped(members, taken[filled.small], taken[filled.large], wrong)


def _differences(system: System, list_id: str, sizes: dict[str, int]) -> list[str]:
    """A sentence for each group whose members are not as many as before."""
    counts = dict(
        system.rows("select group_id::text, count(*) from group_member where list_id = %s group by 1", list_id)
    )
    return [
        f"a group of {size} has {counts.get(group_id, 0)} members"
        for group_id, size in sizes.items()
        if counts.get(group_id, 0) != size
    ]


def table(found: Grouped) -> str:
    """The results as text."""
    each = ((scale.SMALL, found.small_ms), (found.members, found.large_ms))
    return "\n".join(
        [
            *(
                f"One member added to a group of {size:,}: p50 {quantile(taken, 0.5):.2f} ms,"
                f" p99 {quantile(taken, 0.99):.2f} ms ({len(taken)} times)"
                for size, taken in each
            ),
            f"Large to small, p50: {found.ratio:.2f}",
            *found.wrong,
        ]
    )


def as_json(found: Grouped) -> dict[str, Any]:
    """For `--json`."""
    return asdict(found) | {"ratio": found.ratio}


def lines(found: Grouped) -> list[Line]:
    """Against the target."""
    return [
        Line(f"one member added: group of {found.members:,} to one of {scale.SMALL}, p50", RATIO, found.ratio, "times"),
        Line("groups whose members were lost", 0, len(found.wrong), ""),
    ]
