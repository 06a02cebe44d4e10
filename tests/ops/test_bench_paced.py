"""Paced load: what is due when, and from when an answer is timed."""

import asyncio
import itertools
import time

import uvloop

from ops.bench import load
from ops.bench.beside import echo
from ops.bench.load import Tally
from ops.bench.paced import Schedule, evenly, in_turn, paced
from tests.ops.test_bench_load import ASK, server

OK = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


def run(port: int, schedule: Schedule, connections: int) -> Tally:
    return uvloop.run(paced(("127.0.0.1", port), schedule, connections))


def test_requests_are_due_at_equal_distances_for_so_long() -> None:
    assert list(evenly(4, itertools.repeat(ASK), 1.25)) == [(0, ASK), (0.25, ASK), (0.5, ASK), (0.75, ASK), (1.0, ASK)]
    assert list(evenly(2, [b"a", b"b", b"c"])) == [(0, b"a"), (0.5, b"b"), (1.0, b"c")]


def test_lists_are_served_in_turn_until_one_has_no_more() -> None:
    assert list(in_turn([iter([b"a1", b"a2", b"a3"]), iter([b"b1", b"b2"])])) == [b"a1", b"b1", b"a2", b"b2", b"a3"]


def test_everything_due_is_sent_and_not_before_its_time() -> None:
    with echo() as least:
        tally = run(least.port, evenly(500, itertools.repeat(ASK), 0.1), 3)

    assert tally.statuses == {201: 50}
    assert tally.lost == 0
    assert tally.elapsed >= 49 / 500
    assert max(tally.seconds) < 5


def test_whoever_finds_no_free_connection_waits_and_is_timed_from_when_it_was_due() -> None:
    # All ten were due a second ago, and one connection answers them one after the other.
    with echo() as least:
        tally = run(least.port, iter([(-1.0, ASK)] * 10), 1)

    assert tally.statuses == {201: 10}
    assert min(tally.seconds) >= 1


def test_what_a_broken_connection_did_not_answer_is_lost_and_so_is_what_waited_for_it() -> None:
    with server(OK) as port:
        tally = run(port, iter([(0.0, ASK)] * 3), 1)

    assert tally.statuses == {201: 1}
    assert tally.lost == 2


def test_a_trickle_ends_when_it_is_told() -> None:
    async def both(port: int) -> Tally:
        over = asyncio.Event()
        trickle = asyncio.create_task(paced(("127.0.0.1", port), evenly(100, itertools.repeat(ASK)), 2, over=over))
        await load.closed([("127.0.0.1", port)], [iter([ASK] * 20)], 10)
        over.set()
        return await trickle

    began = time.monotonic()
    with echo() as least:
        tally = uvloop.run(both(least.port))

    assert tally.lost == 0
    assert time.monotonic() - began < 20
