"""What the ingress suite found: as text, as JSON, and against the targets."""

from typing import Any

from ops.bench.ingress import PAID, Ingress, Measured
from ops.bench.targets import Line

RATIOS = {"create": 0.60, "lookup": 1.0, "get": 1.0, "patch": 0.50, "mix": 0.80}  # of the ceiling, at least
BESIDE_PEER = {"create": 8.0, "lookup": 5.0, "get": 2.5, "patch": 3.5, "mix": 5.5}  # times, at least
COSTS = {"create": 0.22, "get": 0.10, "mix": 0.18}  # CPU seconds per 1,000, ingress and PostgreSQL, at most
P99_MS, QUIET_P99_MS, ALONE_MS = 25.0, 15.0, 2.5
_HEADS = (
    f"{'phase':8} {'req/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'ceiling':>8} {'p99 ms':>8} {'ratio':>6}"
    f" {'CPU s per 1,000: ingress':>25} {'postgres':>9} {'generator':>10} {'peer':>8} {'times':>6} {'unexpected':>11}"
)


def table(found: Ingress) -> str:
    """The results as text."""
    lines = [_HEADS, *map(_row, found.phases), ""]
    ours, top = ((min(each), max(each)) for each in zip(*found.alone, strict=True))
    lines += [
        f"Workers: {found.workers}. Ratios: each run by the ceiling's right before it, medians of"
        f" {len(found.alone)}. Generator: its share of a core.",
        f"One connection alone, create, p50: {ours[0]:.2f} to {ours[1]:.2f} ms, the ceiling {top[0]:.2f} to"
        f" {top[1]:.2f} ms; {found.alone_more_ms:.2f} ms more at the median.",
        f"The generator against a server that only echoes: {found.echoed.rate:,.0f} requests a second,"
        f" {found.echoed.core_share:.2f} of a core.",
        f"{found.checked:,} answers checked, {len(found.wrong)} differences.",
        *found.wrong[:10],
    ]
    if found.phases[0].peer_ratio is not None:
        refused = sum(one.peer_unexpected for one in found.phases)
        lines.append(f"The peer: {refused} unexpected answers, {len(found.peer_wrong)} differences.")
        lines += found.peer_wrong[:3]
    return "\n".join(lines)


def _row(one: Measured) -> str:
    known = _figures(one)
    ingress, postgres, peer, times = (
        "" if known[name] is None else f"{known[name]:.{digits}f}"
        for name, digits in (("cpu_ingress", 3), ("cpu_postgres", 3), ("peer_rate", 0), ("peer_ratio", 1))
    )
    return (
        f"{one.phase:8} {known['rate']:8.0f} {known['p50_ms']:8.1f} {known['p99_ms']:8.1f} {known['ceiling']:8.0f}"
        f" {known['ceiling_p99_ms']:8.1f} {known['ratio']:6.2f} {ingress:>25} {postgres:>9} {known['generator']:10.2f}"
        f" {peer:>8} {times:>6} {one.unexpected:11}"
    )


def _figures(one: Measured) -> dict[str, Any]:
    peers = [run.peer.rate for run in one.runs if run.peer is not None]
    return {
        "phase": one.phase,
        "rate": one.middle(lambda run: run.ours.rate),
        "p50_ms": one.middle(lambda run: run.ours.quantile(0.5)) * 1000,
        "p99_ms": one.middle(lambda run: run.ours.quantile(0.99)) * 1000,
        "ceiling": one.middle(lambda run: run.ceiling.rate),
        "ceiling_p99_ms": one.middle(lambda run: run.ceiling.quantile(0.99)) * 1000,
        "ratio": one.ratio,
        **{f"cpu_{component}": one.cost(component) for component in PAID},
        "generator": one.middle(lambda run: run.ours.core_share),
        "peer_rate": sorted(peers)[len(peers) // 2] if peers else None,
        "peer_ratio": one.peer_ratio,
        "unexpected": one.unexpected,
    }


def as_json(found: Ingress) -> dict[str, Any]:
    """For `--json`. Rates are requests a second, `generator` is its share of a core."""
    return {
        "workers": found.workers,
        "phases": [_figures(one) for one in found.phases],
        "alone_ms": [{"create": ours, "ceiling": top} for ours, top in found.alone],
        "alone_more_ms": found.alone_more_ms,
        "echoed": {"rate": found.echoed.rate, "generator": found.echoed.core_share},
        "checked": found.checked,
        "wrong": found.wrong,
        "peer_wrong": found.peer_wrong,
    }


def lines(found: Ingress) -> list[Line]:
    """Against the targets."""
    by_phase = {one.phase: _figures(one) for one in found.phases}
    return [
        *(
            Line(f"{phase}: of the ceiling", limit, by_phase[phase]["ratio"], "", True)
            for phase, limit in RATIOS.items()
        ),
        *(_p99(phase, by_phase[phase]) for phase in RATIOS),
        *(_beside_peer(phase, limit, by_phase[phase]["peer_ratio"]) for phase, limit in BESIDE_PEER.items()),
        *(_cost(phase, limit, by_phase[phase]) for phase, limit in COSTS.items()),
        Line("one create alone: more than the ceiling", ALONE_MS, found.alone_more_ms, "ms"),
        Line("answers of another status or content, users lost", 0, wrong(found), ""),
    ]


def _beside_peer(phase: str, limit: float, times: float | None) -> Line:
    return Line(f"{phase}: beside the peer", limit, times, "times", True, "" if times else "no --peer-url")


def _p99(phase: str, figures: dict[str, Any]) -> Line:
    noisy = figures["ceiling_p99_ms"] >= QUIET_P99_MS
    note = f"the ceiling's was {figures['ceiling_p99_ms']:.0f} ms, ours {figures['p99_ms']:.0f} ms: no quiet minute"
    if noisy:
        return Line(f"{phase}: p99", P99_MS, None, "ms", note=note)
    return Line(f"{phase}: p99", P99_MS, figures["p99_ms"], "ms")


def _cost(phase: str, limit: float, figures: dict[str, Any]) -> Line:
    parts = [figures[f"cpu_{component}"] for component in PAID]
    what, unit = f"{phase}: ingress and PostgreSQL", "CPU s per 1,000"
    if None in parts:
        return Line(what, limit, None, unit, note="whose processes they are is not known")
    return Line(what, limit, sum(parts), unit)


def wrong(found: Ingress) -> int:
    """Answers of another status or content than there should be, and users that are not there."""
    return sum(one.unexpected for one in found.phases) + len(found.wrong)
