"""`attributes` and `excludedAttributes` (RFC 7644 §3.9): which parts of a resource are answered."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from ingress.scim import render
from ingress.scim.errors import InvalidValue
from ingress.scim.schema import USER, Kind, Schema, place
from models.resource import Stored

ALWAYS = ("schemas", "id")
LONGEST = 4000
_BRACKETS = re.compile(r"\[[^\]]*\]")

# What is named, as a tree of lower-cased names; None takes all that is below.
Tree = dict[str, "Tree | None"]
Resource = dict[str, Any]


def projected(base: str, given: Mapping[str, str], of: Schema, stored: Stored) -> msgspec.Raw:
    """The JSON of a stored resource as it is served, of it what the parameters ask for."""
    attributes, excluded = given.get("attributes"), given.get("excludedattributes")
    if not attributes and not excluded:
        return render.whole(stored, base)
    return msgspec.Raw(render.encode(project(render.resource(stored, base), attributes, excluded, of)))


def project(resource: Resource, attributes: str | None, excluded: str | None, of: Schema = USER) -> Resource:
    """The resource with what was asked for, or without what was not wanted. `id` and `schemas` always stay."""
    if attributes and attributes.strip():
        always = {name: resource[name] for name in ALWAYS if name in resource}
        return always | (_only(resource, _tree(_bounded("attributes", attributes), of)) or {})
    if excluded and excluded.strip():
        named = _tree(_bounded("excludedAttributes", excluded), of)
        tree = {name: below for name, below in named.items() if name not in ALWAYS}
        kept: Resource = _but(resource, tree) or {}
        return kept
    return resource


def shows(name: str, attributes: str | None, excluded: str | None, of: Schema = USER) -> bool:
    """Whether anything of the top-level attribute `name` (in lower case) is to be answered."""
    if attributes and attributes.strip():
        return name in _tree(_bounded("attributes", attributes), of)
    if excluded and excluded.strip():
        return _tree(_bounded("excludedAttributes", excluded), of).get(name, {}) is not None
    return True


def _bounded(name: str, names: str) -> str:
    if len(names) > LONGEST:
        raise InvalidValue(f"{name} has {len(names)} characters, and {LONGEST} is the most: name less")
    return names


@lru_cache(maxsize=512)
def _tree(names: str, of: Schema) -> Tree:
    tree: Tree = {}
    # Microsoft's published tests ask for emails[type eq "work"]: that there are such is what can be told.
    for name in _BRACKETS.sub("", names).split(","):
        _plant(tree, _keys(name.strip(), of))
    return tree


def _plant(tree: Tree, keys: list[str]) -> None:
    branch = tree
    for key in keys[:-1]:
        below = branch.setdefault(key, {})
        if below is None:
            return
        branch = below
    branch[keys[-1]] = None


def _keys(name: str, of: Schema) -> list[str]:
    found = place(name, of)
    if found is None or found.kind in (Kind.IGNORED, Kind.READ_ONLY):
        # What is ours: id, meta.location, a user's groups.
        prefix = f"{of.core.lower()}:"
        return name.lower().removeprefix(prefix).split(".")
    return [key.lower() for key in found.keys]


def _only(value: Any, tree: Tree | None) -> Any:
    if tree is None:
        return value
    if isinstance(value, list):
        return [part for part in (_only(each, tree) for each in value) if part] or None
    if not isinstance(value, dict):
        return value
    found = {name: _only(part, tree[name.lower()]) for name, part in value.items() if name.lower() in tree}
    return {name: part for name, part in found.items() if part is not None} or None


def _but(value: Any, tree: Tree | None) -> Any:
    if tree is None:
        return None
    if isinstance(value, list):
        return [part for part in (_but(each, tree) for each in value) if part] or None
    if not isinstance(value, dict):
        return value
    found = {name: _but(part, tree[name.lower()]) if name.lower() in tree else part for name, part in value.items()}
    return {name: part for name, part in found.items() if part is not None} or None
