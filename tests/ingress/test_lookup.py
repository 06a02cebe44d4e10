"""Shared reads: refusals are answers, and a scan has an end."""

import asyncio
from typing import Any

import pytest

from ingress import lookup
from ingress.lookup import Ask, Query
from ingress.scim.errors import InvalidFilter, TooMany
from models.database import Cursor


def ask(door: Any, *reads: Any) -> list[Any]:
    """What each of these reads is answered, one after the other."""

    async def everyone() -> list[Any]:
        try:
            return [await door.submit(Ask(None, Query(read), "")) for read in reads]
        finally:
            await door.stop()

    door.start()
    return asyncio.run(everyone())


def one(cursor: Cursor) -> Any:
    return cursor.execute("select 1").fetchone()


def test_a_scan_that_takes_too_long_is_too_many_and_the_next_one_is_answered(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "SCAN_OPTIONS", "-c statement_timeout=50")
    scanner = lookup.scanner(database_url, lambda holder, address: None, 10)

    slow, quick = ask(scanner, lambda cursor: cursor.execute("select pg_sleep(30)"), one)

    assert isinstance(slow, TooMany)
    assert "userName eq" in slow.detail
    assert quick == (1,)


def test_a_read_that_is_refused_spares_its_neighbours(database_url: str) -> None:
    def refused(cursor: Cursor) -> None:
        raise InvalidFilter("no")

    reader = lookup.reader(database_url, lambda holder, address: None, 10)

    answers = ask(reader, refused, one)

    assert isinstance(answers[0], InvalidFilter)
    assert answers[1] == (1,)
