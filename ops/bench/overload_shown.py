"""What the overload suite found, as text, as JSON and against its targets."""

from dataclasses import asdict
from typing import Any

from ops.bench.overload import BACK_WITHIN, FLOOD, SHED, Overloaded, Phase
from ops.bench.targets import Line

MORE = 64.0  # MB that a process may hold more than at rest
BESIDE = 2.0  # times


def table(found: Overloaded) -> str:
    """The results as text."""
    slow = "; ".join(f"{kind} {count}, ended {found.slow.ended[kind]}" for kind, count in found.slow.opened.items())
    return "\n".join(
        [
            *map(_phase, found.phases),
            f"The list beside, flood to usual, p99: {ratio(found):.2f}",
            f"As usual again after {found.back:.1f} s",
            f"Slow clients: {slow}",
            f"Acknowledged users {found.acknowledged:,}, lost {found.lost}",
        ]
    )


def _phase(one: Phase) -> str:
    return (
        f"{one.name}: {one.rate:,.0f} accepted a second, p99 {one.p99:.0f} ms, {_refused(one.statuses):,} refused;"
        f" the list beside p50 {one.beside_p50:.1f}, p99 {one.beside_p99:.1f} ms; ingress {one.most_memory:.0f} MB"
    )


def ratio(found: Overloaded) -> float:
    """By how much the other list's p99 grows between what is usual and a flood."""
    return found.phase("flood").beside_p99 / max(0.001, found.phase("usual").beside_p99)


def as_json(found: Overloaded) -> dict[str, Any]:
    """For `--json`."""
    slow = {"opened": found.slow.opened, "ended": found.slow.ended}
    whole = {name: getattr(found, name) for name in ("back", "acknowledged", "lost")}
    return {"phases": [asdict(one) for one in found.phases], "slow": slow, **whole, "ratio": ratio(found)}


def lines(found: Overloaded) -> list[Line]:
    """Against the targets."""
    rest = found.phase("alone").most_memory
    return [
        Line(f"another list beside a flood of {FLOOD:,} connections, p99 to usual", BESIDE, ratio(found), "times"),
        Line("back to usual after a flood", BACK_WITHIN, found.back, "s"),
        Line("memory of an ingress process under a flood", MORE, found.phase("flood").most_memory - rest, "MB more"),
        Line("memory of an ingress process with slow clients", MORE, found.phase("slow").most_memory - rest, "MB more"),
        Line("acknowledged users that were lost", 0, found.lost, ""),
    ]


def _refused(statuses: dict[int, int]) -> int:
    return sum(count for status, count in statuses.items() if status in SHED)
