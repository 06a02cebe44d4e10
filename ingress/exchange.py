"""One request and its answer over HTTP/1.1, as an ASGI application has them (HTTP, spec version 2.3)."""

import asyncio
from http import HTTPStatus
from typing import Any, Protocol

_LINES = {status.value: b"HTTP/1.1 %d %s" % (status.value, status.phrase.encode()) for status in HTTPStatus}
_BODILESS = (204, 304)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
UNINVITED = "muster.uninvited"  # of a scope's extensions: whether the client waits to be told to send its body


class Wire(Protocol):
    """What an exchange needs of its connection."""

    drained: "asyncio.Future[None] | None"  # there while the client is behind with what was sent

    @property
    def date(self) -> bytes:
        """The header that tells the time (RFC 9110 §6.6.1)."""

    def write(self, data: bytes) -> None:
        """Send bytes."""

    def taken(self) -> None:
        """The body so far was taken: more of it can be read."""

    def answered(self, closes: bool) -> None:
        """The answer is complete."""


class Exchange:
    """What `receive` and `send` of one request need.

    A body that came together with its head is handed over at once: that is nearly every request, and no event or
    future is made for it. Head and body of an answer leave in one write.
    """

    __slots__ = (
        "_chunked", "_expects", "_head", "_keeps", "_named", "_over", "_waiter", "_wire",
        "begun", "body", "complete", "gone", "scope", "whole",
    )  # fmt: skip

    def __init__(self, wire: Wire, scope: dict[str, Any], keeps: bool, named: bool, expects: bool) -> None:
        """`keeps`: the client keeps the connection, and (HTTP/1.0) has to be `named` that we do. `expects`: it waits
        for 100 Continue before it sends its body."""
        self._wire, self.scope, self._keeps, self._named, self._expects = wire, scope, keeps, named, expects
        if expects:
            scope["extensions"] = {UNINVITED: self._is_uninvited}
        self.body, self.whole = b"", False
        self.complete = self.begun = self.gone = self._over = self._chunked = False
        self._head = b""
        self._waiter: asyncio.Future[None] | None = None

    def add(self, data: bytes) -> None:
        """More of the body."""
        self.body = self.body + data if self.body else data
        self._wake()

    def end(self) -> None:
        """The body is whole."""
        self.whole = True
        self._wake()

    def lost(self) -> None:
        """The client is gone."""
        self.gone = True
        self._wake()

    def close_after(self) -> None:
        """The connection is to end with this answer."""
        self._keeps = False

    @property
    def wants_body(self) -> bool:
        """Whether the application waits for what the client has not sent."""
        return self._waiter is not None and not self.whole

    def _is_uninvited(self) -> bool:
        return self._expects and not self.body

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def receive(self) -> dict[str, Any]:
        """The next part of the body; then, once there is one, that the client is gone."""
        while not (self.gone or self.complete):
            if self.body or (self.whole and not self._over):
                body, self.body, self._over = self.body, b"", self.whole
                self._wire.taken()
                return {"type": "http.request", "body": body, "more_body": not self.whole}
            if self._expects:
                self._expects = False
                self._wire.write(CONTINUE)
            self._wire.taken()
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """A part of the answer."""
        if self._wire.drained is not None:
            await asyncio.shield(self._wire.drained)
        if self.gone or self.complete:
            return
        if message["type"] == "http.response.start":
            self._begin(message["status"], message.get("headers", ()))
        else:
            self._continue(message.get("body", b""), message.get("more_body", False))

    def _begin(self, status: int, headers: Any) -> None:
        lines, sized = [_LINES.get(status, b"HTTP/1.1 %d " % status), self._wire.date], status in _BODILESS
        for name, value in headers:
            lines.append(name + b": " + value)
            lowered = name.lower()
            sized = sized or lowered == b"content-length"
            self._keeps = self._keeps and (lowered != b"connection" or b"close" not in value.lower())
        if not self.whole:
            self._keeps = False  # what is left of a body that nobody reads is not looked at as a request
        self._chunked = not sized and self.scope["http_version"] == "1.1" and self.scope["method"] != "HEAD"
        if self._chunked:
            lines.append(b"transfer-encoding: chunked")
        if not (sized or self._chunked):
            self._keeps = False  # it ends where the connection does
        if not self._keeps or self._named:
            lines.append(b"connection: keep-alive" if self._keeps else b"connection: close")
        head = b"\r\n".join(lines)
        if head.count(b"\n") != len(lines) - 1 or head.count(b"\r") != len(lines) - 1:
            raise ValueError("a header of the answer has a line break in it")
        self._head = head + b"\r\n\r\n"

    def _continue(self, body: bytes, more: bool) -> None:
        if self.scope["method"] == "HEAD":
            body = b""
        elif self._chunked:
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"" if more else b"0\r\n\r\n")
        self.begun = True
        self._wire.write(self._head + body)
        self._head = b""
        if not more:
            self.complete = True
            self._wake()
            self._wire.answered(not self._keeps)
