"""The live log's streams: told apart by list, counted, ended. A real Valkey, and the application itself."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import redis

from ingress.console import stream
from ingress.console.app import Console
from ingress.console.stream import MOST, MOST_OF_OPERATOR, MOST_OF_SESSION, Streams, Whose
from models import database, operator_session
from models.database import Connection
from ops.bell import Bell
from ops.embedded import Valkey
from ops.settings import Settings
from tests.ingress.console.conftest import Tenant
from tests.ingress.console.test_log import Log
from tests.valkey import running_valkey

WITHIN = 10  # seconds until a test gives up


class Reader:
    """A browser that reads a stream, spoken to as a server speaks to the application."""

    def __init__(self, console: Console, path: str, cookie: str, **headers: str) -> None:
        plain, _, query = path.partition("?")
        given = {"cookie": f"muster={cookie}", "host": "console.example", **headers}
        self.scope: Any = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": plain,
            "raw_path": plain.encode(), "query_string": query.encode(), "root_path": "", "scheme": "http",
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
        }  # fmt: skip
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.text = ""
        self.ended = False
        self._gone = asyncio.Event()
        self._task = asyncio.ensure_future(self._run(console))

    async def _run(self, console: Console) -> None:
        await console(self.scope, self._receive, self._send)
        self.ended = True

    async def _receive(self) -> Any:
        if self._gone.is_set() or "asked" not in self.__dict__:
            self.asked = True
            return {"type": "http.disconnect" if self._gone.is_set() else "http.request", "body": b""}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.text += message.get("body", b"").decode()
            if not message.get("more_body"):
                self._gone.set()  # a server says so once the answer is whole

    @property
    def events(self) -> list[str]:
        """What was told, comments apart."""
        return [part for part in self.text.split("\n\n") if part.startswith("event: ")]

    async def until(self, condition: Callable[[], Any], what: str) -> None:
        """Wait for a condition."""
        end = time.monotonic() + WITHIN
        while not condition():
            assert time.monotonic() < end, f"{what}; so far {self.status} {self.text!r}"
            await asyncio.sleep(0.005)

    async def leave(self) -> None:
        """Hang up."""
        self._gone.set()
        with suppress(asyncio.CancelledError):
            await self._task


@asynccontextmanager
async def serving(database_url: str, redis_url: str) -> AsyncIterator[Console]:
    console = Console(Settings(database_url=database_url, redis_url=redis_url, log_level="error"))
    console.start()
    try:
        yield console
    finally:
        console.stop()
        await asyncio.sleep(0)


def sign_in(connection: Connection, tenant: Tenant) -> str:
    with database.transaction(connection) as cursor:
        verified = operator_session.verify(operator_session.account(cursor, tenant.email, "127.0.0.1"), tenant.password)
        secret = operator_session.begin(cursor, verified, None)
    assert secret
    return secret


def path(tenant: Tenant, since: int = 0) -> str:
    return f"/lists/{tenant.list_id}/sync/stream?since={since}"


@pytest.fixture
def cookie(connection: Connection, north: Tenant) -> str:
    return sign_in(connection, north)


def test_an_open_page_hears_of_its_own_list_only(
    database_url: str,
    connection: Connection,
    valkey: Valkey,
    north: Tenant,
    cookie: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "LOOK_UP_EVERY", 0.05)
    monkeypatch.setattr(stream, "PACE", 0.1)
    log = Log(connection, north.list_id)

    async def story() -> list[str]:
        async with serving(database_url, valkey.url()) as console:
            reader = Reader(console, path(north), cookie)
            await reader.until(lambda: reader.text.startswith(": open"), "an open stream")
            await reader.until(lambda: listeners(valkey) == 1, "a subscription")
            number = log.entry()
            bell = Bell(valkey.url())
            bell.tell(["aaaaaaaaaa"])
            bell.tell([north.list_id])
            await reader.until(lambda: reader.events, "an event")
            assert reader.headers[b"content-type"].startswith(b"text/event-stream")
            assert reader.events == [f"event: provisioning\nid: {number}\ndata: {number}"]
            # A change of an entry that is there already is news as well.
            bell.any_rung([north.list_id])
            await reader.until(lambda: len(reader.events) == 2, "another event")
            await reader.leave()
            await reader.until(lambda: listeners(valkey) == 0, "no subscription once nobody listens")
            return reader.events

    assert len(asyncio.run(story())) == 2


def listeners(valkey: Valkey) -> int:
    with redis.Redis.from_url(valkey.url()) as client:
        return int(client.pubsub_numsub("muster:news")[0][1])


@pytest.mark.parametrize("header", [True, False])
def test_what_was_missed_is_told_at_once(
    database_url: str, connection: Connection, valkey: Valkey, north: Tenant, cookie: str, header: bool
) -> None:
    log = Log(connection, north.list_id)
    first, second = log.entry(), log.entry()

    async def story() -> None:
        async with serving(database_url, valkey.url()) as console:
            headers = {"last-event-id": str(first)} if header else {}
            late = Reader(console, path(north, second if header else first), cookie, **headers)
            await late.until(lambda: late.events, "an event")
            assert late.text.startswith(f"event: provisioning\nid: {second}\n")
            await late.leave()

    asyncio.run(story())


def test_a_stream_says_something_while_nothing_happens_and_ends_with_its_session(
    database_url: str,
    connection: Connection,
    valkey: Valkey,
    north: Tenant,
    cookie: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "COMMENT_EVERY", 0.02)
    monkeypatch.setattr(stream, "CHECK_EVERY", 0.1)
    monkeypatch.setattr(stream, "PACE", 0.01)

    async def story() -> None:
        async with serving(database_url, valkey.url()) as console:
            reader = Reader(console, path(north), cookie)
            await reader.until(lambda: reader.text.count(": open") > 3, "comments")
            connection.execute("delete from operator_session")
            await reader.until(lambda: reader.ended, "an end")
            assert reader.events == []

    asyncio.run(story())


def test_streams_are_counted_and_more_are_refused(
    database_url: str, connection: Connection, valkey: Valkey, north: Tenant, cookie: str
) -> None:
    async def story() -> None:
        async with serving(database_url, valkey.url()) as console:
            open_ones = [Reader(console, path(north), cookie) for _ in range(MOST_OF_SESSION)]
            await open_ones[0].until(lambda: all(one.text for one in open_ones), "open streams")
            refused = Reader(console, path(north), cookie)
            await refused.until(lambda: refused.ended, "a refusal")
            assert (refused.status, refused.headers[b"retry-after"]) == (503, b"60")
            other = Reader(console, path(north), sign_in(connection, north))
            await other.until(lambda: other.text, "a stream of another session")
            await open_ones[0].leave()
            again = Reader(console, path(north), cookie)
            await again.until(lambda: again.text, "a stream in the place that was left")
            for one in (*open_ones[1:], other, again):
                await one.leave()

    asyncio.run(story())


def test_those_that_are_opened_at_the_same_moment_are_counted_too(
    database_url: str, valkey: Valkey, north: Tenant, cookie: str
) -> None:
    async def story() -> int:
        async with serving(database_url, valkey.url()) as console:
            crowd = [Reader(console, path(north), cookie) for _ in range(10 * MOST_OF_SESSION)]
            await crowd[0].until(lambda: all(one.text or one.ended for one in crowd), "an answer for everybody")
            await crowd[0].until(lambda: all(one.ended for one in crowd if "retry" in one.text), "an end")
            count = sum(not one.ended for one in crowd)
            for one in crowd:
                await one.leave()
            return count

    assert asyncio.run(story()) == MOST_OF_SESSION


@pytest.mark.parametrize(
    ("most", "whose"),
    [
        (MOST, lambda number: Whose(f"session {number}", f"operator {number}")),
        (MOST_OF_OPERATOR, lambda number: Whose(f"session {number}", "one")),
        (MOST_OF_SESSION, lambda _: Whose("session", "one")),
    ],
    ids=["a process", "an operator", "a session"],
)
def test_there_is_room_for_so_many_and_again_when_they_are_gone(most: int, whose: Callable[[int], Whose]) -> None:
    async def story() -> list[bool]:
        streams = Streams("redis://127.0.0.1:1/0")
        with ExitStack() as opened:
            for number in range(most - 1):
                opened.enter_context(streams.join("abcdefghij", whose(number)))
            last = streams.has_room(whose(most))
            opened.enter_context(streams.join("abcdefghij", whose(most)))
            none = streams.has_room(whose(most + 1))
        return [last, none, streams.has_room(whose(0))]

    assert asyncio.run(story()) == [True, False, True]


def test_every_stream_ends_when_the_process_does(database_url: str, valkey: Valkey, north: Tenant, cookie: str) -> None:
    async def story() -> None:
        async with serving(database_url, valkey.url()) as console:
            reader = Reader(console, path(north), cookie)
            await reader.until(lambda: reader.text, "an open stream")
            console.stop()
            await reader.until(lambda: reader.ended, "an end")
            late = Reader(console, path(north), cookie)
            await late.until(lambda: late.ended, "an answer")
            assert late.status != 200

    asyncio.run(story())


def test_a_stream_stands_while_valkey_is_away_and_hears_again(
    database_url: str,
    connection: Connection,
    north: Tenant,
    cookie: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(stream, "AGAIN_AFTER", 0.02)
    monkeypatch.setattr(stream, "PACE", 0.01)
    with tempfile.TemporaryDirectory(prefix="mv", dir="/tmp") as folder:
        url = Valkey(Path(folder) / "valkey", Path(folder)).url()

        async def story() -> None:
            async with serving(database_url, url) as console:
                reader = Reader(console, path(north), cookie)
                await reader.until(lambda: reader.text, "an open stream")
                Log(connection, north.list_id).entry()
                with running_valkey(Path(folder)):
                    # Nobody published: what was missed while there was no subscription is looked up.
                    await reader.until(lambda: reader.events, "an event")
                    await reader.leave()

        asyncio.run(story())


def test_nobody_listens_without_signing_in(database_url: str, valkey: Valkey, north: Tenant) -> None:
    async def story() -> int:
        async with serving(database_url, valkey.url()) as console:
            reader = Reader(console, path(north), "nobody", **{"hx-request": "true"})
            await reader.until(lambda: reader.ended, "a refusal")
            return reader.status

    assert asyncio.run(story()) == 401
