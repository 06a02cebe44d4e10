"""Where each attribute of a User lives (RFC 7643 §4.1, §4.3), found by any of its spellings."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from models.attributes import ENTERPRISE

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
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


def _spellings(names: str) -> Mapping[str, str]:
    return MappingProxyType({name.lower(): name for name in names.split()})


_PARTS = re.compile(r"[^a-z]+")  # what separates the names in a path, a URN or a filter
_VALUE = _spellings("value display type primary")
SUBS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "name": _spellings("formatted familyName givenName middleName honorificPrefix honorificSuffix"),
        "manager": _spellings("value $ref displayName"),
        "addresses": _spellings("formatted streetAddress locality region postalCode country type primary"),
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
        # groups are read-only (RFC 7643 §4.1.2); a password or a photo is accepted and never kept.
        Kind.IGNORED: "id meta groups password photos schemas",
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
# Enterprise attributes are understood by their short names, too (Entra, OneLogin).
_SHORT = _ENTERPRISE | _CORE
# Core attributes of text, spelt as the schema spells them: what most of a body is.
PLAIN = frozenset(place.name for place in _CORE.values() if place.kind is Kind.TEXT)
_SCHEMAS = {CORE: _CORE, ENTERPRISE: _ENTERPRISE}
_PREFIXES = tuple(
    (urn.lower(), owner) for urn, owner in ((CORE, CORE), (ENTERPRISE, ENTERPRISE), (ENTERPRISE_MISSPELT, ENTERPRISE))
)


def _inside(parent: Place) -> dict[str, Place]:
    places = {spelling: sub_place(parent, spelling) for spelling in SUBS[parent.name].values()}
    return places | {spelling.lower(): inner for spelling, inner in places.items()}


@lru_cache(maxsize=4096)
def place(path: str) -> Place | None:
    """The place that a path without a filter means, in any case; None if it means nothing here.

    `name.givenName`, `urn:…:User:department`, `urn:…:User.manager` (the old dot form), `manager`.
    """
    lowered = path.lower()
    if not lowered.startswith("urn:"):
        return _within(_SHORT, path)
    for urn, owner in _PREFIXES:
        if lowered == urn:
            return Place(owner, "", None, Kind.EXTENSION)
        if lowered.startswith((urn + ":", urn + ".")):
            rest = path[len(urn) + 1 :]
            return _within(_SCHEMAS[owner], rest) or _custom(owner, rest)
    return _of_unknown_schema(path)


def is_password(name: str) -> bool:
    """Whether any part of a name, path or URN is a password's."""
    return "password" in name.lower() and "password" in _PARTS.split(name.lower())


@lru_cache(maxsize=4096)
def place_in(owner: str, name: str) -> Place | None:
    """The place of a member of an extension's (or the core schema's) object."""
    if owner in _SCHEMAS:
        known = _within(_SCHEMAS[owner], name)
        if known is not None:
            return known
    if not name:
        return None
    return Place(owner, name, None, Kind.IGNORED if is_password(name) else Kind.CUSTOM)


def without_group(path: str) -> str:
    """A path of a Group's attribute without its URN; any other path as it is."""
    prefix = path[: len(GROUP)]
    return path[len(GROUP) + 1 :] if prefix.lower() == GROUP.lower() and path[len(GROUP) :] else path


def sub_place(parent: Place, sub: str) -> Place:
    """The place of a sub-attribute, spelt as the schema does."""
    kind = Kind.BOOLEAN if sub == "primary" else Kind.TEXT
    if (parent.name, sub) == ("emails", "value"):
        kind = Kind.KEY_TEXT
    return Place(parent.owner, parent.name, sub, kind)


def _within(places: Mapping[str, Place], path: str) -> Place | None:
    name, _, sub = path.partition(".")
    found = places.get(name.lower())
    if found is None or not sub or found.kind is Kind.IGNORED:
        return found
    spelling = SUBS.get(found.name, {}).get(sub.lower())
    return sub_place(found, spelling) if spelling else None


def _of_unknown_schema(path: str) -> Place | None:
    # An attribute's name holds no colon, so the last one ends the URN, unless it is the old dot form.
    urn, _, last = path.rpartition(":")
    if not last or urn.endswith(":") or ":" not in urn:
        return None
    if urn.count(":") == 1:  # urn:namespace:name is as short as a URN can be (RFC 8141 §2)
        return Place(path, "", None, Kind.EXTENSION)
    if last.lower() == "user":
        return Place(path, "", None, Kind.EXTENSION)
    if last.lower().startswith("user."):
        return _custom(f"{urn}:{last[:4]}", last[5:])
    return _custom(urn, last)


def _custom(owner: str, path: str) -> Place | None:
    name, _, sub = path.partition(".")
    if not name:
        return None
    kind = Kind.IGNORED if is_password(name) or is_password(sub) else Kind.CUSTOM
    return Place(owner, name, sub or None, kind)


SUB_PLACES: Mapping[str, Mapping[str, Place]] = MappingProxyType(
    {parent.name: _inside(parent) for parent in _SHORT.values() if parent.name in SUBS}
)
