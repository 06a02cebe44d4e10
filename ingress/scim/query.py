"""What a list request asks for (RFC 7644 §3.4.2, RFC 9865 §2), from a query string or a search request's body."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from ingress.scim.errors import InvalidCount, InvalidFilter, InvalidSyntax, InvalidValue, quote
from ingress.scim.filters import Node, read

LONGEST_FILTER = 2048
PAGE, MOST_RESULTS = 100, 1_000  # resources a page: where no count is sent, and at most
FARTHEST = 2**31 - 1  # a start index that no list reaches, and that a database counts to
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
Parameters = dict[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted: from `start_index` (the first is 1), or, by cursor, after where one stands.

    `cursor` is None for a page by index, and empty for the first one by cursor.
    """

    start_index: int
    count: int
    cursor: str | None = None


def parse(text: str) -> Node:
    """The tree of a list request's filter."""
    if len(text) > LONGEST_FILTER:
        raise InvalidFilter(f"the filter has {len(text)} characters, and {LONGEST_FILTER} is the most: shorten it")
    return read(text)


def page(given: Parameters) -> Page:
    """The page that the parameters ask for, clamped (RFC 7644 §3.4.2.4, contract C6)."""
    cursor = given.get("cursor")
    if cursor is not None:
        return Page(1, _count_by_cursor(given), cursor)
    start_index = _integer(given, "startIndex", 1)
    return Page(max(start_index, 1), min(max(_integer(given, "count", PAGE), 0), MOST_RESULTS))


def _count_by_cursor(given: Parameters) -> int:
    try:
        count = _integer(given, "count", PAGE)
    except InvalidValue as refusal:
        raise InvalidCount(refusal.detail) from None
    if count < 1:
        raise InvalidCount(f"count is {count}: by cursor, ask for 1 to {MOST_RESULTS} resources a page")
    return min(count, MOST_RESULTS)


def _integer(given: Parameters, name: str, default: int) -> int:
    text = given.get(name.lower(), "").strip()
    if not text:
        return default
    if not _INTEGER.fullmatch(text):
        raise InvalidValue(f"{name} takes a whole number, and {quote(text)} arrived: send a number")
    # Not every text of digits is taken by int(): thousands of them are refused.
    if len(text) > len(str(FARTHEST)):
        return -1 if text[0] == "-" else FARTHEST
    return min(int(text), FARTHEST)


def descending(given: Parameters) -> bool:
    """Whether `sortOrder` asks for the last ones first."""
    order = given.get("sortorder", "").strip().lower()
    if order not in ("", "ascending", "descending"):
        raise InvalidValue(f"sortOrder takes ascending or descending, and {quote(order)} arrived: send one of them")
    return order == "descending"


def parameters(query_string: bytes) -> Parameters:
    """The query's parameters, names in lower case. One without a value is kept as empty; the first of two wins."""
    found: Parameters = {}
    for part in query_string.decode("latin-1").split("&"):
        if part:
            name, _, value = part.partition("=")
            found.setdefault(unquote_plus(name).lower(), unquote_plus(value, errors="replace"))
    return found


def of_search(body: dict[str, Any]) -> Parameters:
    """The same out of a SearchRequest (RFC 7644 §3.4.3); what is null is not sent."""
    return {name.lower(): _parameter(name, value) for name, value in body.items() if value is not None}


_WANTED = {
    **dict.fromkeys(("count", "startindex"), "a whole number"),
    **dict.fromkeys(("attributes", "excludedattributes"), "a list of names"),
}


def _parameter(name: str, value: Any) -> str:
    match value:
        case str():
            return value
        case bool() | dict() | float():
            pass
        case int():
            return str(value) if abs(value) <= FARTHEST else "-1" if value < 0 else str(FARTHEST)
        case list() if all(isinstance(each, str) for each in value):
            return ",".join(value)
    wanted = _WANTED.get(name.lower(), "text")
    raise InvalidSyntax(f"{name[:100]} of the search takes {wanted}, and {quote(value)} arrived: send {wanted}")
