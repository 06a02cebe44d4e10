"""The ingress suite: create, lookup, get, PATCH and Entra's mix, each beside the ceiling of its minute."""

import itertools
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from ops.bench import load
from ops.bench.load import Tally, request

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
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


def user(name: str) -> dict[str, Any]:
    """An Entra-shaped user of about 1.2 KB."""
    given, number = name.split(".")[0], name.partition(".")[2]
    work = {"type": "work", "primary": False, "formatted": "Block C", "streetAddress": "14 Quarry Road"}
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "externalId": f"{name}-object",
        "userName": f"{name}@bench.example",
        "active": True,
        "displayName": f"{given.title()} Bench the {number}th of the generated people",
        "title": "Registrar",
        "preferredLanguage": "en-AU",
        "emails": [{"primary": True, "type": "work", "value": f"{name}@bench.example"}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": f"{given} Bench", "familyName": "Bench", "givenName": given},
        "addresses": [work | {"locality": "Hobart", "region": "TAS", "postalCode": "7000", "country": "AU"}],
        "phoneNumbers": [
            {"type": "work", "value": "+61 3 5550 1001"},
            {"type": "mobile", "value": "+61 400 555 010"},
            {"type": "fax", "value": "+61 3 5550 1099"},
        ],
        ENTERPRISE: {"employeeNumber": number, "department": "Admissions", "organization": "Bench"},
        "roles": [],
    }


def patched(title: str) -> bytes:
    """A PATCH of two attributes, the way Entra sends it."""
    return _encode(
        {
            "schemas": [PATCH_OP],
            "Operations": [
                {"op": "Replace", "path": "title", "value": title},
                {"op": "Replace", "path": f"{ENTERPRISE}:department", "value": f"Department {title}"},
            ],
        }
    )


@dataclass(slots=True)
class Target:
    """A list to load: any SCIM server by URL and token."""

    base_url: str
    token: str

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.base_url)
        return parts.hostname or "127.0.0.1", parts.port or 80

    @property
    def path(self) -> str:
        """What precedes /Users."""
        return urlsplit(self.base_url).path.rstrip("/")


def _create(target: Target, prefix: str) -> Iterator[bytes]:
    for number in itertools.count():
        yield request("POST", f"{target.path}/Users", target.token, _encode(user(f"{prefix}.{number}")))


def _lookup(target: Target, names: list[str]) -> Iterator[bytes]:
    for name in itertools.cycle(names):
        query = quote(f'userName eq "{name}"')
        yield request("GET", f"{target.path}/Users?filter={query}", target.token)


def _get(target: Target, ids: list[str]) -> Iterator[bytes]:
    for user_id in itertools.cycle(ids):
        yield request("GET", f"{target.path}/Users/{user_id}", target.token)


def _patch(target: Target, ids: list[str], prefix: str) -> Iterator[bytes]:
    for number, user_id in enumerate(itertools.cycle(ids)):
        yield request("PATCH", f"{target.path}/Users/{user_id}", target.token, patched(f"{prefix} {number}"))


def _mix(target: Target, ids: list[str], names: list[str], prefix: str) -> Iterator[bytes]:
    """Entra's: a lookup that misses, the create, a lookup that hits, a PATCH."""
    create, hit, patch = _create(target, prefix), _lookup(target, names), _patch(target, ids, prefix)
    for number in itertools.count():
        query = quote(f'userName eq "{prefix}.{number}@bench.example"')
        yield request("GET", f"{target.path}/Users?filter={query}", target.token)
        yield next(create)
        yield next(hit)
        yield next(patch)


Phase = Callable[[int, int], Iterator[bytes]]


def phases(target: Target, ids: list[str], names: list[str]) -> dict[str, tuple[Phase, frozenset[int]]]:
    """Phase → (requests of connection c in run r, the statuses to expect)."""

    def mine(values: list[str], connection: int) -> list[str]:
        return values[connection % 8 :: 8] or values

    return {
        "create": (lambda c, r: _create(target, f"c{r}x{c}"), frozenset({201})),
        "lookup": (lambda c, r: _lookup(target, mine(names, c)), frozenset({200})),
        "get": (lambda c, r: _get(target, mine(ids, c)), frozenset({200})),
        "patch": (lambda c, r: _patch(target, mine(ids, c), f"{r} {c}"), frozenset({200, 204})),
        "mix": (lambda c, r: _mix(target, mine(ids, c), mine(names, c), f"m{r}x{c}"), frozenset({200, 201, 204})),
    }


def seed(target: Target, people: int) -> tuple[list[str], list[str]]:
    """People to look up and to change; their ids and user names."""
    ids: list[str] = []
    prefix = f"seed{time.time_ns()}"
    requests = iter([next(_create(target, f"{prefix}x{number}")) for number in range(people)])
    load.run(*target.address, [requests] * 8, 60, lambda body: ids.append(json.loads(body)["id"]))
    return ids, [f"{prefix}x{number}.0@bench.example" for number in range(people)]


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
