"""What a SCIM server is sent: Entra-shaped users, PATCHes, look-ups, and Entra's mix of them, as prebuilt requests."""

import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from ops.bench import load
from ops.bench.load import request

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SEEDED = "seed"  # how the names of seeded users begin
_encode = msgspec.json.encode


@dataclass(slots=True)
class Target:
    """A list to load: any SCIM server by URL and token."""

    base_url: str
    token: str

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.base_url)
        return parts.hostname or "127.0.0.1", parts.port or 80

    @property
    def path(self) -> str:
        """What precedes /Users."""
        return urlsplit(self.base_url).path.rstrip("/")


def user(name: str) -> dict[str, Any]:
    """An Entra-shaped user of about 1.2 KB."""
    given, number = name.split(".")[0], name.partition(".")[2]
    work = {"type": "work", "primary": False, "formatted": "Block C", "streetAddress": "14 Quarry Road"}
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "externalId": f"{name}-object",
        "userName": f"{name}@bench.example",
        "active": True,
        "displayName": f"{given.title()} Bench the {number}th of the generated people",
        "title": "Registrar",
        "preferredLanguage": "en-AU",
        "emails": [{"primary": True, "type": "work", "value": f"{name}@bench.example"}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": f"{given} Bench", "familyName": "Bench", "givenName": given},
        "addresses": [work | {"locality": "Hobart", "region": "TAS", "postalCode": "7000", "country": "AU"}],
        "phoneNumbers": [
            {"type": "work", "value": "+61 3 5550 1001"},
            {"type": "mobile", "value": "+61 400 555 010"},
            {"type": "fax", "value": "+61 3 5550 1099"},
        ],
        ENTERPRISE: {"employeeNumber": number, "department": "Admissions", "organization": "Bench"},
        "roles": [],
    }


def patched(title: str) -> bytes:
    """A PATCH of two attributes, the way Entra sends it."""
    return _encode(
        {
            "schemas": [PATCH_OP],
            "Operations": [
                {"op": "Replace", "path": "title", "value": title},
                {"op": "Replace", "path": f"{ENTERPRISE}:department", "value": f"Department {title}"},
            ],
        }
    )


def deactivate(target: Target, ids: Iterable[str]) -> Iterator[bytes]:
    """PATCH of each id once, the way Entra deactivates: the boolean is text."""
    operation = {"op": "Replace", "path": "active", "value": "False"}
    body = _encode({"schemas": [PATCH_OP], "Operations": [operation]})
    for user_id in ids:
        yield request("PATCH", f"{target.path}/Users/{user_id}", target.token, body)


def create(target: Target, prefix: str) -> Iterator[bytes]:
    """POST after POST, users `prefix.0@bench.example` and so on."""
    for number in itertools.count():
        yield request("POST", f"{target.path}/Users", target.token, _encode(user(f"{prefix}.{number}")))


def lookup(target: Target, names: list[str]) -> Iterator[bytes]:
    """GET with a filter for each user name in turn."""
    for name in itertools.cycle(names):
        query = quote(f'userName eq "{name}"')
        yield request("GET", f"{target.path}/Users?filter={query}", target.token)


def get(target: Target, ids: list[str]) -> Iterator[bytes]:
    """GET of each id in turn."""
    for user_id in itertools.cycle(ids):
        yield request("GET", f"{target.path}/Users/{user_id}", target.token)


def patch(target: Target, ids: list[str], prefix: str) -> Iterator[bytes]:
    """PATCH of each id in turn, every time with another title."""
    for number, user_id in enumerate(itertools.cycle(ids)):
        yield request("PATCH", f"{target.path}/Users/{user_id}", target.token, patched(f"{prefix} {number}"))


def mix(target: Target, ids: list[str], names: list[str], prefix: str) -> Iterator[bytes]:
    """Entra's: a lookup that misses, the create, a lookup that hits, a PATCH."""
    creates, hits, patches = create(target, prefix), lookup(target, names), patch(target, ids, prefix)
    for number in itertools.count():
        query = quote(f'userName eq "{prefix}.{number}@bench.example"')
        yield request("GET", f"{target.path}/Users?filter={query}", target.token)
        yield next(creates)
        yield next(hits)
        yield next(patches)


Phase = Callable[[int, int], Iterator[bytes]]


def phases(target: Target, ids: list[str], names: list[str]) -> dict[str, tuple[Phase, frozenset[int]]]:
    """Phase → (requests of connection c in run r, the statuses to expect)."""

    def mine(values: list[str], connection: int) -> list[str]:
        return values[connection % 8 :: 8] or values

    return {
        "create": (lambda c, r: create(target, f"c{r}x{c}"), frozenset({201})),
        "lookup": (lambda c, r: lookup(target, mine(names, c)), frozenset({200})),
        "get": (lambda c, r: get(target, mine(ids, c)), frozenset({200})),
        "patch": (lambda c, r: patch(target, mine(ids, c), f"{r} {c}"), frozenset({200, 204})),
        "mix": (lambda c, r: mix(target, mine(ids, c), mine(names, c), f"m{r}x{c}"), frozenset({200, 201, 204})),
    }


def seed(target: Target, people: int) -> tuple[list[str], list[str]]:
    """People to look up and to change; their ids and user names, each in an order of its own."""
    ids: list[str] = []
    prefix = f"{SEEDED}{time.time_ns()}"
    requests = iter([next(create(target, f"{prefix}x{number}")) for number in range(people)])
    load.run(*target.address, [requests] * 8, 60, lambda *answer: ids.append(json.loads(answer[2])["id"]))
    return ids, [f"{prefix}x{number}.0@bench.example" for number in range(people)]
