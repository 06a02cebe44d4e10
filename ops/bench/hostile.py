"""The hostile suite: requests that are made to cost much, one at a time, and what somebody waits for meanwhile who asks
for one user of another list all the while."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any
from urllib.parse import quote

from ops.bench.grid import text_table
from ops.bench.processes import family, memory
from ops.bench.system import System
from ops.bench.traffic import PATCH_OP, Target, user

MB = 1_048_576
LARGEST = MB - 1_024  # bytes of a body, under the limit
LONGEST_WAIT = 1_000.0  # milliseconds, of the bystander: more is wrong
Bomb = tuple[str, str, str, bytes]  # method and path, what it is, its body
Say = Callable[[str], None]


@dataclass(frozen=True)
class Hit:
    """One of them: how it was answered and when, the processor time of ingress, what its processes hold more of
    afterwards (MB, private), and the bystander's median and longest wait meanwhile (all in ms)."""

    what: str
    status: int
    took: float
    cpu: float
    grown: float
    usual_wait: float
    longest_wait: float


def bombs(user_id: str) -> Iterator[Bomb]:
    """All of them, against a user with 500 e-mail addresses."""
    for what, body in _bodies():
        yield "POST", "/Users", what, body
    for what, operations in _patches():
        yield "PATCH", f"/Users/{user_id}", what, json.dumps({"schemas": [PATCH_OP], "Operations": operations}).encode()
    for what, text in _filters():
        yield "GET", f"/Users?filter={quote(text)}", what, b""
    # As many as a bulk request may have, each of them as long as fits.
    path = 'emails[value co "9" or value co "8" or value co "7"].display'
    each = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": path, "value": "x"}] * 9}
    bulk = [{"method": "PATCH", "path": f"/Users/{user_id}", "data": each}] * 900
    yield "POST", "/Bulk", "bulk: 8,100 filters over 500 values", json.dumps({"Operations": bulk}).encode()


def _bodies() -> Iterator[tuple[str, bytes]]:
    half = LARGEST // 2
    yield "lists in lists, 524,000 deep", b'{"userName":"a","x":' + b"[" * (half - 20) + b"]" * (half - 20) + b"}"
    yield "empty lists, 349,000", b'{"userName":"a","x":[' + b"[]," * (LARGEST // 3 - 20) + b"[]]}"
    yield "attributes, 80,000", _named(f'"k{n}":1' for n in range(10**6))
    yield "extensions, 45,000", _named(f'"urn:x:{n}":{{"a":1}}' for n in range(10**6))
    parts = ",".join(f'"k{n}":1' for n in range(990))
    yield "extensions of 990 attributes, 100", _named(f'"urn:x:{n}":{{{parts}}}' for n in range(10**6))
    yield "one name, 80,000 times", _named('"active":true' for _ in range(10**6))
    yield "a number of a million digits", b'{"userName":"a","x":' + b"9" * (LARGEST - 30) + b"}"
    yield "escapes, 174,000", b'{"userName":"a","title":"' + b"\\u0061" * ((LARGEST - 30) // 6) + b'"}'


def _named(members: Iterator[str]) -> bytes:
    """As many as fit into a body."""
    text, size = ['{"userName":"a"'], 15
    for one in members:
        size += len(one) + 1
        if size > LARGEST:
            return f"{','.join(text)}}}".encode()
        text.append(one)
    raise AssertionError("too few")


def _patches() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    urn = "urn:x:y:z"
    yield (
        "PATCH: 200 objects of 400 other attributes",
        [{"op": "add", "path": "urn:x:y", "value": {f"{n}k{i}": 1 for i in range(350)}} for n in range(200)],
    )
    yield (
        "PATCH: 200 lists of 250 other values",
        [{"op": "add", "path": urn, "value": [{"v": f"{n}.{i}"} for i in range(250)]} for n in range(200)],
    )
    path = "emails[" + " or ".join(f'value co "{n}"' for n in range(10, 68)) + "].display"
    yield "PATCH: 60 filters of 58 terms over 500 values", [{"op": "replace", "path": path, "value": "x"}] * 60
    yield (
        "PATCH: 200 lists of 500 values removed",
        [{"op": "remove", "path": "emails", "value": [{"value": f"{i}@x"} for i in range(180)]}] * 200,
    )


def _filters() -> Iterator[tuple[str, str]]:
    yield "filter: 200 words in any attribute", " or ".join(f'title co "{n}"' for n in range(113))
    yield "filter: 1,000 brackets", "(" * 1_000 + "title pr" + ")" * 1_000
    yield "filter: one text of 2,000 characters", f'title co "{"ab" * 1_000}"'


class _Bystander:
    """Somebody else's IdP, who asks for one user after the other."""

    def __init__(self, target: Target, path: str) -> None:
        self._target, self._path = target, path
        self.waits: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> "_Bystander":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        line = http.client.HTTPConnection(*self._target.address, timeout=120)
        while not self._over.is_set():
            began = time.perf_counter()
            _send(line, self._target, "GET", self._path)
            self.waits.append((time.perf_counter() - began) * 1000)
            self._over.wait(0.002)
        line.close()


def _send(
    line: http.client.HTTPConnection, target: Target, method: str, path: str, body: bytes = b""
) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {target.token}", "Content-Type": "application/scim+json"}
    line.request(method, target.path + path, body or None, headers)
    answer = line.getresponse()
    return answer.status, answer.read()


def measure(system: System, say: Say) -> list[Hit]:
    """Each once. The bystander's wait is what counts: a list's burst must not hold up another."""
    (_, ours), (_, theirs) = system.new_list(), system.new_list()
    line = http.client.HTTPConnection(*ours.address, timeout=120)
    many = user("hostile.1") | {"emails": [{"value": f"{n}@x", "type": "work"} for n in range(500)]}
    made = json.loads(_send(line, ours, "POST", "/Users", json.dumps(many).encode())[1])["id"]
    seen = json.loads(_send(line, theirs, "POST", "/Users", json.dumps(user("bystander.1")).encode())[1])["id"]
    found = []
    for method, path, what, body in bombs(made):
        say(what)
        with _Bystander(theirs, f"/Users/{seen}") as bystander:
            time.sleep(0.3)
            held, cpu, began = _held(system), system.cpu()["ingress"], time.perf_counter()
            status, _ = _send(line, ours, method, path, body)
            took = (time.perf_counter() - began) * 1000
            time.sleep(0.1)
            spent = (system.cpu()["ingress"] - cpu) * 1000
        waits = bystander.waits
        found.append(Hit(what, status, took, spent, _held(system) - held, median(waits), max(waits)))
    line.close()
    return found


def _held(system: System) -> float:
    return sum(memory(one.pid).private for one in family(system.roots["ingress"]))


def wrong(found: list[Hit]) -> list[str]:
    """Whatever failed, or held others up for longer than they wait."""
    return [one.what for one in found if one.status >= 500 or one.longest_wait > LONGEST_WAIT]


def table(found: list[Hit]) -> str:
    """For docs/measurements.md."""
    heads = ("what", "status", "answered, ms", "CPU, ms", "held more, MB", "bystander, ms", "at most, ms")
    return text_table(heads, [
        (one.what, str(one.status), *(f"{value:,.0f}" for value in (one.took, one.cpu)), f"{one.grown:,.1f}",
         f"{one.usual_wait:.1f}", f"{one.longest_wait:,.0f}")
        for one in found
    ])  # fmt: skip


def as_json(found: list[Hit]) -> list[dict[str, Any]]:
    """For `--json`."""
    return [asdict(one) for one in found]
