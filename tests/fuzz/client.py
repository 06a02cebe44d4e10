"""The whole application in-process, asked over raw ASGI, and what must hold of every answer to anything."""

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ingress.app import build
from ops.settings import Settings
from tests.factories import ERROR

PATIENCE = 60  # seconds until a request counts as hung
SCIM_JSON = b"application/scim+json"
# RFC 7644 §3.12 and RFC 9865 §2.1.
TYPES = {
    "invalidFilter", "tooMany", "uniqueness", "mutability", "invalidSyntax", "invalidPath", "noTarget", "invalidValue",
    "invalidVers", "sensitive", "invalidCursor", "expiredCursor", "invalidCount",
}  # fmt: skip
Headers = Sequence[tuple[bytes, bytes]]
_WORDS, _BRACKETS = re.compile("[^a-z]+"), re.compile(r"\[.*\]", re.DOTALL)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[bytes, bytes]
    content: bytes

    @cached_property
    def body(self) -> Any:
        """The JSON in it, read strictly: UTF-8, no name twice in an object, no number that is none."""
        return json.loads(self.content.decode(), object_pairs_hook=_once, parse_constant=_no_number)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), f"a name twice in one object: {names}"
    return dict(pairs)


def _no_number(text: str) -> None:
    raise AssertionError(f"{text} is no JSON")


class Application:
    """`ingress.app.build` with its lifespan begun, in one event loop."""

    def __init__(self, url: str) -> None:
        # Nobody listens on this port: rings that fail are counted, and no worker is there anyway.
        settings = Settings(database_url=url, redis_url="redis://127.0.0.1:1/0", log_level="error", serve="scim")
        self._app = build(settings)
        self._runner = asyncio.Runner()
        self._runner.run(self._begin())
        self.asked = 0

    def close(self) -> None:
        """Finish what was accepted."""
        self._runner.run(self._end())
        self._runner.close()

    async def _begin(self) -> None:
        self._inbox: asyncio.Queue[Any] = asyncio.Queue()
        self._told: asyncio.Queue[Any] = asyncio.Queue()
        scope: Any = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        send: Any = self._told.put
        self._life = asyncio.create_task(self._live(scope, send))
        await self._inbox.put({"type": "lifespan.startup"})
        assert (await self._told.get())["type"] == "lifespan.startup.complete"

    async def _live(self, scope: Any, send: Any) -> None:
        await self._app(scope, self._inbox.get, send)

    async def _end(self) -> None:
        await self._inbox.put({"type": "lifespan.shutdown"})
        assert (await self._told.get())["type"] == "lifespan.shutdown.complete"
        await self._life

    def ask(
        self, method: str, path: str, query: bytes, headers: Headers, chunks: Sequence[bytes], gone: bool
    ) -> Answer:
        """One request; `gone`: the client hangs up after the chunks of its body."""
        self.asked += 1
        exchange = _exchange(self._app, _scope(method, path, query, headers), chunks, gone)
        answer: Answer = self._runner.run(asyncio.wait_for(exchange, PATIENCE))
        check(answer, method, path)
        return answer


def _scope(method: str, path: str, query: bytes, headers: Headers) -> Any:
    return {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": path.encode("utf-8", "surrogatepass"), "query_string": query,
        "root_path": "", "headers": list(headers), "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        "extensions": {}, "state": {},
    }  # fmt: skip


async def _exchange(app: Any, scope: Any, chunks: Sequence[bytes], gone: bool) -> Answer:
    sent: list[Any] = []
    incoming = _incoming(chunks, gone)

    async def receive() -> Any:
        return next(incoming, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert [one["type"] for one in sent[:1]] == ["http.response.start"], sent
    content = b"".join(one.get("body", b"") for one in sent[1:])
    return Answer(sent[0]["status"], {name.lower(): value for name, value in sent[0]["headers"]}, content)


def _incoming(chunks: Sequence[bytes], gone: bool) -> Iterator[Any]:
    for number, chunk in enumerate(chunks, 1):
        yield {"type": "http.request", "body": chunk, "more_body": gone or number < len(chunks)}


def check(answer: Answer, method: str, path: str) -> None:
    """What holds of every answer, whatever was asked."""
    assert answer.status < 500 or (answer.status == 501 and "/Me" in path), answer
    length = answer.headers.get(b"content-length")
    if answer.status in (204, 304):
        assert (answer.content, length, b"content-type" in answer.headers) == (b"", None, False), answer
    elif method == "HEAD":
        # What Litestar refuses before SCIM's part is asked has a body, which a server does not send.
        assert answer.content == b"" or b"x-request-id" not in answer.headers, answer
    else:
        assert answer.headers[b"content-type"] == SCIM_JSON, answer
        assert length == str(len(answer.content)).encode(), answer
        json.dumps(answer.body, ensure_ascii=False, allow_nan=False).encode()
        if answer.status >= 400:
            check_error(answer.body, answer.status)


def check_error(body: Any, status: int) -> None:
    """RFC 7644 §3.12."""
    assert body["schemas"] == [ERROR], body
    assert body["status"] == str(status), body
    assert isinstance(body["detail"], str), body
    assert body["detail"].strip(), body
    assert body.get("scimType", "tooMany") in TYPES, body
    assert body.keys() <= {"schemas", "status", "scimType", "detail"}, body


def check_page(page: Any) -> list[str]:
    """What holds of every list answer; the ids in it."""
    ids = [one["id"] for one in page["Resources"]]
    assert type(page["totalResults"]) is type(page["itemsPerPage"]) is int, page
    assert page["itemsPerPage"] == len(ids) == len(set(ids)), page
    assert page["totalResults"] >= len(ids), page
    for one in page["Resources"]:
        assert one["schemas"], page
        assert not has_password(one), page
    return ids


def names_password(path: str) -> bool:
    """Whether a name or a path is a password's. What is in brackets only selects, and a schema is called anything."""
    bare = _BRACKETS.sub("", path.lower())
    return "password" in _WORDS.split(bare.rpartition(":")[2]) and bare.count(":") != 2


def has_password(value: Any) -> bool:
    """Whether a key at any depth is a password's name, or a path or URN with one in it."""
    if isinstance(value, dict):
        return any(names_password(key) or has_password(inner) for key, inner in value.items())
    return isinstance(value, list) and any(map(has_password, value))


def same(one: Any, other: Any) -> bool:
    """Equal as JSON is: 1 and 1.0 are the same number, and true is none."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
