"""The Authorization header in the forms that identity providers send (contract rule C1)."""

import asyncio
from typing import Any

import pytest

from ingress.auth import LONGEST_HEADER, Holders, bearer
from ingress.strangers import Strangers
from models import token
from models.errors import Unauthorised
from models.token import Holder

TOKEN = token.generate()


@pytest.mark.parametrize(
    "header",
    [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"  BEARER   {TOKEN}  ", TOKEN, f"Bearer Bearer {TOKEN}"],
    ids=["usual", "lower case", "spaces", "bare", "twice"],
)
def test_every_way_to_send_a_token_is_understood(header: str) -> None:
    assert bearer(header.encode()) == TOKEN


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "missing"),
        (b"", "missing"),
        (b"Bearer", "missing"),
        (b"Bearer x", "malformed"),
        (b"Basic YTpi", "malformed"),
        (f"Bearer {TOKEN} x".encode(), "malformed"),
        (b"Bearer x" + b" " * 40_000 + b"x", "malformed"),
        (b"x" * (LONGEST_HEADER + 1), "malformed"),
    ],
    ids=["none", "empty", "word", "short", "basic", "more", "spaces", "long"],
)
def test_anything_else_is_refused_before_the_database_is_asked(header: bytes | None, reason: str) -> None:
    with pytest.raises(Unauthorised) as refused:
        bearer(header)

    assert refused.value.reason == reason


class Reader:
    """Answers with one holder, or with none, when it is told to."""

    def __init__(self, found: Holder | None) -> None:
        self.found, self.asked, self.go = found, 0, asyncio.Event()

    async def submit(self, _: Any) -> Holder | None:
        self.asked += 1
        await self.go.wait()
        return self.found


def asked_at_once(found: Holder | None) -> tuple[list[Any], int]:
    """What fifty get who ask at the same time, the first of whom hangs up; and how often the database was asked."""

    async def ask() -> tuple[list[Any], int]:
        reader = Reader(found)
        holders = Holders(reader, Strangers("redis://127.0.0.1:1/0", "test"))  # type: ignore[arg-type]
        tasks = [asyncio.ensure_future(holders.holder(f"Bearer {TOKEN}".encode(), "staff")) for _ in range(50)]
        while not reader.asked:
            await asyncio.sleep(0)
        tasks[0].cancel()
        reader.go.set()
        return await asyncio.gather(*tasks[1:], return_exceptions=True), reader.asked

    return asyncio.run(ask())


def test_those_who_come_with_one_token_at_once_share_a_look() -> None:
    holder = Holder("1", "staff", TOKEN[:12])

    assert asked_at_once(holder) == ([holder] * 49, 1)
    refused, asked = asked_at_once(None)
    assert ({type(one) for one in refused}, len(refused), asked) == ({Unauthorised}, 49, 1)
