"""The console's server as browsers use it at their worst: kept connections, large files read late, streams that are
left in the middle, posts right behind them. Each request has its whole answer, or its connection an end."""

import asyncio
import re
import socket
import struct
from random import Random
from typing import NamedTuple

import httpx
import pytest

from models import operator, organisation
from tests.journeys.system import Muster

pytestmark = pytest.mark.journey

BROWSERS, TURNS = 12, 80
WITHIN = 15  # seconds for one answer, and a whole file
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: hang up without a goodbye


class Site(NamedTuple):
    """Where it is, a signed-in session, and what its pages load."""

    host: str
    port: int
    cookie: str
    stream: str
    assets: list[str]
    csrf: str


@pytest.fixture
def site(muster: Muster) -> Site:
    list_id = muster.new_list(owner="Stress").list_id
    email = "stress@muster.example"
    password = muster.in_transaction(
        lambda cursor: operator.add(cursor, organisation.ensure(cursor, "Stress", "business"), email, "admin")
    )
    url = httpx.URL(muster.ready["console_url"])
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as browser:
        browser.post("/login", data={"email": email, "password": password}, headers={"Origin": str(url).rstrip("/")})
        page = browser.get(f"/lists/{list_id}/sync").text
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    assets = re.findall(r'(?:href|src)="(/[^"]+\.\w+[^"]*)"', page)
    csrf = re.search(r"[0-9a-f]{64}", page)
    assert cookie
    assert assets
    assert csrf
    return Site(url.host, url.port or 80, cookie, f"/lists/{list_id}/sync/stream", assets, csrf[0])


class Browser:
    """A connection or two, and what they are used for by chance."""

    def __init__(self, site: Site, chance: Random) -> None:
        self._site, self._chance = site, chance
        self._kept: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.answers = 0

    async def turn(self) -> None:
        """Something of what browsers do."""
        act = self._chance.choice([self._load, self._load, self._post, self._look_in, self._leave])
        await asyncio.wait_for(act(), WITHIN)

    def close(self) -> None:
        if self._kept is not None:
            self._kept[1].close()

    async def _load(self) -> None:
        """A page and all that it loads, over one connection."""
        for path in ["/lists", *self._site.assets]:
            status, _ = await self._ask("GET", path)
            assert status == 200, (path, status)

    async def _post(self) -> None:
        """A form, over whatever connection there is."""
        status, _ = await self._ask("POST", "/logout-of-nothing", f"_csrf={self._site.csrf}")
        assert status in (404, 405), status

    async def _look_in(self) -> None:
        """A stream that is opened, and left without a goodbye as soon as it is there, or before."""
        reader, writer = await self._connected()
        writer.write(self._request("GET", self._site.stream, ""))
        if self._chance.random() < 0.7:
            assert (await reader.readuntil(b"\r\n")).split()[1] in (b"200", b"503")
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.close()

    async def _leave(self) -> None:
        """A file that is begun, and left in the middle."""
        reader, writer = await self._connected()
        for path in self._site.assets:
            writer.write(self._request("GET", path, ""))
        await reader.readexactly(100)
        writer.close()

    async def _ask(self, method: str, path: str, form: str = "") -> tuple[int, bytes]:
        """The answer; over a new connection where the kept one has been closed."""
        for _ in range(2):
            fresh = self._kept is None
            self._kept = self._kept or await self._connected()
            reader, writer = self._kept
            try:
                writer.write(self._request(method, path, form))
                return await self._answer(reader)
            except (asyncio.IncompleteReadError, ConnectionError):
                assert not fresh, f"{method} {path}: no answer over a new connection"
                self._kept = None
        raise AssertionError(f"{method} {path}: no answer")

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(re.search(rb"content-length: (\d+)", head.lower())[1])  # type: ignore[index]
        body = b""
        while len(body) < size:  # late, and in small pieces
            if self._chance.random() < 0.05:
                await asyncio.sleep(self._chance.uniform(0, 0.02))
            part = await reader.read(min(16_384, size - len(body)))
            assert part, "the answer ended early"
            body += part
        if b"connection: close" in head.lower():
            self.close()
            self._kept = None
        self.answers += 1
        return int(head.split()[1]), body

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._site.host, self._site.port, limit=16_384)

    def _request(self, method: str, path: str, form: str) -> bytes:
        lines = [
            f"{method} {path} HTTP/1.1", f"Host: {self._site.host}:{self._site.port}", f"Cookie: {self._site.cookie}",
            f"Origin: http://{self._site.host}:{self._site.port}", "Accept: text/html", f"Content-Length: {len(form)}",
            "Content-Type: application/x-www-form-urlencoded",
        ]  # fmt: skip
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + form.encode()


def test_every_request_of_restless_browsers_is_answered(site: Site) -> None:
    async def everybody() -> int:
        browsers = [Browser(site, Random(number)) for number in range(BROWSERS)]  # noqa: S311

        async def use(browser: Browser) -> None:
            for _ in range(TURNS):
                await browser.turn()
            browser.close()

        await asyncio.gather(*map(use, browsers))
        return sum(browser.answers for browser in browsers)

    assert asyncio.run(everybody()) > BROWSERS * TURNS
