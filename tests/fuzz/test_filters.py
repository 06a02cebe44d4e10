"""Lists: each request is answered with a sound page or refused, the same by GET and by POST, and consistently."""

import json
from typing import Any

import pytest
from hypothesis import strategies as st

from tests.fuzz.client import Answer, check_page, same
from tests.fuzz.queries import CURSORS, ODD_SEARCHES, PLACES, QUERIES, SEARCHES, escaped_query
from tests.fuzz.rounds import TIMEOUT, keep_at
from tests.fuzz.strategies import encode
from tests.fuzz.world import World

pytestmark = pytest.mark.timeout(TIMEOUT)
Asked = tuple[dict[str, str], str, str | None, bytes, dict[str, Any]]
_OF_ITS_OWN = ("nextCursor", "previousCursor")  # sealed anew each time


def _search(world: World, asked: Asked) -> None:
    given, place, cursor, query, odd = asked
    search = {name: world.fill(text) for name, text in given.items()}
    by_index = _both_ways(world, place, search)
    if by_index.status == 200:
        _check_complement(world, place, search.get("filter", ""))
        _check_order(world, place, search)
        _walk(world, place, search)
    if cursor is not None:
        _both_ways(world, place, {**search, "cursor": world.fill(cursor)})
    for answer in (
        world.ask("GET", place, query=world.fill(query.decode("latin-1")).encode("latin-1")),
        world.ask("POST", f"{place}/.search", world.fill(encode(odd)).encode()),
    ):
        if answer.status == 200:
            check_page(answer.body)


def _both_ways(world: World, place: str, search: dict[str, str]) -> Answer:
    """The answer to a GET, which is that to a POST, but for texts that no query string can hold."""
    got = world.ask("GET", place, query=escaped_query(search))
    posted = world.ask("POST", f"{place}/.search", json.dumps(search).encode())
    for answer in (got, posted):
        if answer.status == 200:
            check_page(answer.body)
    if not any("\ud800" <= letter <= "\udfff" or letter == "\x00" for text in search.values() for letter in text):
        assert got.status == posted.status, (search, got, posted)
        assert same(_lasting(got.body), _lasting(posted.body)), (search, got, posted)
    return got


def _lasting(body: Any) -> Any:
    return {name: value for name, value in body.items() if name not in _OF_ITS_OWN}


def _total(world: World, place: str, text: str) -> int | None:
    answer = world.ask("GET", place, query=escaped_query({"filter": text, "count": 0}))
    return int(answer.body["totalResults"]) if answer.status == 200 else None


def _check_complement(world: World, place: str, text: str) -> None:
    """A filter and its opposite find everybody together."""
    if not text:
        return
    found, other, everybody = (_total(world, place, one) for one in (text, f"not ({text})", ""))
    if found is not None and other is not None and everybody is not None:
        assert found + other == everybody, text


def _check_order(world: World, place: str, search: dict[str, str]) -> None:
    """An order, and its opposite, have the same resources as none has."""
    kept: dict[str, Any] = {name: search[name] for name in ("filter",) if name in search}
    by: dict[str, Any] = {name: search[name] for name in ("sortBy",) if name in search}
    orders: list[dict[str, Any]] = [{}, {**by, "sortOrder": "descending"}, by]
    pages = [check_page(world.ask("GET", place, query=escaped_query({**kept, **one})).body) for one in orders]
    assert len({frozenset(page) for page in pages}) == 1, (search, pages)


def _walk(world: World, place: str, search: dict[str, str]) -> None:
    """Pages by cursor, one resource each, come to what one page has."""
    asked: dict[str, Any] = {name: search[name] for name in ("filter", "sortBy", "sortOrder") if name in search}
    whole = check_page(world.ask("GET", place, query=escaped_query(asked)).body)
    walked: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = world.ask("GET", place, query=escaped_query({**asked, "count": 2, "cursor": cursor})).body
        walked += check_page({**page, "itemsPerPage": len(page["Resources"])})
        cursor = page.get("nextCursor")
        assert len(walked) <= len(whole), (search, walked, whole)
    assert walked == whole, search


def test_every_search_is_refused_or_answered_with_a_sound_page(fuzzed: World) -> None:
    cursors = st.none() | CURSORS
    keep_at(fuzzed, st.tuples(SEARCHES, PLACES, cursors, QUERIES, ODD_SEARCHES), _search)
