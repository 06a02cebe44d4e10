"""The recorded IdP traffic (scim-traffic/1): reading it, and the rule by which an answer matches.

object = subset; array = same length, any order, each element by subset; scalar = equal and of the
same JSON type. Absent = missing, null, "", [] or {}.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "traffic"
EMPTY: tuple[object, ...] = (None, "", [], {})


@dataclass(frozen=True)
class Sequence:
    """One recorded conversation of an IdP with an empty list."""

    id: str
    headers: dict[str, str]
    steps: list[dict[str, Any]]


def sequences() -> Iterator[Sequence]:
    """Every recorded sequence of every IdP."""
    for path in sorted(FOLDER.glob("*.json")):
        recorded = json.loads(path.read_text())
        if recorded["format"] != "scim-traffic/1":
            continue
        for each in recorded["sequences"]:
            yield Sequence(each["id"], recorded["defaults"]["headers"], each["steps"])


def fill(template: Any, variables: dict[str, str]) -> Any:
    """The template with every `${name}` replaced, in keys and values alike."""
    if isinstance(template, str):
        return re.sub(r"\$\{(\w+)\}", lambda match: variables[match[1]], template)
    if isinstance(template, list):
        return [fill(each, variables) for each in template]
    if isinstance(template, dict):
        return {fill(key, variables): fill(value, variables) for key, value in template.items()}
    return template


def difference(expected: Any, actual: Any, at: str = "body") -> str | None:
    """Where `actual` fails to match `expected`, or None."""
    if isinstance(expected, dict):
        return _object_difference(expected, actual, at)
    if isinstance(expected, list):
        return _array_difference(expected, actual, at)
    # In Python True == 1; in JSON they differ.
    if type(expected) is type(actual) and expected == actual:
        return None
    return f"{at}: expected {expected!r}, got {actual!r}"


def _object_difference(expected: dict[str, Any], actual: Any, at: str) -> str | None:
    if not isinstance(actual, dict):
        return f"{at}: expected an object, got {actual!r}"
    for key, value in expected.items():
        if key not in actual:
            return f"{at}.{key}: missing"
        if found := difference(value, actual[key], f"{at}.{key}"):
            return found
    return None


def _array_difference(expected: list[Any], actual: Any, at: str) -> str | None:
    if not isinstance(actual, list) or len(actual) != len(expected):
        return f"{at}: expected {len(expected)} elements, got {actual!r}"
    if _pairs_up(expected, actual):
        return None
    return f"{at}: expected {expected!r} in any order, got {actual!r}"


def _pairs_up(expected: list[Any], actual: list[Any]) -> bool:
    if not expected:
        return True
    first, rest = expected[0], expected[1:]
    return any(
        difference(first, candidate) is None and _pairs_up(rest, actual[:n] + actual[n + 1 :])
        for n, candidate in enumerate(actual)
    )


def at_path(body: Any, keys: list[str]) -> Any:
    """The value at a path of keys, or None."""
    for key in keys:
        body = body.get(key) if isinstance(body, dict) else None
    return body


def header_fits(rule: str, value: str) -> bool:
    """`starts-with X` or `ends-with X`."""
    kind, _, text = rule.partition(" ")
    return value.startswith(text) if kind == "starts-with" else value.endswith(text)
