"""The heads of requests as an ASGI application has them (HTTP, spec version 2.3), and answers that none gave."""

from typing import Any
from urllib.parse import unquote

from ingress.scim.errors import body as error_body
from models.errors import Refused

Headers = list[tuple[bytes, bytes]]  # names in lower case, and values

_REFUSAL = (
    b"HTTP/1.1 %d Refused\r\n%b\r\ncontent-type: application/scim+json\r\ncontent-length: %d\r\n"
    b"cache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
)


def scope_of(method: bytes, url: bytes, version: str, headers: Headers) -> dict[str, Any]:
    """What is told of a request, but for who sent it and where it arrived."""
    target, _, query = url.partition(b"?")
    if not target.startswith(b"/"):  # "GET http://host/path", as to a proxy (RFC 9112 §3.2.2), or CONNECT
        target = b"/" + target.partition(b"://")[2].partition(b"/")[2]
    path = target.decode("latin-1")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": version,
        "method": method.decode(),
        "scheme": "http",
        "path": unquote(path) if "%" in path else path,
        "raw_path": target,
        "query_string": query,
        "root_path": "",
        "headers": headers,
    }


def is_sound(version: str, headers: Headers, hosts: int) -> bool:
    """Whether a head is one that llhttp should have taken: HTTP/1.1 names its host (RFC 9112 §3.2), and of chunks in
    HTTP/1.0 others may have understood another thing (§6.1)."""
    if version == "1.1":
        return hosts > 0
    return version == "1.0" and not any(name == b"transfer-encoding" for name, _ in headers)


def without_offer(scope: dict[str, Any], url: bytes, closes: bool) -> bytes:
    """The head of a request that offered another protocol, without the offer; `closes`: it is the connection's last."""
    lines = [b"%b %b HTTP/%b" % (scope["method"].encode(), url, scope["http_version"].encode())]
    lines += [name + b": " + value for name, value in scope["headers"] if name not in (b"upgrade", b"connection")]
    if closes:
        lines.append(b"connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n"


def refusal(status: int, detail: str, date: bytes) -> bytes:
    """An answer in SCIM's words, as most who call are IdPs, with which the connection ends."""
    refused = Refused(detail)
    refused.status = status
    body = error_body(refused)
    return _REFUSAL % (status, date, len(body)) + body
