"""Somebody else's transaction holds a user: whose changes wait, and whose do not."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from ingress import batches, commit
from models import database
from models.change import Accepted
from models.database import Connection
from models.errors import Unavailable
from tests.ingress.commits import create, holder_of, update

WITHIN = 10  # seconds until a test gives up


def writers(database_url: str) -> tuple[Any, Any]:
    return commit.writers(database_url, lambda _: None, lambda *_: None, 1000)


@pytest.fixture
def holding(owner_url: str) -> Iterator[Connection]:
    """Whose transaction stays open."""
    with database.connect(owner_url) as opened:
        yield opened


def hold(holding: Connection, list_id: str, identity_id: str) -> None:
    holding.execute("begin")
    holding.execute("select from identity where list_id = %s and id = %s for update", (list_id, identity_id))


def test_a_user_that_is_locked_holds_nobody_else_up(
    connection: Connection, database_url: str, holding: Connection
) -> None:
    locked, others = holder_of(connection, "Locked"), holder_of(connection, "Others")

    async def everyone() -> tuple[list[Any], bool, Any]:
        writer, heavy = writers(database_url)
        ada = await writer.submit(create(locked, "ada"))
        hold(holding, locked.list_id, ada.id)
        held = [asyncio.ensure_future(writer.submit(update(locked, ada.id, title=title))) for title in ("a", "b")]
        # Some in the same batches as those that wait, some of the same list.
        answers = await asyncio.wait_for(
            asyncio.gather(*(writer.submit(create(one, f"u{n}")) for n in range(20) for one in (locked, others))),
            WITHIN,
        )
        waited = not any(one.done() for one in held)
        holding.execute("rollback")
        late = await asyncio.wait_for(asyncio.gather(*held), WITHIN)
        await writer.stop()
        await heavy.stop()
        return answers, waited, late

    answers, waited, late = asyncio.run(everyone())

    assert all(isinstance(one, Accepted) and one.operation == "create" for one in answers)
    assert waited
    assert [one.operation for one in late] == ["update", "update"]


def test_whoever_waits_for_too_long_is_told_to_try_again(
    connection: Connection, database_url: str, holding: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "HEAVY_LOCK_TIMEOUT", " -c lock_timeout=50")
    holder = holder_of(connection, "Locked")

    async def everyone() -> tuple[Any, Any]:
        writer, heavy = writers(database_url)
        ada = await writer.submit(create(holder, "ada"))
        hold(holding, holder.list_id, ada.id)
        refused = await asyncio.wait_for(writer.submit(update(holder, ada.id, title="a")), WITHIN)
        holding.execute("rollback")
        after = await asyncio.wait_for(writer.submit(update(holder, ada.id, title="b")), WITHIN)
        await writer.stop()
        await heavy.stop()
        return refused, after

    refused, after = asyncio.run(everyone())

    assert isinstance(refused, Unavailable)
    assert "somebody else is changing the same" in refused.detail
    assert after.document["title"] == "b"


def test_where_everything_is_locked_few_wait_and_the_others_are_told(
    connection: Connection, database_url: str, owner_url: str
) -> None:
    holder = holder_of(connection)

    async def everyone() -> tuple[list[Any], list[Any]]:
        writer, heavy = writers(database_url)
        with database.connect(owner_url) as owner:
            owner.execute("begin")
            owner.execute("lock table identity in exclusive mode")
            asked = [asyncio.ensure_future(writer.submit(create(holder, f"u{number}"))) for number in range(60)]
            told, waiting = await asyncio.wait(asked, timeout=WITHIN, return_when=asyncio.FIRST_COMPLETED)
            while len(waiting) > batches.MOST_APART + commit.SLOTS:
                done, waiting = await asyncio.wait(waiting, timeout=WITHIN, return_when=asyncio.FIRST_COMPLETED)
                assert done
                told |= done
            owner.execute("rollback")
        late = await asyncio.wait_for(asyncio.gather(*waiting), WITHIN)
        await writer.stop()
        await heavy.stop()
        return [one.result() for one in told], late

    told, late = asyncio.run(everyone())

    assert len(told) >= 60 - batches.MOST_APART - commit.SLOTS
    assert all(isinstance(one, Unavailable) for one in told)
    assert all(isinstance(one, Accepted | Unavailable) for one in late)
    assert any(isinstance(one, Accepted) for one in late)
