"""From which networks a list's identity provider may come: an allow-list in CIDR, IPv4 and IPv6; empty: from any."""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from models.database import Cursor
from models.errors import Refused, Unauthorised
from models.organisation import SCIM

MOST = 100  # networks of a list
ANY = "any address"
_APART = re.compile(r"[\s,;]+")


class Elsewhere(Unauthorised):
    """A good token, sent from where its list's identity provider is not."""

    status = 403

    def __init__(self, address: str) -> None:
        told = f"the address {address}" if address else "an address that is not known"
        super().__init__(
            f"requests to this list are not taken from {told}: send them from an allowed network, or have this one"
            " added to the allowed networks on the list's Sync tab",
            "address",
        )


def parse(texts: Iterable[str]) -> list[str]:
    """Networks as they are kept: each once, in order. A single address is a network of one; in one text there may be
    several, with blanks, commas or lines between."""
    found = {_network(part) for text in texts for part in _APART.split(text) if part}
    if len(found) > MOST:
        raise Refused(f"{len(found)} networks are more than a list has, which is {MOST}: write larger ones")
    return [str(one) for one in sorted(found, key=lambda one: (one.version, int(one.network_address), one.prefixlen))]


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        found = ip_network(text)
    except ValueError:
        raise Refused(f"'{text[:60]}' is no network: {_advice(text)}") from None
    if isinstance(found, IPv6Network) and (mapped := found.network_address.ipv4_mapped) and found.prefixlen >= 96:
        return ip_network((int(mapped), found.prefixlen - 96))  # as clients of IPv4 are called
    return found


def _advice(text: str) -> str:
    """What was meant, where an address stands before the length of its network."""
    try:
        return f"write {ip_network(text, strict=False)}"
    except ValueError:
        return "write 203.0.113.0/24, 2001:db8::/32 or a single address"


@lru_cache(maxsize=4096)
def _parsed(kept: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(one) for one in kept.split())


@lru_cache(maxsize=65536)
def holds(kept: str, address: str) -> bool:
    """Whether an address lies in one of the networks (in CIDR, blanks between)."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in network for network in _parsed(kept))


def told(networks: Iterable[str]) -> str:
    """Networks in words."""
    return ", ".join(networks) or ANY


def save(cursor: Cursor, list_id: str, networks: Iterable[str]) -> list[str]:
    """Let a list's identity provider in from these networks alone; from any where there are none. What is kept.

    Each batch of requests reads them with its tokens, so that they hold from the next request on, in every process.
    """
    wanted = parse(networks)
    cursor.execute(
        "update connection set networks = %s::cidr[] where list_id = %s and state = 'connected' and provider = %s",
        (wanted, list_id, SCIM),
    )
    if cursor.rowcount != 1:
        raise Refused("this list is not connected to SCIM: connect it first")
    return wanted
