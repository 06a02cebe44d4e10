"""Filters and pages of a list request (RFC 7644 §3.4.2): parsed once to a type, then asked."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from ingress.scim.errors import InvalidFilter, InvalidValue, quote
from ingress.scim.schema import CORE, UNSTORABLE, place, without_group
from models.attributes import ENTERPRISE
from models.text import equality_key

LONGEST_FILTER = 2048
MOST_RESULTS = 200
FARTHEST = 2**31 - 1  # a start index that no list reaches, and that a database counts to


@dataclass(frozen=True, slots=True)
class Comparison:
    """`path operator value`; in a value filter, `path` is a sub-attribute's name. `pr` has no value."""

    path: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Selection:
    """`emails[type eq "work"]`: one element for which all of `where` holds."""

    path: str
    where: "Node"


@dataclass(frozen=True, slots=True)
class Every:
    """`a and b`."""

    terms: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """`a or b`."""

    terms: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """`not (a)`."""

    term: "Node"


Node = Comparison | Selection | Every | Either | Not

_NAME = r"[A-Za-z$][\w$.:-]*"
_LITERAL = r'"(?:[^"\\]|\\.)*"|[^\s"\'()\[\]]+'
_TERM = re.compile(
    rf"\s*(?P<path>{_NAME})(?:\[(?P<where>(?:[^\"\]]|\"(?:[^\"\\]|\\.)*\")*)\](?:\.(?P<sub>[\w$-]+))?)?"
    rf"\s+(?P<operator>[A-Za-z]{{2}})\s+(?P<literal>{_LITERAL})\s*",
    re.ASCII,
)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_AND = re.compile(r"and(?=\s)", re.IGNORECASE)
_COMPARED = frozenset({"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"})


def parse(text: str) -> Node:
    """The filter of a list request; refused where it asks for what cannot be looked up."""
    if len(text) > LONGEST_FILTER:
        raise InvalidFilter(f"the filter has {len(text)} characters, and {LONGEST_FILTER} is the most: shorten it")
    return _parse(text)


@lru_cache(maxsize=1024)
def _parse(text: str) -> Node:
    node = _simple(text) or _grammar(text)
    _check(node)
    return node


@lru_cache(maxsize=1024)
def where(text: str) -> Node:
    """The value filter between the brackets of a PATCH path: anything that the grammar allows."""
    return _simple(text) or _grammar(text)


def _simple(text: str) -> Node | None:
    """`a eq x` and `a eq x and b eq y` without the grammar, whose parser costs fifty times as much.

    It takes literals without quotes as well, which the grammar does not (Entra's documentation has one).
    """
    terms: list[Node] = []
    position = 0
    while found := _TERM.match(text, position):
        operator = found["operator"].lower()
        if operator not in _COMPARED:
            return None
        terms.append(_term(found, operator))
        position = found.end()
        if position == len(text):
            return terms[0] if len(terms) == 1 else Every(tuple(terms))
        joined = _AND.match(text, position)
        if joined is None:
            return None
        position = joined.end()
    return None


def _term(found: re.Match[str], operator: str) -> Node:
    value = _literal(found["literal"])
    path, within = found["path"], found["where"]
    if within is None:
        return Comparison(path, operator, value)
    # emails[type eq "work"] eq "x" (older texts of Entra's) leaves out `.value`.
    compared = Comparison(found["sub"] or "value", operator, value)
    return Selection(path, Every((where(within), compared)))


def _literal(text: str) -> Any:
    if text[0] != '"':
        return {"true": True, "false": False}.get(text.lower(), _storable(text))
    if "\\" not in text:
        return _storable(text[1:-1])
    try:
        return _storable(msgspec.json.decode(text))
    except (msgspec.DecodeError, ValueError):
        raise InvalidFilter(f"the literal {quote(text)} is not a JSON string: mend its escapes") from None


def _storable(text: str) -> str:
    if UNSTORABLE.search(text):
        raise InvalidFilter("the filter holds a character that no value can have (NUL or half a surrogate pair)")
    return text


def _grammar(text: str) -> Node:
    # Imported here because it costs 37 MB and half a second, and few ever send such a filter.
    from scim2_models import ScimFilter
    from scim2_models.exceptions import InvalidFilterException

    try:
        return _node(ScimFilter(text).ast)
    except (InvalidFilterException, ValueError, RecursionError):
        raise InvalidFilter(f'the filter {quote(text)} cannot be read: write it as userName eq "name"') from None


def _node(ast: Any) -> Node:
    match type(ast).__name__:
        case "Comparison":
            value = _storable(ast.value) if isinstance(ast.value, str) else ast.value
            return Comparison(str(ast.attr_path), ast.op.value, value)
        case "Present":
            return Comparison(str(ast.attr_path), "pr", None)
        case "ValuePath":
            return Selection(str(ast.attr_path), _node(ast.val_filter))
        case "Not":
            return Not(_node(ast.expr))
        case _:
            terms = tuple(_node(term) for term in ast.terms)
            return Every(terms) if ast.op.value == "and" else Either(terms)


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
    for term in _flat(within):
        if not isinstance(term, Comparison) or term.operator != "eq":
            raise InvalidFilter(f"the filter inside {quote(path)}[…] is not supported: use eq, joined by and")
        if term.path.lower() not in ("value", "type", "primary", "display"):
            raise InvalidFilter(f"{quote(path)} has no {quote(term.path)} to filter by: use type, primary or value")
    if _wanted(within) is None:
        raise InvalidFilter(f"the filter on {quote(path)} compares no value: add .value eq and the address")


def _flat(node: Node) -> Iterator[Node]:
    if isinstance(node, Every):
        for term in node.terms:
            yield from _flat(term)
    else:
        yield node


def _wanted(within: Node) -> str | None:
    values = (term.value for term in _flat(within) if isinstance(term, Comparison) and term.path.lower() == "value")
    return next((str(value) for value in values), None)


def compared(node: Node) -> Iterator[str]:
    """The names that a filter compares."""
    match node:
        case Every(terms) | Either(terms):
            for term in terms:
                yield from compared(term)
        case Not(term):
            yield from compared(term)
        case Comparison(path) | Selection(path):
            yield path


def pairs(node: Node) -> dict[str, Any]:
    """The `eq` pairs that all have to hold: what an element is made of that the filter did not find (C13)."""
    equal = (term for term in _flat(node) if isinstance(term, Comparison) and term.operator == "eq")
    return {term.path: term.value for term in equal}


def matches(node: Node, resource: dict[str, Any]) -> bool:
    """Whether a User or Group, as it is served, satisfies a filter that `parse` let through."""
    match node:
        case Every(terms):
            return all(matches(term, resource) for term in terms)
        case Selection(path, within):
            return any(holds(within, element) for element in _elements(resource, _name(path)))
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


def holds(node: Node, element: dict[str, Any]) -> bool:
    """Whether a value filter holds for one element; text is compared without regard to case."""
    match node:
        case Every(terms):
            return all(holds(term, element) for term in terms)
        case Either(terms):
            return any(holds(term, element) for term in terms)
        case Not(term):
            return not holds(term, element)
        case Comparison(path, operator, value):
            return _compare(operator, _member(element, path), value)
        case Selection():
            return False


def _member(element: dict[str, Any], name: str) -> Any:
    if name in element:
        return element[name]
    lowered = name.lower()
    return next((value for key, value in element.items() if key.lower() == lowered), None)


_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda one, other: one > other,
    "ge": lambda one, other: one >= other,
    "lt": lambda one, other: one < other,
    "le": lambda one, other: one <= other,
}
_TEXTUAL: dict[str, Callable[[str, str], bool]] = {
    "co": lambda one, other: other in one,
    "sw": lambda one, other: one.startswith(other),
    "ew": lambda one, other: one.endswith(other),
}


def _compare(operator: str, found: Any, value: Any) -> bool:
    if operator == "pr":
        return found not in (None, "", [], {})
    one, other = _comparable(found), _comparable(value)
    if operator in ("eq", "ne"):
        return (one == other) is (operator == "eq")
    both_text = isinstance(one, str) and isinstance(other, str)
    if operator in _TEXTUAL:
        return both_text and _TEXTUAL[operator](one, other)
    both_numbers = _is_number(one) and _is_number(other)
    return (both_text or both_numbers) and _ORDERED[operator](one, other)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _comparable(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return equality_key(value) if isinstance(value, str) else value


def term(node: Node) -> tuple[str, str] | None:
    """The part of a filter that an index answers best; None where there is none."""
    found = dict(filter(None, map(_indexed, _flat(node))))
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
