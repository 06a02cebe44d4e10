"""A client of the simulated Graph that takes links and statuses as they come."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from ops.simulators.graph import GraphServer

EVENTUAL = {"ConsistencyLevel": "eventual"}


class Reply(NamedTuple):
    """What came: the body as JSON where it is JSON, else as text."""

    status: int
    body: Any
    headers: dict[str, str]


class Client:
    """One kept-alive connection with a token of its own."""

    def __init__(self, server: GraphServer) -> None:
        self.server, self.directory = server, server.directory
        self._connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
        self.authorization = f"Bearer {self.directory.sessions.issue()}"

    def close(self) -> None:
        self._connection.close()

    def send(self, method: str, url: str, body: str | None = None, **headers: str) -> Reply:
        """A path, or a link as it was given."""
        target = quote(url.removeprefix(self.server.url), safe="/?=&$%")
        self._connection.request(method, target, body, {"Authorization": self.authorization, **headers})
        answer = self._connection.getresponse()
        text, given = answer.read().decode(), {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, json.loads(text) if "json" in given.get("content-type", "") else text, given)

    def get(self, path: str, **headers: str) -> Reply:
        """Below /v1.0, or a link."""
        return self.send("GET", path if path.startswith("http") else f"/v1.0{path}", **headers)

    def good(self, path: str, **headers: str) -> Any:
        """The body of an answer that has to be 200."""
        reply = self.get(path, **headers)
        assert reply.status == 200, reply
        return reply.body

    def error(self, path: str, **headers: str) -> tuple[int, str]:
        """Status and code of an answer that has to be an error."""
        reply = self.get(path, **headers)
        return reply.status, reply.body["error"]["code"]

    def pages(self, path: str) -> Iterator[Any]:
        """Each page of a round or a list, from a path or a link."""
        page = self.good(path)
        yield page
        while "@odata.nextLink" in page:
            page = self.good(page["@odata.nextLink"])
            yield page

    def round(self, path: str) -> tuple[list[Any], str]:
        """Everything that a round gives, and its deltaLink."""
        pages = list(self.pages(path))
        return [one for page in pages for one in page["value"]], pages[-1]["@odata.deltaLink"]

    def token(self, tenant: str | None = None, **changes: str | None) -> Reply:
        """An answer of the token endpoint; a change to None leaves a parameter out."""
        form = {
            "client_id": self.directory.client_id, "client_secret": self.directory.client_secret,
            "grant_type": "client_credentials", "scope": "https://graph.microsoft.com/.default",
        } | changes  # fmt: skip
        body = urlencode({name: value for name, value in form.items() if value is not None})
        path = f"/{quote(tenant or self.directory.tenant_id)}/oauth2/v2.0/token"
        return self.send("POST", path, body, **{"Content-Type": "application/x-www-form-urlencoded"})

    def batch(self, *urls: str, **more: Any) -> Reply:
        """GETs in one request, with ids from 1; `more` is added to each."""
        inner = [{"id": str(number), "method": "GET", "url": url, **more} for number, url in enumerate(urls, 1)]
        return self.send_batch(inner)

    def send_batch(self, inner: list[dict[str, Any]]) -> Reply:
        """Inner requests as they are."""
        body = json.dumps({"requests": inner})
        return self.send("POST", "/v1.0/$batch", body, **{"Content-Type": "application/json"})


class Asking(threading.Thread):
    """A request of its own, whose reply, if the connection lasts, is awaited later."""

    def __init__(self, client: Client, path: str) -> None:
        super().__init__(daemon=True)
        self._client, self._path = client, path
        self._reply: Reply | None = None
        self.start()

    def run(self) -> None:
        with suppress(OSError, http.client.HTTPException):
            self._reply = self._client.get(self._path)

    def reply(self) -> Reply:
        """What came."""
        self.join(10)
        assert self._reply is not None
        return self._reply
