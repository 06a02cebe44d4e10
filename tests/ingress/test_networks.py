"""Requests from outside of a list's allowed networks: refused in the batch that would have served them."""

import asyncio
from typing import Any

from ingress import commit, lookup
from ingress.lookup import ByKey
from models import database, networks
from models.database import Connection
from models.networks import Elsewhere
from models.token import Holder
from tests.ingress import commits


def allow(connection: Connection, holder: Holder, *wanted: str) -> None:
    with database.transaction(connection, [holder.list_id]) as cursor:
        networks.save(cursor, holder.list_id, wanted)


def test_a_batch_serves_who_may_come_and_refuses_who_may_not(connection: Connection, database_url: str) -> None:
    strict, open_ = commits.holder_of(connection), commits.holder_of(connection, "Open")
    allow(connection, strict, "203.0.113.0/24", "2001:db8::/32")
    writer, heavy = commit.writers(database_url, lambda lanes: None, lambda holder, address: None, 100)
    asks = [
        commit.Ask(holder, commits.create(holder, name).work, address)
        for holder, name, address in (
            (strict, "in4", "203.0.113.9"), (strict, "in6", "2001:db8::1"), (strict, "out", "198.51.100.1"),
            (open_, "any", "198.51.100.1"), (strict, "unknown", ""),
        )
    ]  # fmt: skip

    async def everyone() -> list[Any]:
        answers = await asyncio.gather(*(writer.submit(ask) for ask in asks), return_exceptions=True)
        for door in (writer, heavy):
            await door.stop()
        return answers

    answers = asyncio.run(everyone())

    assert [isinstance(one, Elsewhere) for one in answers] == [False, False, True, False, True]
    assert "not taken from the address 198.51.100.1" in str(answers[2])
    assert commits.users(connection, strict).keys() == {"in4", "in6"}


def test_reads_are_held_to_it_from_the_next_request_on(connection: Connection, database_url: str) -> None:
    holder = commits.holder_of(connection)
    reader = lookup.reader(database_url, lambda holder, address: None, 100)
    ask = lookup.Ask(holder, ByKey("user_name_key", "ada"), "198.51.100.1")

    async def before_and_after() -> list[object]:
        first = await reader.submit(ask)
        allow(connection, holder, "203.0.113.0/24")
        second = await reader.submit(ask)
        allow(connection, holder)
        third = await reader.submit(ask)
        await reader.stop()
        return [first, second, third]

    first, second, third = asyncio.run(before_and_after())

    assert (first, isinstance(second, Elsewhere), third) == (None, True, None)
