"""Where each attribute of a User or a Group lives (RFC 7643 §4), found by any of its spellings."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from models.attributes import ENTERPRISE

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_CORE = "urn:ietf:params:scim:schemas:core:2.0:Group"
# A sample in Entra's documentation lacks the colon before "User".
ENTERPRISE_MISSPELT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0User"
# What neither jsonb nor UTF-8 holds.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Kind:
    """The form in which an attribute's value is kept. (Plain text: an Enum's hash costs a Python call.)"""

    TEXT: Final = "text"
    KEY_TEXT: Final = "key text"  # an index is made of it, hence bounded
    BOOLEAN: Final = "boolean"
    COMPLEX: Final = "complex"
    MANY: Final = "many"
    MANAGER: Final = "manager"
    MEMBERS: Final = "members"  # of a group: rows of their own, never part of the document
    READ_ONLY: Final = "read-only"  # ours to say; what is sent is not kept
    CUSTOM: Final = "custom"  # of an extension that Muster does not know: kept as sent
    EXTENSION: Final = "extension"
    IGNORED: Final = "ignored"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value lives in a document: in the extension `owner`, or (None) at the top.

    `keys` lead to it, from the outside in.
    """

    owner: str | None
    name: str
    sub: str | None
    kind: str
    keys: tuple[str, ...] = field(init=False, compare=False)
    last: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        keys = tuple(key for key in (self.owner, self.name, self.sub) if key)
        object.__setattr__(self, "keys", keys)
        object.__setattr__(self, "last", keys[-1])

    @property
    def label(self) -> str:
        """The attribute as an administrator would write it."""
        name = f"{self.name}.{self.sub}" if self.sub else self.name
        if self.owner is None or self.owner == ENTERPRISE:
            return name or "the enterprise extension"
        return f"{self.owner}:{name}" if name else self.owner


@dataclass(frozen=True, eq=False, slots=True)
class Schema:
    """A resource type's attributes: `core` is its own URN, `owners` those whose attributes are known."""

    name: str
    core: str
    by_name: Mapping[str, Place]
    owners: Mapping[str, Mapping[str, Place]]
    prefixes: tuple[tuple[str, str], ...]
    plain: frozenset[str]  # core attributes of text, spelt as the schema does: what most of a body is


def _spellings(names: str) -> Mapping[str, str]:
    return MappingProxyType({name.lower(): name for name in names.split()})


def member(held: Mapping[str, Any], name: str, default: Any = None) -> Any:
    """A member of an object by its name in any case (RFC 7643 §2.1), the exact spelling first."""
    if name in held:
        return held[name]
    lowered = name.lower()
    return next((value for key, value in held.items() if key.lower() == lowered), default)


_PARTS = re.compile(r"[^a-z]+")  # what separates the names in a path, a URN or a filter
_VALUE = _spellings("value display type primary")
SUBS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "name": _spellings("formatted familyName givenName middleName honorificPrefix honorificSuffix"),
        "manager": _spellings("value $ref displayName"),
        "addresses": _spellings("formatted streetAddress locality region postalCode country type primary"),
        "members": _spellings("value $ref type display"),
        **dict.fromkeys(("emails", "phoneNumbers", "ims", "entitlements", "roles", "x509Certificates"), _VALUE),
    }
)


def _places(owner: str | None, kinds: Mapping[str, str]) -> dict[str, Place]:
    return {name.lower(): Place(owner, name, None, kind) for kind, names in kinds.items() for name in names.split()}


_CORE = _places(
    None,
    {
        Kind.KEY_TEXT: "userName externalId",
        Kind.TEXT: "displayName nickName profileUrl title userType preferredLanguage locale timezone",
        Kind.BOOLEAN: "active",
        Kind.COMPLEX: "name",
        Kind.MANY: "emails phoneNumbers ims addresses entitlements roles x509Certificates",
        Kind.READ_ONLY: "groups",
        # A password or a photo is accepted and never kept.
        Kind.IGNORED: "id meta password photos schemas",
    },
)
_ENTERPRISE = _places(
    ENTERPRISE,
    {
        Kind.KEY_TEXT: "employeeNumber",
        Kind.TEXT: "costCenter organization division department",
        Kind.MANAGER: "manager",
        Kind.IGNORED: "password",
    },
)
_GROUP = _places(
    None,
    {Kind.KEY_TEXT: "displayName externalId", Kind.MEMBERS: "members", Kind.IGNORED: "id meta password schemas"},
)


def _plain(places: Mapping[str, Place]) -> frozenset[str]:
    return frozenset(place.name for place in places.values() if place.kind is Kind.TEXT)


USER = Schema(
    "User",
    CORE,
    _ENTERPRISE | _CORE,  # enterprise attributes are understood by their short names, too (Entra, OneLogin)
    {CORE: _CORE, ENTERPRISE: _ENTERPRISE},
    ((CORE.lower(), CORE), (ENTERPRISE.lower(), ENTERPRISE), (ENTERPRISE_MISSPELT.lower(), ENTERPRISE)),
    _plain(_CORE),
)
GROUP = Schema("Group", GROUP_CORE, _GROUP, {GROUP_CORE: _GROUP}, ((GROUP_CORE.lower(), GROUP_CORE),), _plain(_GROUP))


def _inside(parent: Place) -> dict[str, Place]:
    places = {spelling: sub_place(parent, spelling) for spelling in SUBS[parent.name].values()}
    return places | {spelling.lower(): inner for spelling, inner in places.items()}


@lru_cache(maxsize=4096)
def place(path: str, of: Schema = USER) -> Place | None:
    """The place that a path without a filter means, in any case; None if it means nothing here.

    `name.givenName`, `urn:…:User:department`, `urn:…:User.manager` (the old dot form), `manager`.
    """
    lowered = path.lower()
    if not lowered.startswith("urn:"):
        return _within(of.by_name, path)
    for urn, owner in of.prefixes:
        if lowered == urn:
            return Place(owner, "", None, Kind.EXTENSION)
        if lowered.startswith((urn + ":", urn + ".")):
            rest = path[len(urn) + 1 :]
            known = rest.partition(".")[0].lower() in of.owners[owner]
            return _within(of.owners[owner], rest) if known else _custom(owner, rest)
    return _of_unknown_schema(path, of)


def is_password(name: str) -> bool:
    """Whether any part of a name, path or URN is a password's."""
    return "password" in name.lower() and "password" in _PARTS.split(name.lower())


@lru_cache(maxsize=4096)
def place_in(owner: str, name: str, of: Schema = USER) -> Place | None:
    """The place of a member of an extension's (or the core schema's) object."""
    known = _within(of.owners.get(owner, {}), name)
    if known is not None:
        return known
    if not name:
        return None
    return Place(owner, name, None, Kind.IGNORED if is_password(name) else Kind.CUSTOM)


def sub_place(parent: Place, sub: str) -> Place:
    """The place of a sub-attribute, spelt as the schema does."""
    kind = Kind.BOOLEAN if sub == "primary" else Kind.TEXT
    if (parent.name, sub) == ("emails", "value"):
        kind = Kind.KEY_TEXT
    if parent.kind is Kind.MEMBERS:
        kind = Kind.MEMBERS  # members come and go whole
    return Place(parent.owner, parent.name, sub, kind)


def _within(places: Mapping[str, Place], path: str) -> Place | None:
    name, _, sub = path.partition(".")
    found = places.get(name.lower())
    if found is None or not sub or found.kind in (Kind.IGNORED, Kind.READ_ONLY):
        return found
    spelling = SUBS.get(found.name, {}).get(sub.lower())
    return sub_place(found, spelling) if spelling else None


def _of_unknown_schema(path: str, of: Schema) -> Place | None:
    # An attribute's name holds no colon, so the last one ends the URN, unless it is the old dot form. What has an
    # empty part would not be understood when it is sent back as it is answered.
    urn, _, last = path.rpartition(":")
    if not last or "::" in path or ":." in path or ":" not in urn:
        return None
    if is_password(path):
        return Place(urn, last, None, Kind.IGNORED)
    if urn.count(":") == 1:  # urn:namespace:name is as short as a URN can be (RFC 8141 §2)
        return Place(path, "", None, Kind.EXTENSION)
    if last.lower() == of.name.lower():
        return Place(path, "", None, Kind.EXTENSION)
    if last.lower().startswith(f"{of.name.lower()}."):
        end = len(of.name)
        return _custom(f"{urn}:{last[:end]}", last[end + 1 :])
    return _custom(urn, last)


def _custom(owner: str, path: str) -> Place | None:
    name, _, sub = path.partition(".")
    if not name:
        return None
    kind = Kind.IGNORED if is_password(name) or is_password(sub) else Kind.CUSTOM
    return Place(owner, name, sub or None, kind)


SUB_PLACES: Mapping[str, Mapping[str, Place]] = MappingProxyType(
    {
        parent.name: _inside(parent)
        for parent in (*USER.by_name.values(), *GROUP.by_name.values())
        if parent.name in SUBS
    }
)
