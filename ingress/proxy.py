"""What reverse proxies tell of the request that they pass on: believed from trusted proxies alone (RFC 7239)."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from random import getrandbits

from ops.settings import networks

Headers = dict[bytes, bytes]
Told = dict[str, str]  # by "for", "proto" and "host"
MOST = 4096  # bytes of a header that are read, from its end: what trusted proxies added
_MAPPED = IPv6Network("::ffff:0:0/96")

_PAIR = r"""([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"([^"\\]*)"|([^\s;,"\\]*))[ \t]*"""
_PAIRS = re.compile(_PAIR)
_ELEMENT = re.compile(rf"[ \t]*(?:{_PAIR})?(?:;[ \t]*(?:{_PAIR})?)*")
_NODE = re.compile(
    r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9.]{7,15}))(?::[A-Za-z0-9._-]{1,32})?|([0-9A-Fa-f:.]{2,45})"
)  # fmt: skip
_AUTHORITY = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)*\.?|\[([0-9A-Fa-f:.]+)\])(?::([0-9]{1,5}))?")
_PREFIX = re.compile(r"(?:/(?!\.\.?(?:/|\Z))[A-Za-z0-9._~-]+)*")
_LONGEST = 255  # characters of a host or a prefix
_LONGEST_ID = 36
_REQUEST_ID = re.compile(r"[0-9a-f]{32}")


class Proxies:
    """The trusted proxies, and the root of our URLs where none of them tells another."""

    def __init__(self, trusted: str, root: str, fixed: bool) -> None:
        """`fixed`: the root is an operator's word (MUSTER_PUBLIC_URL), which no header changes."""
        self._networks = tuple(map(_unmapped, networks(trusted)))
        self._root, self._fixed = root, fixed

    def root(self, headers: Headers, peer: str) -> str:
        """The scheme, host and path that precede /scim/v2 in what the client called, without a slash at the end."""
        if self._fixed or not self._trusts(peer):
            return self._root
        depth, told = self._told(headers)
        host, proto = told.get("host", _text(headers, b"host")), told.get("proto", "http").lower()
        if proto not in ("http", "https") or not _is_authority(host):
            return self._root
        # Each proxy of the chain took its own part off the path.
        prefix = "".join(one.rstrip("/") for one in _values(headers, b"prefix")[-depth:])
        return f"{proto}://{host}{prefix if len(prefix) <= _LONGEST and _PREFIX.fullmatch(prefix) else ''}"

    def client(self, headers: Headers, peer: str) -> str:
        """The address of whoever sent the request: the last one that no trusted proxy wrote of another. Empty where it
        is told in two ways that contradict each other: a client has no part in the proxy's address by that."""
        if not self._trusts(peer):
            return peer
        told = self._told(headers)[1].get("for", peer)
        address = _node(told)
        return str(address) if address else peer if told else ""

    def request_id(self, headers: Headers, peer: str) -> str:
        """The id that a trusted proxy has given the request (32 hexadecimal digits, or a UUID), else a new one."""
        given = headers.get(b"x-request-id", b"")
        if len(given) <= _LONGEST_ID and self._trusts(peer):
            plain = given.decode("latin-1").replace("-", "").lower()
            if _REQUEST_ID.fullmatch(plain):
                return plain
        return f"{getrandbits(128):032x}"  # a name, no secret

    def _trusts(self, address: str) -> bool:
        return bool(self._networks) and self._holds(_parsed(address))

    def _holds(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self._networks)

    def _told(self, headers: Headers) -> tuple[int, Told]:
        """How many proxies are believed (1 at least), and what the outermost of them tells."""
        forwarded, common = self._by_forwarded(headers), self._by_common(headers)
        return max(1, forwarded[0], common[0]), _agreed(forwarded[1], common[1])

    def _by_forwarded(self, headers: Headers) -> tuple[int, Told]:
        elements = list(_elements(_text(headers, b"forwarded")))
        depth, told = self._depth([element.get("for", "") for element in elements]), Told()
        for element in elements[:depth]:
            told |= element  # an outer proxy's word goes before an inner one's
        return depth, told

    def _by_common(self, headers: Headers) -> tuple[int, Told]:
        """By the X-Forwarded headers. A proxy adds to their lists, or replaces them by one value for the chain."""
        nodes = _values(headers, b"for")[::-1]
        depth = self._depth(nodes)
        told = {"for": nodes[depth - 1]} if nodes else {}
        for name in ("proto", "host", "port"):
            if values := _values(headers, name.encode()):
                told[name] = values[-max(1, depth) :][0]
        port = told.pop("port", "")
        if port not in ("", "80", "443"):
            told["host"] = _with_port(told.get("host", _text(headers, b"host")), port)
        return depth, told

    def _depth(self, nodes: Sequence[str]) -> int:
        """How many of these, the nearest first, trusted proxies wrote: each vouches for the one that it names."""
        for depth, node in enumerate(nodes, 1):
            if not self._holds(_node(node)):
                return depth
        return len(nodes)


def _unmapped(found: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """An IPv4 network that is written as IPv6."""
    if isinstance(found, IPv6Network) and found.subnet_of(_MAPPED):
        return ip_network((int(found.network_address) & 0xFFFFFFFF, found.prefixlen - 96))
    return found


@lru_cache(maxsize=4096)
def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(address)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _node(text: str) -> IPv4Address | IPv6Address | None:
    """The address in what Forwarded's `for` or X-Forwarded-For has, with or without a port (RFC 7239 §6)."""
    found = _NODE.fullmatch(text)
    return _parsed(next(filter(None, found.groups()))) if found else None


def _agreed(forwarded: Told, common: Told) -> Told:
    """What is told in both ways together. A proxy writes one of them and passes the other on as the client sent it;
    which one is not known here, so that where they differ neither counts."""
    differ = {name: "" for name in forwarded.keys() & common.keys() if not _same(name, forwarded[name], common[name])}
    return forwarded | common | differ


def _same(name: str, one: str, other: str) -> bool:
    return _node(one) == _node(other) if name == "for" else one.lower() == other.lower()


def _elements(forwarded: str) -> Iterator[Told]:
    """What each proxy wrote, the nearest first, as far as it can be read: from the end, so that nothing which a
    client made up bends what was added behind it."""
    pieces: list[str] = []
    for piece in reversed(forwarded.split(",")):
        pieces.insert(0, piece)
        element = ",".join(pieces)
        if element.count('"') % 2:
            continue  # the comma is within quotes
        if not _ELEMENT.fullmatch(element):
            return
        if element.strip():
            yield {name.lower(): quoted or plain for name, quoted, plain in _PAIRS.findall(element) if quoted or plain}
        pieces.clear()


def _text(headers: Headers, name: bytes) -> str:
    return headers.get(name, b"")[-MOST:].decode("latin-1")


def _values(headers: Headers, name: bytes) -> list[str]:
    """The values of an X-Forwarded header, the nearest proxy's last."""
    return [one.strip() for one in _text(headers, b"x-forwarded-" + name).split(",") if one.strip()]


def _with_port(host: str, port: str) -> str:
    return f"{host}:{port}" if host.endswith("]") or ":" not in host else host


@lru_cache(maxsize=256)
def is_host(header: bytes) -> bool:
    """Whether a Host header can be one; an old client sends none (RFC 9112 §3.2)."""
    return not header or _is_authority(header.decode("latin-1"))


def _is_authority(text: str) -> bool:
    """Whether a URL may have this as its host and port."""
    found = _AUTHORITY.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        return False
    literal, port = found.groups()
    return (literal is None or (":" in literal and _parsed(literal) is not None)) and 0 < int(port or 1) <= 65535
