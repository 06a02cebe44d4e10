"""The filter grammar (RFC 7644 §3.4.2.2): text to a tree once, and the tree asked about one value."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from ingress.scim.errors import InvalidFilter, TooMany, quote
from ingress.scim.schema import UNSTORABLE, member
from models.text import equality_key


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


class Bare(str):
    """A literal without quotes: text, unless what it is compared with is a number."""

    __slots__ = ()


Test = Callable[[dict[str, Any]], bool]
Node = Comparison | Selection | Every | Either | Not

MOST_NODES = 200  # comparisons in a filter

_NAME = r"[A-Za-z$][\w$.:-]*"
_LITERAL = r'"(?:[^"\\]|\\.)*"|[^\s"\'()\[\]]+'
_TERM = re.compile(
    rf"\s*(?P<path>{_NAME})(?:\[(?P<where>(?:[^\"\]]|\"(?:[^\"\\]|\\.)*\")*)\](?:\.(?P<sub>[\w$-]+))?)?"
    rf"\s+(?P<operator>[A-Za-z]{{2}})\s+(?P<literal>{_LITERAL})\s*",
    re.ASCII,
)
_AND = re.compile(r"and(?=\s)", re.IGNORECASE)
_COMPARED = frozenset({"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"})


@lru_cache(maxsize=1024)
def read(text: str) -> Node:
    """The tree of a filter, or of what stands between the brackets of a path."""
    node = simple(text) or _grammar(text)
    if _size(node) > MOST_NODES:
        raise TooMany(f"the filter has more than {MOST_NODES} comparisons: ask for less at a time")
    return node


def _size(node: Node) -> int:
    match node:
        case Every(terms) | Either(terms):
            return sum(map(_size, terms))
        case Not(term) | Selection(_, term):
            return _size(term)
    return 1


def simple(text: str) -> Node | None:
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
    return Selection(path, Every((read(within), compared)))


def _literal(text: str) -> Any:
    if text[0] != '"':
        return {"true": True, "false": False, "null": None}.get(text.lower(), Bare(_storable(text)))
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

    quoted = _QUOTED_OR_BARE.sub(_quote_bare, _storable(text))
    try:
        return _node(ScimFilter(quoted).ast)
    except (InvalidFilterException, ValueError, RecursionError) as error:
        # The parser's own words: "invalid syntax at column 8", "the filter nests more than 32 expressions".
        why = f" ({error})" if isinstance(error, InvalidFilterException) and quoted == text else ""
        raise InvalidFilter(f'the filter {quote(text)} cannot be read{why}: write it as userName eq "name"') from None


# Literals in quotes pass; one without that is no number, true, false or null gets them.
_QUOTED_OR_BARE = re.compile(
    r'"(?:[^"\\]|\\.)*"|(?P<operator>\b(?:eq|ne|co|sw|ew|gt|ge|lt|le)\s+)(?P<bare>[^\s"\'()\[\]]+)',
    re.IGNORECASE | re.ASCII,
)
_JSON = re.compile(r"true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?", re.IGNORECASE | re.ASCII)


def _quote_bare(found: re.Match[str]) -> str:
    bare = found["bare"]
    if bare is None or _JSON.fullmatch(bare):
        return found[0]
    return found["operator"] + msgspec.json.encode(bare).decode()


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


def flat(node: Node) -> Iterator[Node]:
    if isinstance(node, Every):
        for term in node.terms:
            yield from flat(term)
    else:
        yield node


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
    equal = (term for term in flat(node) if isinstance(term, Comparison) and term.operator == "eq")
    return {term.path: str(term.value) if isinstance(term.value, Bare) else term.value for term in equal}


def predicate(node: Node, exact: frozenset[str] = frozenset()) -> Test:
    """The filter as a question to one element; text is compared without regard to case, but for the sub-attributes
    (in lower case) that are `exact`."""
    match node:
        case Every(terms):
            every = [predicate(term, exact) for term in terms]
            return lambda element: all(test(element) for test in every)
        case Either(terms):
            either = [predicate(term, exact) for term in terms]
            return lambda element: any(test(element) for test in either)
        case Not(term):
            denied = predicate(term, exact)
            return lambda element: not denied(element)
        case Comparison(path, "eq", str(value)) if path.lower() in exact:
            return lambda element: bool(member(element, path) == value)
        case Comparison(path, "eq", str(value)):
            return _equals(path, value)
        case Comparison(path, operator, value):
            return lambda element: _compare(operator, member(element, path), value)
        case Selection():
            return lambda element: False


def _equals(path: str, value: str) -> Test:
    key = _comparable(value)

    def equals(element: dict[str, Any]) -> bool:
        return element.get(path) == value or _comparable(member(element, path)) == key

    return equals


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
