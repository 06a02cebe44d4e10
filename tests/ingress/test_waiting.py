"""Whose turn it is."""

import asyncio
from collections.abc import Iterator

import pytest

from ingress.slots import Caller
from ingress.waiting import Waiting


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def waiting(loop: asyncio.AbstractEventLoop, *asks: str) -> Waiting[str, None]:
    """Asks by the letter that they begin with."""
    made: Waiting[str, None] = Waiting(lambda ask: ask[0])
    for ask in asks:
        made.add(Caller(ask, loop.create_future()))
    return made


def taken(of: Waiting[str, None], most: int, *barred: str) -> list[str]:
    return [caller.ask for party in of.take(most, barred).values() for caller in party]


def test_lists_take_turns_and_each_ones_requests_stay_in_order(loop: asyncio.AbstractEventLoop) -> None:
    crowd = waiting(loop, *(f"a{n}" for n in range(6)), "b0", "c0", "b1")

    assert taken(crowd, 4) == ["a0", "a1", "b0", "c0"]
    assert (len(crowd), crowd.of_party("a"), crowd.of_party("c")) == (5, 4, 0)
    assert taken(crowd, 2) == ["b1", "a2"]
    assert taken(crowd, 10) == ["a3", "a4", "a5"]
    assert (len(crowd), taken(crowd, 3)) == (0, [])


def test_whoever_comes_beside_a_flood_is_in_the_next_batch(loop: asyncio.AbstractEventLoop) -> None:
    flood = waiting(loop, *(f"a{n}" for n in range(1000)))
    flood.take(128)
    flood.add(Caller("b0", loop.create_future()))

    assert "b0" in taken(flood, 128)


def test_parties_that_have_their_share_already_are_passed_over(loop: asyncio.AbstractEventLoop) -> None:
    crowd = waiting(loop, "a0", "b0", "a1", "b1", "c0")

    assert (crowd.ready(["a"]), crowd.ready([])) == (3, 5)
    assert taken(crowd, 2, "a") == ["b0", "c0"]
    assert taken(crowd, 9) == ["a0", "a1", "b1"]


def test_no_party_has_more_than_its_part_of_a_batch(loop: asyncio.AbstractEventLoop) -> None:
    flood = waiting(loop, *(f"a{n}" for n in range(9)), "b0", "b1", "c0")

    assert [caller.ask for party in flood.take(9, (), 3).values() for caller in party] == [
        "a0", "a1", "a2", "b0", "b1", "c0",
    ]  # fmt: skip
    assert [caller.ask for party in flood.take(9, (), 3).values() for caller in party] == ["a3", "a4", "a5"]
    assert len(flood) == 3
