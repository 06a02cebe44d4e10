"""The little of HTTP that SCIM needs, over ASGI: a request, a response, a bounded body."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from litestar.types import Receive, Scope, Send

from ingress.exchange import UNINVITED
from models.errors import Refused, TooLarge

SCIM_JSON = b"application/scim+json"
_ALWAYS = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
_OF_BODIES = ((b"content-type", SCIM_JSON),)
ACCEPTED_TYPES = (b"application/scim+json", b"application/json")


class UnsupportedType(Refused):
    """The body is not JSON by its media type."""

    status = 415


@dataclass(slots=True)
class Request:
    """One SCIM request below a list's Base URL; `path` holds what follows it, without empty parts."""

    method: str
    list_id: str
    path: tuple[str, ...]
    query: bytes
    headers: dict[bytes, bytes]
    address: str
    request_id: str
    peer: str = ""  # who the connection is from; a proxy's client is `address`
    body: bytes = b""
    whole: bool = False  # whether all of the body was taken
    authenticated: bool = False  # whether the token was one of the list's


@dataclass(slots=True)
class Response:
    """What is answered; SCIM's media type is added where there is a body."""

    status: int
    body: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    scim_type: str = ""  # of an error (RFC 7644 §3.12), for the metrics


def headers_of(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by name. Lines that proxies add are one list (RFC 9110 §5.3); of any other the last one counts."""
    found: dict[bytes, bytes] = {}
    for name, value in pairs:
        listed = name in found and name.startswith((b"x-forwarded-", b"forwarded"))
        found[name] = found[name] + b", " + value if listed else value
    return found


def check_media_type(headers: dict[bytes, bytes]) -> None:
    """C2: SCIM's media type or JSON's with any parameter; a missing one is accepted."""
    kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    if kind and kind not in ACCEPTED_TYPES:
        raise UnsupportedType(
            f"Content-Type '{kind.decode('latin-1')[:100]}' is not understood: send application/scim+json"
        )
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding not in (b"identity", b""):
        # RFC 9110 §8.4
        raise UnsupportedType(
            f"Content-Encoding '{encoding.decode('latin-1')[:100]}' is not understood: send the body uncompressed"
        )


async def read_body(headers: dict[bytes, bytes], receive: Receive, most: int, grow: Callable[[int], None]) -> bytes:
    """The whole body, refused as soon as it is known to be larger than `most` bytes. `grow` is told how many have come,
    and may refuse to hold more."""
    declared = headers.get(b"content-length", b"0")[:18]  # int() refuses thousands of digits
    if declared.isdigit() and int(declared) > most:
        raise _too_large(int(declared), most)
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > most:
            raise _too_large(size, most)
        grow(size)
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks) if len(chunks) > 1 else chunks[0]


class Heard:
    """What a client sends, and whether that is over: whoever asks for more then waits until the client hangs up."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self.over = receive, False

    async def __call__(self) -> Any:
        """The next message."""
        message: Any = await self._receive()
        self.over = not (message["type"] == "http.request" and message.get("more_body", False))
        return message


async def discard(scope: Scope, receive: Receive, most: int) -> None:
    """Take what is left of a body that nobody reads: a client that is still sending would see its
    connection reset instead of the answer. One that waits to be told to send is not told so."""
    extensions: Any = scope.get("extensions")
    if extensions and UNINVITED in extensions and extensions[UNINVITED]():
        return
    size, more = 0, not (isinstance(receive, Heard) and receive.over)
    while more and size <= most:
        message: Any = await receive()
        size += len(message.get("body", b""))
        more = message["type"] == "http.request" and message.get("more_body", False)


class ClientGone(Exception):
    """The client hung up before its body was complete."""


def _too_large(size: int, most: int) -> TooLarge:
    return TooLarge(f"the body has {size} bytes or more, and {most} is the most: send less in one request")


async def send(response: Response, request_id: str, send_: Send, head: bool = False) -> None:
    """Answer."""
    # RFC 9110 §8.6: no length with 204, nor with 304, whose length would be that of the 200.
    length = [] if response.status in (204, 304) else [(b"content-length", str(len(response.body)).encode())]
    kind = _OF_BODIES if response.body else ()
    headers = [*length, (b"x-request-id", request_id.encode()), *_ALWAYS, *response.headers, *kind]
    await send_({"type": "http.response.start", "status": response.status, "headers": headers})
    await send_({"type": "http.response.body", "body": b"" if head else response.body, "more_body": False})


def peer(scope: Scope) -> str:
    """The address that the request came from."""
    client = scope.get("client")
    return client[0] if client else ""
