"""The real application on the real database, asked in-process, and what must hold of every answer."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from ingress.app import Scim
from models import connection as connections
from models import database, master_list, organisation, token
from models.database import Connection
from ops.settings import Settings
from tests.factories import ERROR

PATIENCE = 60  # seconds until a request counts as hung
TYPES = {
    "uniqueness", "tooMany", "invalidFilter", "invalidSyntax", "invalidPath", "invalidValue", "invalidVers", "noTarget",
    "mutability", "sensitive", "invalidCursor", "expiredCursor", "invalidCount", None,
}  # fmt: skip
Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[bytes, bytes]
    content: bytes

    @property
    def body(self) -> Any:
        """The JSON in it."""
        return json.loads(self.content)


class Server:
    """One list behind the application, over connections of its own."""

    def __init__(self, url: str, connection: Connection) -> None:
        # Nobody listens on this port for the bell: rings that fail are counted, and the sweep is not there.
        self._app = Scim(Settings(database_url=url, redis_url="redis://127.0.0.1:1/0", log_level="error"))
        with database.transaction(connection) as cursor:
            owner = organisation.ensure(cursor, "Fuzz", "business")
            self.list_id = master_list.create(cursor, owner, "Fuzz")
            database.allow(cursor, [self.list_id])
            connections.connect(cursor, self.list_id, "userName", "fuzz")
            self._token = token.issue(cursor, self.list_id, "fuzz", None, "fuzz").token
        self._runner = asyncio.Runner()
        self._app.start()
        self.asked = 0

    def close(self) -> None:
        """Finish what was accepted."""
        self._app.stop()
        self._runner.close()

    def ask(self, method: str, path: str, content: bytes = b"", query: bytes = b"", headers: Headers = []) -> Answer:  # noqa: B006
        """One request below the Base URL, and whatever must hold of its answer."""
        self.asked += 1
        scope = self._scope(method, path, query, [(b"content-length", str(len(content)).encode()), *headers])
        answer = self._runner.run(asyncio.wait_for(self._exchange(scope, content), PATIENCE))
        check(answer, method)
        return answer

    def send(self, method: str, path: str, body: Any) -> Answer:
        """The same with JSON, surrogates and all."""
        return self.ask(method, path, json.dumps(body).encode())

    def _scope(self, method: str, path: str, query: bytes, headers: Headers) -> Any:
        authorization = (b"authorization", f"Bearer {self._token}".encode())
        return {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": f"/scim/v2/{self.list_id}{path}", "raw_path": b"", "query_string": query, "root_path": "",
            "headers": [authorization, *headers], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
        }  # fmt: skip

    async def _exchange(self, scope: Any, content: bytes) -> Answer:
        sent: list[Any] = []
        requests = iter([{"type": "http.request", "body": content, "more_body": False}])

        async def receive() -> Any:
            return next(requests, {"type": "http.disconnect"})

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        return Answer(sent[0]["status"], dict(sent[0]["headers"]), b"".join(one.get("body", b"") for one in sent[1:]))

    def read(self, location: str) -> Answer:
        """What is at a location that an answer told."""
        return self.ask("GET", urlsplit(location).path.removeprefix(f"/scim/v2/{self.list_id}"))


def check(answer: Answer, method: str) -> None:
    """What holds of every answer, whatever was asked."""
    assert answer.status < 500 or answer.status == 501, answer
    if answer.status >= 400 and method != "HEAD":
        body = answer.body
        assert (body["schemas"], body["status"]) == ([ERROR], str(answer.status)), answer
        assert body["detail"].strip(), answer
        assert body.get("scimType") in TYPES, answer
    if answer.content:
        assert answer.headers[b"content-type"] == b"application/scim+json"
    if answer.status in (204, 304):
        assert answer.content == b""


def check_stored(server: Server, answer: Answer, kind: str) -> None:
    """What an accepted write leaves: the same to whoever reads it, and to whoever sends it back."""
    stored = answer.body
    found = server.read(stored["meta"]["location"])
    assert (found.status, found.body) == (200, stored)
    listed = server.ask("GET", f"/{kind}", query=f"filter={quote(chr(34).join(['id eq ', stored['id'], '']))}".encode())
    assert [one["id"] for one in listed.body["Resources"]] == [stored["id"]], listed
    back = server.send("PUT", f"/{kind}/{stored['id']}", stored)
    if back.status == 200:  # an inactive user's unique identifier may have been taken
        assert back.body["meta"]["version"] == stored["meta"]["version"], (stored, back.body)
        assert back.body == stored
    assert not has_password(stored), stored


def has_password(value: Any) -> bool:
    """Whether a password is anywhere in it, by name."""
    if isinstance(value, dict):
        return any("password" in key.lower() or has_password(inner) for key, inner in value.items())
    return isinstance(value, list) and any(map(has_password, value))
