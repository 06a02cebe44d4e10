"""The ingress suite: create, lookup, get, PATCH and Entra's mix, each beside the ceiling of its minute."""

import itertools
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import msgspec

from ops.bench import load
from ops.bench.load import Tally, request
from ops.bench.traffic import Target, phases, seed, user

_encode = msgspec.json.encode


@dataclass(slots=True)
class Measured:
    """One phase, medians of its runs: requests a second, milliseconds, and the share of the ceiling."""

    phase: str
    rate: float
    p50_ms: float
    p99_ms: float
    ceiling: float
    ratio: float
    unexpected: int


def measure(
    target: Target,
    *,
    seconds: float = 5,
    connections: int = 64,
    runs: int = 3,
    people: int = 2_000,
    say: Callable[[str], None],
) -> list[Measured]:
    """Every phase, `runs` times, each run right after a run of the ceiling."""
    say(f"seeding {people:,} users")
    ids, names = seed(target, people)
    results = []
    with Ceiling() as ceiling:
        for name, (requests, expected) in phases(target, ids, names).items():
            tallies, ceilings = [], []
            for run in range(runs):
                say(f"{name}, run {run + 1} of {runs}")
                ceilings.append(ceiling.rate(connections, min(seconds, 3)))
                every = [requests(number, int(time.time()) + run) for number in range(connections)]
                tallies.append(load.run(*target.address, every, seconds))
            results.append(_summary(name, tallies, ceilings, expected))
    return results


def _summary(name: str, tallies: list[Tally], ceilings: list[float], expected: frozenset[int]) -> Measured:
    rate = median(tally.rate for tally in tallies)
    bad = sum(count for tally in tallies for status, count in tally.statuses.items() if status not in expected)
    return Measured(
        name,
        round(rate),
        round(median(tally.quantile(0.5) for tally in tallies) * 1000, 1),
        round(median(tally.quantile(0.99) for tally in tallies) * 1000, 1),
        round(median(ceilings)),
        round(median(tally.rate / top for tally, top in zip(tallies, ceilings, strict=True)), 2),
        bad,
    )


class Ceiling:
    """The bare route, served by granian on a free port for as long as this is entered."""

    def __enter__(self) -> "Ceiling":
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        command = [sys.executable, "-m", "granian", "--interface", "asgi", "--no-ws", "--log-level", "error"]
        options = ["--loop", "uvloop", "--workers-kill-timeout", "3", "--port", str(self._port)]
        self._process = subprocess.Popen([*command, *options, "ops.bench.ceiling:app"])
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    def _wait(self) -> None:
        end = time.monotonic() + 15
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.05)
        raise TimeoutError("the ceiling's server did not come up")

    def rate(self, connections: int, seconds: float) -> float:
        """Requests a second of the bare route."""
        body = request("POST", "/Users", "none", _encode(user("ceiling.1")))
        return load.run("127.0.0.1", self._port, [itertools.repeat(body) for _ in range(connections)], seconds).rate


def table(results: list[Measured]) -> str:
    """The results as text."""
    lines = [f"{'phase':8} {'req/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'ceiling':>8} {'ratio':>6} {'unexpected':>10}"]
    for one in results:
        lines.append(
            f"{one.phase:8} {one.rate:8.0f} {one.p50_ms:8.1f} {one.p99_ms:8.1f} {one.ceiling:8.0f}"
            f" {one.ratio:6.2f} {one.unexpected:10}"
        )
    return "\n".join(lines)


def as_json(results: list[Measured]) -> list[dict[str, Any]]:
    """The results for `--json`."""
    return [asdict(one) for one in results]
