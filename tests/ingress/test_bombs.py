"""Bodies that are made to cost much: refused early, or at a cost that grows as their size does.

The cost is counted in calls of functions and in bytes, and not in seconds: those are `muster bench --suite hostile`.
"""

import json
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from ingress.scim import intake, patch
from models.errors import Refused

MB = 1_048_576
CALLS_A_BYTE, CALLS_A_VALUE, MOST_MEMORY = 3, 30, 40 * MB  # 1 MB of lists in a list comes to one call a list, and 25 MB
USER = {"userName": "a", "emails": [{"value": f"{n}@x"} for n in range(500)], "urn:x:y": {"z": list(range(500))}}
Operations = list[dict[str, Any]]


def cost(act: Callable[[], Any]) -> tuple[str, int, int]:
    """What it comes to (a refusal's sentence, or nothing), the calls that it made, and its memory at most."""
    calls = 0

    def count(_: Any, event: str, __: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    tracemalloc.start()
    sys.setprofile(count)
    try:
        act()
        told = ""
    except Refused as refusal:
        told = refusal.detail
    finally:
        sys.setprofile(None)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return told, calls, peak


def named(count: int, member: str) -> bytes:
    return ('{"userName":"a",' + ",".join(member.replace("#", str(n)) for n in range(count)) + "}").encode()


BODIES = {
    "deep lists": (b'{"x":' + b"[" * (MB // 2) + b"]" * (MB // 2) + b"}", "nests more than 32"),
    "deep objects": (b'{"a":' * 170_000 + b"1" + b"}" * 170_000, "nests more than 32"),
    "empty lists": (b'{"userName":"a","x":[' + b"[]," * 340_000 + b"[]]}", ""),
    "100,000 attributes": (named(100_000, '"k#":1'), "at most 1,000 attributes, and 100,001 arrived"),
    "100,000 in an extension": (
        b'{"userName":"a","urn:x:y:User":' + named(100_000, '"k#":1') + b"}", "urn:x:y:User has at most 1,000",
    ),
    "100,000 within one": (
        b'{"userName":"a","urn:x:y:User":{"z":' + named(100_000, '"k#":1') + b"}}", "urn:x:y:User:z has at most 1,000",
    ),
    "extensions": (named(45_000, '"urn:x:#":{"a":1}'), "at most 1,000 attributes"),
    "values": (b'{"userName":"a","urn:x:y":{"z":[' + b"1," * 500_000 + b"1]}}", "takes at most 500 values"),
    "one name often": (named(70_000, '"active":true'), "active more than once"),
    "one name often, escaped": (named(50_000, '"\\u0061ctive":true'), "active more than once"),
    "a long number": (b'{"x":' + b"9" * MB + b"}", "too large to be kept"),
    "half surrogates": (b'{"x":"' + b"\\ud800" * 170_000 + b'"}', "cannot be stored"),
}  # fmt: skip
PATCHES: dict[str, tuple[Operations, str]] = {
    "other attributes each time": (
        [{"op": "add", "path": "urn:x:y", "value": {f"{n}k{i}": 1 for i in range(350)}} for n in range(200)],
        "change more than 1,000 attributes",
    ),
    "other extensions each time": (
        [{"op": "add", "value": {f"urn:x:{n}:{i}": {"a": 1} for i in range(150)}} for n in range(200)],
        "change more than 1,000 attributes",
    ),
    "an extension's object grows": (
        [{"op": "add", "path": "urn:x:y:w", "value": {f"{n}k{i}": 1 for i in range(350)}} for n in range(200)],
        "at most 1,000 attributes: remove some",
    ),
    "an extension's list grows": (
        [{"op": "add", "path": "urn:x:y:z", "value": [f"{n}.{i}" for i in range(450)]} for n in range(200)],
        "at most 500 values: remove some",
    ),
    "lists removed from a list": (
        [{"op": "remove", "path": "urn:x:y:z", "value": list(range(n, n + 500))} for n in range(200)], "",
    ),
    "filters over many values": (
        [{"op": "replace", "path": 'emails[value co "9"].display', "value": str(n)} for n in range(200)], "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("body", "says"), BODIES.values(), ids=BODIES)
def test_a_body_costs_no_more_than_its_size(body: bytes, says: str) -> None:
    told, calls, peak = cost(lambda: intake.user(intake.load(body)))

    assert says in told
    assert bool(says) is bool(told)
    assert (calls < CALLS_A_BYTE * len(body), peak < MOST_MEMORY) == (True, True), (calls, peak)


@pytest.mark.parametrize(("operations", "says"), PATCHES.values(), ids=PATCHES)
def test_a_patch_costs_no_more_than_its_size_and_the_values_that_it_looks_at(operations: Operations, says: str) -> None:
    body = {"Operations": operations}
    document = intake.user(USER)

    told, calls, peak = cost(lambda: patch.apply(patch.parse(body), document))

    assert says in told
    assert bool(says) is bool(told)
    most = CALLS_A_BYTE * len(json.dumps(body)) + CALLS_A_VALUE * 500 * len(operations)
    assert (calls < most, peak < MOST_MEMORY) == (True, True), (calls, peak)


def test_what_was_stored_larger_stays_and_may_shrink() -> None:
    document = intake.user({"userName": "a"}) | {"urn:x:y": {"z": list(range(900))}}

    def applied(op: str, value: list[int]) -> Any:
        body = {"Operations": [{"op": op, "path": "urn:x:y:z", "value": value}]}
        return patch.apply(patch.parse(body), document)["urn:x:y"]["z"]

    assert len(applied("remove", [1, 2, 3])) == 897
    with pytest.raises(Refused, match="at most 500 values"):
        applied("add", [1_000])
