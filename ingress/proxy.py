"""What a reverse proxy tells of the request that it passes on: believed from trusted proxies alone (RFC 7239)."""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from ops.settings import WrongSetting

Headers = dict[bytes, bytes]
_PAIR = re.compile(r'\s*([A-Za-z]+)\s*=\s*(?:"([^"]*)"|([^\s;,"]*))\s*')
_HOST = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")


class Proxies:
    """The trusted proxies, and the root of our URLs where none of them tells another."""

    def __init__(self, trusted: str, root: str, fixed: bool) -> None:
        """`fixed`: the root is an operator's word (MUSTER_PUBLIC_URL), which no header changes."""
        self._networks = tuple(_network(one.strip()) for one in trusted.split(",") if one.strip())
        self._root, self._fixed = root, fixed

    def root(self, headers: Headers, peer: str) -> str:
        """The scheme, host and path that precede /scim/v2 in what the client called, without a slash at the end."""
        if self._fixed or not self._trusts(peer):
            return self._root
        told = _told(headers)
        host = told.get("host", "")
        if not _HOST.fullmatch(host):
            return self._root
        scheme = "https" if told.get("proto", "").lower() == "https" else "http"
        prefix = told.get("prefix", "").rstrip("/")
        return f"{scheme}://{host}{prefix if _PREFIX.fullmatch(prefix) else ''}"

    def client(self, headers: Headers, peer: str) -> str:
        """The address of whoever sent the request: the last one that no trusted proxy wrote of another."""
        if not self._trusts(peer):
            return peer
        for address in reversed(_addresses(headers)):
            if not self._trusts(address):
                return address if _parsed(address) is not None else peer
        return peer

    def _trusts(self, address: str) -> bool:
        if not self._networks:
            return False
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self._networks)


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise WrongSetting(f"MUSTER_TRUSTED_PROXIES has '{text}': {error}") from None


@lru_cache(maxsize=4096)
def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(address)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _told(headers: Headers) -> dict[str, str]:
    """What the nearest proxy says of the request: by Forwarded, else by the X-Forwarded headers in common use."""
    forwarded = headers.get(b"forwarded", b"").decode("latin-1")
    if forwarded:
        # The last element is the nearest proxy's; a list of proxies is a chain that it vouches for.
        told = {name.lower(): quoted or plain for name, quoted, plain in _PAIR.findall(forwarded.split(",")[-1])}
    else:
        told = {name: _last(headers, b"x-forwarded-" + name.encode()) for name in ("proto", "host")}
        port = _last(headers, b"x-forwarded-port")
        if port.isdecimal() and told["host"] and ":" not in told["host"] and port not in ("80", "443"):
            told["host"] += f":{port}"
    told.setdefault("host", "")
    told["host"] = told["host"] or headers.get(b"host", b"").decode("latin-1")
    return told | {"prefix": _last(headers, b"x-forwarded-prefix")}


def _last(headers: Headers, name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1").split(",")[-1].strip()


def _addresses(headers: Headers) -> list[str]:
    forwarded = headers.get(b"forwarded", b"").decode("latin-1")
    if forwarded:
        pairs = (_PAIR.findall(element) for element in forwarded.split(","))
        named = (quoted or plain for each in pairs for name, quoted, plain in each if name.lower() == "for")
    else:
        named = (one.strip() for one in headers.get(b"x-forwarded-for", b"").decode("latin-1").split(","))
    return [_bare(one) for one in named if one]


def _bare(address: str) -> str:
    """Without a port, and without the brackets of IPv6."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address
