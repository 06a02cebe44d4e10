"""Filters and pages of a list request (RFC 7644 §3.4.2): parsed once to a type, then asked."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

from ingress.scim.errors import InvalidFilter, InvalidValue, quote
from ingress.scim.filters import Comparison, Either, Every, Node, Not, Selection, flat, predicate, read
from ingress.scim.schema import CORE, place, without_group
from models.attributes import ENTERPRISE
from models.text import equality_key

LONGEST_FILTER = 2048
MOST_RESULTS = 200
FARTHEST = 2**31 - 1  # a start index that no list reaches, and that a database counts to


_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)


def parse(text: str) -> Node:
    """The filter of a list request; refused where it asks for what cannot be looked up."""
    if len(text) > LONGEST_FILTER:
        raise InvalidFilter(f"the filter has {len(text)} characters, and {LONGEST_FILTER} is the most: shorten it")
    return _parse(text)


@lru_cache(maxsize=1024)
def _parse(text: str) -> Node:
    node = read(text)
    _check(node)
    return node


@lru_cache(maxsize=1024)
def _name(path: str) -> str:
    """The canonical name of an attribute that can be filtered by, `""` for any other."""
    path = without_group(path)
    known = place(path)
    if known is None:  # members is a Group's
        return _FILTERED.get(path.lower(), "")
    return _FILTERED.get(".".join(key for key in known.keys if key not in (ENTERPRISE, CORE)), "")


_FILTERED = {
    **{name: name for name in ("id", "userName", "externalId", "displayName", "emails", "manager", "members")},
    "emails.value": "emails",
    "manager.value": "manager",
    "members.value": "members",
}


def _check(node: Node) -> None:
    """Only what can be answered truly: a filter that is not understood is never an empty list."""
    match node:
        case Every(terms):
            for term in terms:
                _check(term)
        case Comparison(path, operator, value):
            _check_name(path)
            if operator != "eq":
                raise InvalidFilter(f"the operator '{operator}' is not supported for {quote(path)}: use eq")
            _check_value(path, value)
        case Selection(path, within):
            _check_name(path, of_many=True)
            _check_selection(path, within)
        case Either():
            raise InvalidFilter("'or' is not supported in filters: use eq, joined by and")
        case Not():
            raise InvalidFilter("'not' is not supported in filters: use eq, joined by and")


def _check_name(path: str, of_many: bool = False) -> None:
    if not _name(path) or (of_many and _name(path) != "emails"):
        raise InvalidFilter(
            f"{quote(path)} cannot be filtered by: use userName, externalId, id, emails, displayName, manager or"
            " members"
        )


def _check_value(path: str, value: Any) -> None:
    if isinstance(value, bool) or value is None:
        raise InvalidFilter(f"{quote(path)} is compared with text, and {quote(value)} arrived: put it in quotes")


def _check_selection(path: str, within: Node) -> None:
    for term in flat(within):
        if not isinstance(term, Comparison) or term.operator != "eq":
            raise InvalidFilter(f"the filter inside {quote(path)}[…] is not supported: use eq, joined by and")
        if term.path.lower() not in ("value", "type", "primary", "display"):
            raise InvalidFilter(f"{quote(path)} has no {quote(term.path)} to filter by: use type, primary or value")
    if _wanted(within) is None:
        raise InvalidFilter(f"the filter on {quote(path)} compares no value: add .value eq and the address")


def _wanted(within: Node) -> str | None:
    values = (term.value for term in flat(within) if isinstance(term, Comparison) and term.path.lower() == "value")
    return next((str(value) for value in values), None)


def matches(node: Node, resource: dict[str, Any]) -> bool:
    """Whether a User or Group, as it is served, satisfies a filter that `parse` let through."""
    match node:
        case Every(terms):
            return all(matches(term, resource) for term in terms)
        case Selection(path, within):
            return any(predicate(within)(element) for element in _elements(resource, _name(path)))
        case Comparison(path, _, value):
            return _equal(_name(path), resource, str(value))
    raise InvalidFilter("this filter is not supported: use eq, joined by and")


def _elements(resource: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = resource.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _equal(name: str, resource: dict[str, Any], value: str) -> bool:
    if name in ("id", "externalId"):
        return bool(resource.get(name) == value)
    if name in ("emails", "members"):
        found = [each.get("value") for each in _elements(resource, name)]
        return value in found if name == "members" else _same(value, found)
    if name == "manager":
        manager = resource.get(ENTERPRISE, {}).get("manager", {})
        return bool(manager.get("value") == value)
    return _same(value, [resource.get(name)])


def _same(value: str, found: list[Any]) -> bool:
    key = equality_key(value)
    return any(isinstance(each, str) and equality_key(each) == key for each in found)


def term(node: Node) -> tuple[str, str] | None:
    """The part of a filter that an index answers best; None where there is none."""
    found = dict(filter(None, map(_indexed, flat(node))))
    return next(((kind, found[kind]) for kind in ("id", "user_name", "external_id", "email") if kind in found), None)


def _indexed(node: Node) -> tuple[str, str] | None:
    match node:
        case Selection(path, within) if _name(path) == "emails":
            return "email", equality_key(_wanted(within) or "")
        case Comparison(path, "eq", value):
            match _name(path):
                case "id":
                    return "id", str(value)
                case "externalId":
                    return "external_id", str(value)
                case "userName":
                    return "user_name", equality_key(str(value))
                case "emails":
                    return "email", equality_key(str(value))
    return None


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted; the first one is 1."""

    start_index: int
    count: int


def page(params: dict[str, str], most: int = MOST_RESULTS) -> Page:
    """The page that the parameters ask for, clamped (RFC 7644 §3.4.2.4, contract C6)."""
    start_index = _integer(params, "startIndex", 1)
    return Page(max(start_index, 1), min(max(_integer(params, "count", most), 0), most))


def _integer(params: dict[str, str], name: str, default: int) -> int:
    text = params.get(name.lower(), "").strip()
    if not text:
        return default
    if not _INTEGER.fullmatch(text):
        raise InvalidValue(f"{name} takes a whole number, and {quote(text)} arrived: send a number")
    # Not every text of digits is taken by int(): thousands of them are refused.
    if len(text) > len(str(FARTHEST)):
        return -1 if text[0] == "-" else FARTHEST
    return min(int(text), FARTHEST)


def parameters(query_string: bytes) -> dict[str, str]:
    """The query's parameters, names in lower case. One without a value is kept as empty; the first of two wins."""
    found: dict[str, str] = {}
    for part in query_string.decode("latin-1").split("&"):
        if part:
            name, _, value = part.partition("=")
            found.setdefault(unquote_plus(name).lower(), unquote_plus(value, errors="replace"))
    return found
