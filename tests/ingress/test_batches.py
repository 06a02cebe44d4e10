"""Many callers, one transaction: who shares, who is spared a neighbour's fault, what is repeated."""

import asyncio
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from psycopg import errors

from ingress.batches import CROWD, Batches, Shed
from ingress.slots import CommitUnknown, Result
from models.database import Connection
from models.errors import Unavailable


def nothing() -> None:
    """What most batches have to do afterwards."""


@contextmanager
def batches(url: str, run: Any, slots: int = 1, queue_limit: int = 100) -> Any:
    made: Batches[Any, Any] = Batches("test", url, run, slots=slots, most=8, queue_limit=queue_limit)
    made.start()
    yield made
    asyncio.run(made.stop())


def ask(made: Batches[Any, Any], *values: Any) -> list[Any]:
    async def everyone() -> list[Any]:
        return await asyncio.gather(*(made.submit(value) for value in values), return_exceptions=True)

    return asyncio.run(everyone())


def test_everyone_who_waits_shares_a_batch(database_url: str) -> None:
    sizes: list[int] = []

    def run(connection: Connection, asks: Sequence[int]) -> Result[int]:
        sizes.append(len(asks))
        connection.execute("select pg_sleep(0.05)")
        return [value * 2 for value in asks], nothing

    with batches(database_url, run) as made:
        answers = ask(made, *range(20))

    assert answers == [value * 2 for value in range(20)]
    assert len(sizes) <= 5
    assert max(sizes) == 8


def test_one_bad_ask_does_not_fail_its_neighbours(database_url: str) -> None:
    def run(connection: Connection, asks: Sequence[int]) -> Result[int]:
        if 3 in asks:
            raise ValueError("three")
        return asks, nothing

    with batches(database_url, run) as made:
        answers = ask(made, 1, 2, 3, 4)

    assert answers[:2] + answers[3:] == [1, 2, 4]
    assert isinstance(answers[2], ValueError)


def test_whose_batch_failed_is_looked_for_when_everybody_else_is_answered(database_url: str) -> None:
    seen: list[list[str]] = []

    def run(connection: Connection, asks: Sequence[str]) -> Result[str]:
        seen.append(list(asks))
        if "a0" in asks:
            raise errors.LockNotAvailable
        return asks, nothing

    made: Batches[str, str] = Batches(
        "test", database_url, run, slots=1, most=100, queue_limit=100, of=lambda ask: ask[0]
    )
    ask(made, *(f"a{n}" for n in range(4)), "b0", "b1", "c0")
    asyncio.run(made.stop())

    assert [one[0][0] for one in seen[:4]] == ["a", "a", "b", "c"]
    assert seen[4:] == [["a0", "a1"], ["a2", "a3"], ["a0"], ["a1"]]


def test_a_clash_is_tried_again_until_what_was_faster_can_be_read(database_url: str) -> None:
    tries: list[int] = []

    def run(connection: Connection, asks: Sequence[int]) -> Result[int]:
        tries.append(len(asks))
        if len(tries) < 3:
            raise errors.UniqueViolation
        return asks, nothing

    with batches(database_url, run) as made:
        assert ask(made, 7) == [7]
    assert tries == [1, 1, 1]


def test_a_connection_lost_before_commit_is_repeated_once_over_a_new_one(database_url: str) -> None:
    backends: list[int] = []

    def run(connection: Connection, asks: Sequence[int]) -> Result[int]:
        backends.append(connection.info.backend_pid)
        if asks[0] == 2 and len(backends) == 2:
            connection.execute("select pg_terminate_backend(pg_backend_pid())")
        return asks, nothing

    with batches(database_url, run) as made:
        assert ask(made, 1) == [1]
        assert ask(made, 2) == [2]

    assert backends[0] == backends[1] != backends[2]


def test_what_may_have_been_committed_is_never_repeated(database_url: str) -> None:
    runs: list[int] = []

    def run(connection: Connection, asks: Sequence[int]) -> Result[int]:
        runs.append(1)
        raise CommitUnknown

    with batches(database_url, run) as made:
        (answer,) = ask(made, 1)

    assert isinstance(answer, Unavailable)
    assert runs == [1]


def test_a_database_that_is_away_is_told_and_the_next_batch_connects_again() -> None:
    def run(connection: Connection, asks: Sequence[int]) -> Result[int]:
        return asks, nothing

    with batches("postgresql:///muster?host=/nonexistent", run) as made:
        (answer,) = ask(made, 1)

    assert isinstance(answer, Unavailable)
    assert "nothing was stored" in answer.detail


def test_a_queue_that_is_full_sheds_before_any_work(database_url: str) -> None:
    def run(connection: Connection, asks: Sequence[int]) -> Result[int]:
        connection.execute("select pg_sleep(0.2)")
        return asks, nothing

    with batches(database_url, run, queue_limit=2) as made:
        answers = ask(made, *range(12))

    shed = [answer for answer in answers if isinstance(answer, Unavailable)]
    assert len(shed) == 10
    assert all(answer.status == 503 for answer in shed)


def test_a_caller_that_hangs_up_does_not_stop_its_batch(database_url: str) -> None:
    done: list[int] = []

    def run(connection: Connection, asks: Sequence[int]) -> Result[int]:
        connection.execute("select pg_sleep(0.05)")
        done.extend(asks)
        return asks, nothing

    async def hang_up(made: Batches[int, int]) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(made.submit(1), 0.01)
        assert await made.submit(2) == 2

    with batches(database_url, run) as made:
        asyncio.run(hang_up(made))

    assert done == [1, 2]


def begun_and_ended(url: str, first: int) -> list[str]:
    """What happens when one ask comes while `first` others sleep in their batch."""
    events: list[str] = []

    def run(connection: Connection, asks: Sequence[str]) -> Result[str]:
        events.append(f"{asks[0]} begins")
        connection.execute("select pg_sleep(%s)", (0.3 if asks[0] == "first" else 0,))
        events.append(f"{asks[0]} ends")
        return asks, nothing

    async def everyone(made: Batches[Any, Any]) -> None:
        await made.submit("connects")
        batch = [asyncio.ensure_future(made.submit("first")) for _ in range(first)]
        while "first begins" not in events:
            await asyncio.sleep(0.001)
        await made.submit("second")
        await asyncio.gather(*batch)

    with batches(url, run, slots=2) as made:
        asyncio.run(everyone(made))
    return events[2:]


ONE_BY_ONE = ["first begins", "first ends", "second begins", "second ends"]
MEANWHILE = ["first begins", "second begins", "second ends", "first ends"]


def test_a_second_batch_waits_until_it_is_as_large_as_the_first(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingress.batches.LATE", 60)

    assert begun_and_ended(database_url, first=1) == MEANWHILE
    assert begun_and_ended(database_url, first=2) == ONE_BY_ONE


def test_nobody_waits_long_for_company(database_url: str) -> None:
    assert begun_and_ended(database_url, first=2) == MEANWHILE


def test_a_server_that_says_nothing_any_more_is_away(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingress.greenlets.SILENCE", 0.2)
    tries = []

    def run(connection: Connection, asks: Sequence[int]) -> Result[int]:
        tries.append(asks[0])
        connection.execute("select pg_sleep(%s)", (asks[0],))
        return asks, nothing

    with batches(database_url, run) as made:
        silent, (next_one,) = ask(made, 30)[0], ask(made, 0)

    assert isinstance(silent, Unavailable)
    assert next_one == 0
    assert tries == [30, 0]  # whoever was silent has had the time that there was


def test_a_batch_that_comes_too_late_is_none(database_url: str) -> None:
    sizes: list[int] = []

    def run(connection: Connection, asks: Sequence[int]) -> Result[int]:
        sizes.append(len(asks))
        return asks, nothing

    async def twice(made: Batches[int, int]) -> int:
        answer = asyncio.ensure_future(made.submit(1))
        await asyncio.sleep(0)  # the first batch will begin
        made._look(late=True)
        await made.stop()
        return await answer

    with batches(database_url, run, slots=2) as made:
        assert asyncio.run(twice(made)) == 1
    assert sizes == [1]


def test_one_lists_flood_leaves_room_for_others(database_url: str) -> None:
    def run(connection: Connection, asks: Sequence[str]) -> Result[str]:
        connection.execute("select pg_sleep(0.05)")
        return asks, nothing

    made: Batches[str, str] = Batches("test", database_url, run, slots=1, most=8, queue_limit=64, of=lambda ask: ask[0])
    answers = ask(made, *["flood"] * 12, "other", "third")
    asyncio.run(made.stop())

    assert [isinstance(answer, Shed) for answer in answers] == [False] * 8 + [True] * 4 + [False] * 2


def test_whoever_waits_while_there_is_no_database_is_told_with_those_who_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connects: list[str] = []

    def connect(*_: Any, **__: Any) -> Connection:
        connects.append("again")
        raise errors.ConnectionTimeout

    monkeypatch.setattr("ingress.batches.greenlets.connect", connect)
    with batches("", lambda *_: ([], nothing)) as made:
        answers = ask(made, *range(50))

    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert connects == ["again"]


def test_whoever_comes_beside_a_flood_waits_for_none_of_its_batches(database_url: str) -> None:
    events: list[str] = []

    def run(connection: Connection, asks: Sequence[str]) -> Result[str]:
        events.append(f"{asks[0]} begins")
        connection.execute("select pg_sleep(%s)", (0.3 if asks[0] == "flood" else 0,))
        events.append(f"{asks[0]} ends")
        return asks, nothing

    made: Batches[str, str] = Batches(
        "test", database_url, run, slots=3, most=8, queue_limit=1000, of=lambda ask: ask[0]
    )

    async def everyone() -> None:
        flood = [asyncio.ensure_future(made.submit("flood")) for _ in range(30)]
        while events.count("flood begins") < 2:
            await asyncio.sleep(0.001)
        await made.submit("other")
        assert events == ["flood begins", "flood begins", "other begins", "other ends"]
        await asyncio.gather(*flood)
        await made.stop()

    asyncio.run(everyone())
    assert events.count("flood ends") == 4


def test_a_crowd_has_small_batches_while_somebody_else_is_there(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[tuple[str, int]] = []

    def run(connection: Connection, asks: Sequence[str]) -> Result[str]:
        sizes.append((asks[0], len(asks)))
        connection.execute("select pg_sleep(0.01)")
        return asks, nothing

    made: Batches[str, str] = Batches(
        "test", database_url, run, slots=3, most=40, queue_limit=1000, of=lambda ask: ask[0]
    )

    async def crowd(*asks: str) -> None:
        await asyncio.gather(*(made.submit(one) for one in asks))

    async def everyone() -> None:
        monkeypatch.setattr("ingress.batches.COMPANY", 0.0)
        await crowd("beside")
        await crowd(*["flood"] * 40)
        monkeypatch.setattr("ingress.batches.COMPANY", 60.0)
        await crowd("beside", *["flood"] * 39)
        await made.stop()

    asyncio.run(everyone())
    assert sizes[:2] == [("beside", 1), ("flood", 40)]
    assert max(size for _, size in sizes[2:]) == CROWD + 1
