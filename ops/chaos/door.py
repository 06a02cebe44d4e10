"""One kept-alive connection of a provider's to a Base URL. What was not answered is None: nobody knows what became
of it."""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 10  # seconds until an answer is given up
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    request_id: str
    document: Document

    @property
    def version(self) -> int:
        """The version of the resource, 0 where there is none. After a full stop it tells of a user's groups."""
        return int(self.document.get("meta", {}).get("version", "0").strip('W/"').partition(".")[0])


class Door:
    """Requests one at a time; a connection that broke is opened anew by the next."""

    def __init__(self, base_url: str, token: str) -> None:
        self._parts = urlsplit(base_url)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: Document | None = None) -> Answer | None:
        """One request, once."""
        connection = self._connection or self._connect()
        try:
            payload = json.dumps(body) if body is not None else None
            connection.request(method, self._parts.path + path, payload, self._headers)
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return None
        document: Document = json.loads(text) if text else {}
        return Answer(response.status, response.headers.get("X-Request-Id", ""), document)

    def _connect(self) -> http.client.HTTPConnection:
        self._connection = http.client.HTTPConnection(self._parts.hostname or "", self._parts.port, timeout=PATIENCE)
        return self._connection

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
