"""What Graph is asked and what it answers, apart from sockets."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

JSON = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
TEXT = "text/plain"


@dataclass(frozen=True)
class Request:
    """One request; `base` is what the client calls this server, `headers` have lower-case names."""

    method: str
    target: str  # path with query, as sent
    base: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def path(self) -> str:
        """Decoded, without the query."""
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> dict[str, str]:
        """Decoded parameters; the names of `$skiptoken` and `$deltatoken` are written in either way, and here in small
        letters."""
        pairs = parse_qsl(self.target.partition("?")[2], keep_blank_values=True)
        return {name.lower() if name.startswith("$") else name: value for name, value in pairs}

    @property
    def eventual(self) -> bool:
        """Whether it asks for advanced queries."""
        return self.headers.get("consistencylevel", "").lower() == "eventual"


@dataclass(frozen=True)
class Answer:
    """A status with a body; Content-Length is the server's to add."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """An answer of Graph's that is an error: `code` and `message` of its body."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}

    def answer(self) -> Answer:
        """In Graph's words."""
        request_id = str(uuid.uuid4())
        inner = {
            "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": request_id,
            "client-request-id": request_id,
        }
        error = {"code": self.code, "message": self.message, "innerError": inner}
        return document({"error": error}, self.status, self.headers)


def unsupported(message: str) -> Refused:
    """A query that Graph does not do."""
    return Refused(400, "Request_UnsupportedQuery", message)


def not_found(identifier: str) -> Refused:
    """No object of this id, or no relation."""
    return Refused(
        404, "Request_ResourceNotFound",
        f"Resource '{identifier}' does not exist or one of its queried reference-property objects are not present.",
    )  # fmt: skip


def document(content: Any, status: int = 200, headers: Mapping[str, str] | None = None, kind: str = JSON) -> Answer:
    """A JSON answer."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status, body, {"Content-Type": kind, **(headers or {})})


def text(content: str) -> Answer:
    """A plain one, as `$count` gives."""
    return Answer(200, content.encode(), {"Content-Type": TEXT})
