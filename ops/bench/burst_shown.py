"""What the burst suite found: as text, as JSON, and against the targets."""

from dataclasses import asdict
from typing import Any

from ops.bench.burst import SEEN, Burst, Flood, Pace
from ops.bench.figures import STEADY_SHARE
from ops.bench.load import Tally
from ops.bench.targets import Line

P50_MS, P99_MS = 60.0, 400.0
EMPTY_S, TRICKLE_MS = 10.0, 300.0
KEPT_UP = 0.98  # of the pace, answered within the time


def table(found: Burst) -> str:
    """The results as text."""
    return "\n".join([*(line for one in found.paces for line in _pace(one)), *_flood(found.flood), *wrong(found)])


def _pace(one: Pace) -> list[str]:
    late, answers = one.late, one.answers
    most = max((count for _, count in one.backlog), default=0)
    return [
        f"{one.rate:,.0f} requests a second for {one.seconds:g} s: answered {answers.rate:,.0f} a second,"
        f" p50 {answers.quantile(0.5) * 1000:.1f} ms, p99 {answers.quantile(0.99) * 1000:.1f} ms,"
        f" {answers.unexpected(SEEN)} errors",
        f"  to the list: p50 {late.p50_ms:.0f} ms, p99 {late.p99_ms:.0f} ms, worst {late.worst_ms:.0f} ms of"
        f" {late.count:,} operations",
        f"  backlog: at most {most:,.0f}, grew by {one.growth:.1f} a second over the second half, empty"
        f" {one.emptied_s:.2f} s after the last answer",
    ]


def _flood(one: Flood) -> list[str]:
    return [
        f"{one.creates:,} creates into one list: {one.answers.rate:,.0f} a second, p99"
        f" {one.answers.quantile(0.99) * 1000:.1f} ms, {_errors(one)} errors; backlog empty {one.emptied_s:.2f} s after"
        " the last answer",
        f"  to the list: p50 {one.late.p50_ms:.0f} ms, p99 {one.late.p99_ms:.0f} ms",
        f"  a trickle to another list: p99 {one.trickle.p99_ms:.0f} ms of {one.trickle.count}",
        f"  deactivations inside the burst: p99 {one.leaving.p99_ms:.0f} ms of {one.leaving.count}",
    ]


def errors(found: Burst) -> int:
    """Requests of all runs that were not answered as they should be."""
    return sum(one.answers.unexpected(SEEN) for one in found.paces) + _errors(found.flood)


def _errors(one: Flood) -> int:
    return sum(tally.unexpected(SEEN) for tally in (one.answers, one.trickle_answers, one.leaving_answers))


def wrong(found: Burst) -> list[str]:
    """A sentence for each difference between what was answered and what is there."""
    return [*(sentence for one in found.paces for sentence in one.wrong), *found.flood.wrong]


def as_json(found: Burst) -> dict[str, Any]:
    """For `--json`; `backlog` are pairs of seconds and operations."""
    flood = found.flood
    return {
        "paces": [
            {"rate": one.rate, "seconds": one.seconds, "answers": _answers(one.answers), "accepted": one.accepted,
             "to_list": asdict(one.late), "growth": one.growth, "emptied_s": one.emptied_s, "backlog": one.backlog}
            for one in found.paces
        ],
        "flood": {
            "creates": flood.creates, "answers": _answers(flood.answers), "emptied_s": flood.emptied_s,
            "to_list": asdict(flood.late), "backlog": flood.backlog,
            "trickle": {"answers": _answers(flood.trickle_answers), "to_list": asdict(flood.trickle)},
            "deactivations": {"answers": _answers(flood.leaving_answers), "to_list": asdict(flood.leaving)},
        },
        "wrong": wrong(found),
    }  # fmt: skip


def _answers(tally: Tally) -> dict[str, float]:
    return {
        "rate": tally.rate, "p50_ms": tally.quantile(0.5) * 1000, "p99_ms": tally.quantile(0.99) * 1000,
        "errors": tally.unexpected(SEEN), "generator": tally.core_share,
    }  # fmt: skip


def lines(found: Burst) -> list[Line]:
    """Against the targets: the first pace has limits to its latency, every one is to be kept up."""
    first, flood = found.paces[0], found.flood
    return [
        Line(f"{_at(first)}: to the list, p50", P50_MS, first.late.p50_ms, "ms"),
        Line(f"{_at(first)}: to the list, p99", P99_MS, first.late.p99_ms, "ms"),
        *(line for one in found.paces for line in _kept_up(one)),
        Line("burst: errors", 0, _errors(flood), ""),
        Line("burst: backlog empty after the last answer", EMPTY_S, flood.emptied_s, "s"),
        Line("burst: a trickle to another list, p99", TRICKLE_MS, flood.trickle.p99_ms, "ms"),
        Line("burst: deactivations inside it, p99", TRICKLE_MS, flood.leaving.p99_ms, "ms"),
        Line("paces and burst: differences between what was sent and what is there", 0, len(wrong(found)), ""),
    ]


def _kept_up(one: Pace) -> list[Line]:
    steady = STEADY_SHARE * one.accepted / one.seconds
    return [
        Line(f"{_at(one)}: answered", KEPT_UP * one.rate, one.answers.rate, "a second", True),
        Line(f"{_at(one)}: growth of the backlog", steady, one.growth, "operations a second"),
        Line(f"{_at(one)}: errors", 0, one.answers.unexpected(SEEN), ""),
    ]


def _at(one: Pace) -> str:
    return f"{one.rate:,.0f} requests a second"
