"""How much of bodies a process holds."""

import asyncio
from typing import Any

import pytest
from litestar.testing import TestClient

from ingress import http
from ingress.app import build
from ingress.batches import Shed
from ingress.room import SHARES, SMALL, Room
from models import database, token
from models.database import Connection
from ops.settings import Settings
from tests.ingress import commits

MOST = 100_000


def sent(*sizes: int) -> Any:
    """A body that comes in parts, and does not end."""
    parts = iter(sizes)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"x" * next(parts), "more_body": True}

    return receive


def test_bodies_that_do_not_end_leave_room_for_another_lists() -> None:
    room = Room(MOST)
    slow = [room.place("north") for _ in range(4)]
    for one in slow[:3]:
        one.grow(30_000)

    with pytest.raises(Shed):
        asyncio.run(http.read_body({}, sent(8_000, 22_000), MOST, slow[3].grow))
    room.place("north").grow(SMALL)  # a usual body
    room.place("south").grow(MOST)
    slow[0].leave()
    slow[3].grow(30_000)


def test_all_lists_together_have_no_more_than_there_is() -> None:
    room = Room(MOST)
    places = [room.place(str(number)) for number in range(SHARES + 1)]
    for one in places[:SHARES]:
        one.grow(MOST)

    with pytest.raises(Shed):
        places[SHARES].grow(SMALL + 1)
    places[0].leave()
    places[SHARES].grow(SMALL + 1)


def test_a_body_has_its_room_until_it_is_answered(connection: Connection, database_url: str) -> None:
    holder = commits.holder_of(connection)
    with database.transaction(connection, [holder.list_id]) as cursor:
        bearer = token.issue(cursor, holder.list_id, "", None, "test").token
    settings = Settings(
        database_url=database_url, redis_url="redis://127.0.0.1:1/0", log_level="error", max_body=20_000,
        max_group_body=20_000, serve="scim",
    )  # fmt: skip
    body = b'{"userName": "ada", "title": "%b"}' % (b"x" * 15_000)
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/scim+json"}
    with TestClient(build(settings)) as client:
        codes = [
            client.post(f"/scim/v2/{holder.list_id}/Users", content=text, headers=headers).status_code
            for text in (body, body, b"x" * 15_000, b"x" * 30_000, body)
        ]

    assert codes == [201, 409, 400, 413, 409]
