"""PATCH (RFC 7644 §3.5.2): a body parsed to steps once, and the steps applied to a document, all or none.

Where the RFC would answer noTarget for a filter that finds nothing, the element is made (contract C13):
Entra relies on it. Nothing here changes a document in place.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ingress.scim import steps
from ingress.scim.errors import InvalidFilter, InvalidPath, InvalidSyntax, InvalidValue, Mutability, NoTarget, quote
from ingress.scim.filters import Node, compared, pairs, predicate, read
from ingress.scim.forms import manager_id, op_name, parts, single_manager, take
from ingress.scim.intake import members, place_of_key, require_user_name, with_schemas
from ingress.scim.schema import CORE, SUB_PLACES, SUBS, Kind, Place, is_password, place
from ingress.scim.steps import Document, Element, Step, Target
from models.attributes import ENTERPRISE

LONGEST_PATH = 1000
MOST_OPERATIONS = 200
OPS = frozenset({"add", "replace", "remove"})

_PATH = re.compile(r'(?P<name>[^\s"\[\]]+)(?:\[(?P<where>.*)\](?:\.(?P<sub>[^\s"\[\].]+))?)?', re.DOTALL)
_IGNORED = Place(None, "ignored", None, Kind.IGNORED)
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Patch:
    """A validated PATCH body."""

    steps: tuple[Step, ...]


def parse(body: dict[str, Any]) -> Patch:
    """The steps of a body, or why it is refused."""
    operations = _member(body, "operations")
    if not isinstance(operations, list) or not operations:
        raise InvalidSyntax("a PATCH needs a list of Operations: send at least one")
    if len(operations) > MOST_OPERATIONS:
        raise InvalidSyntax(f"{len(operations)} Operations arrived, and {MOST_OPERATIONS} is the most: send fewer")
    return Patch(tuple(step for operation in operations for step in _steps(operation)))


def apply(patch: Patch, document: Document) -> Document:
    """The document after all of the steps; the one that was given stays as it is."""
    patched = {**document}
    for step in patch.steps:
        patched = step.apply(patched, step)
    require_user_name(patched)
    return with_schemas(patched)


def _member(body: dict[str, Any], name: str, default: Any = None) -> Any:
    if name in body:
        return body[name]
    return next((value for key, value in body.items() if key.lower() == name), default)


def _steps(operation: Any) -> Iterator[Step]:
    if not isinstance(operation, dict):
        raise InvalidSyntax(f"each of Operations is an object, and {quote(operation)} arrived: send op, path and value")
    op, path = op_name(_member(operation, "op")), _member(operation, "path")
    if not isinstance(op, str) or op not in OPS:
        raise InvalidSyntax(f"op takes add, replace or remove, and {quote(op)} arrived: send one of them")
    value = _member(operation, "value", _MISSING)
    if value is _MISSING and op != "remove":
        raise InvalidValue(f"{op} needs a value, and none arrived: send one, or null to unset the attribute")
    if path is None or path == "":
        return _of_members(op, value)
    if not isinstance(path, str):
        raise InvalidPath(f"path takes text, and {quote(path)} arrived: send an attribute's name")
    return _expand(op, _whole(target(path.strip()), value), None if value is _MISSING else value)


def _of_members(op: str, value: Any) -> Iterator[Step]:
    if op == "remove":
        # RFC 7644 §3.5.2.2
        raise NoTarget("a remove needs a path: name the attribute to remove")
    if not isinstance(value, dict):
        raise InvalidValue(f"without a path, value takes an object of attributes, and {quote(value)} arrived: send one")
    for key, member in value.items():
        target = _of_key(key, member)
        if target is not None:
            yield from _expand(op, target, member)


def _of_key(key: str, member: Any) -> Target | None:
    # Entra's flag sends dotted names, URNs and even filters as keys (C12). What names nothing is ignored (C19).
    if "[" in key:
        return target(key)
    where = place_of_key(key, member)
    return None if where is None else Target(where)


def _whole(found: Target, value: Any) -> Target:
    """A path that ends in an unknown URN may mean all of an extension: an object says so."""
    where = found.place
    owner = where.owner or ""
    if where.kind is not Kind.CUSTOM or where.sub or found.selects or not isinstance(value, dict):
        return found
    if owner in (CORE, ENTERPRISE) or owner.lower().endswith(":user"):
        return found
    return Target(Place(f"{owner}:{where.name}", "", None, Kind.EXTENSION))


def target(path: str) -> Target:
    """What a path leads to, or why it leads nowhere."""
    if len(path) > LONGEST_PATH:
        raise InvalidPath(f"the path has {len(path)} characters, and {LONGEST_PATH} is the most: shorten it")
    return _target(path)


@lru_cache(maxsize=4096)
def _target(path: str) -> Target:
    written = _PATH.fullmatch(path)
    found = place(written["name"]) if written else None
    if written is None or found is None:
        raise InvalidPath(f"the path {quote(path)} names no attribute of a User: check its spelling")
    if found.kind is Kind.IGNORED:
        return Target(_IGNORED)
    if written["where"] is None:
        return Target(found)
    return _selecting(path, found, written["where"], written["sub"])


def _selecting(path: str, found: Place, text: str, sub: str | None) -> Target:
    if found.sub or found.kind not in (Kind.MANY, Kind.MANAGER, Kind.CUSTOM):
        raise InvalidPath(f"the path {quote(path)} filters {found.label}, which has one value: leave the filter out")
    try:
        selects = read(text)
    except InvalidFilter as refusal:
        raise InvalidPath(f"the path {quote(path)} cannot be read: {refusal.detail}") from None
    for name in compared(selects):
        _sub(path, found, name)
    if found.kind is Kind.MANAGER:
        # There is but one manager: what selects it matters to a remove alone.
        return Target(found, predicate(selects)) if sub is None else Target(_sub(path, found, sub))
    return Target(found if sub is None else _sub(path, found, sub), predicate(selects), _made_of(found, selects))


def _made_of(found: Place, selects: Node) -> Element:
    made = pairs(selects)
    if found.kind is Kind.CUSTOM:
        return take(found, made) or {}
    return parts(found, made)


def _sub(path: str, found: Place, name: str) -> Place:
    if found.kind is Kind.CUSTOM:
        kind = Kind.IGNORED if is_password(name) else Kind.CUSTOM
        return Place(found.owner, found.name, name, kind)
    inner = SUB_PLACES[found.name].get(name.lower())
    if inner is None:
        raise InvalidPath(
            f"the path {quote(path)} names {quote(name)}, which {found.name} does not have:"
            f" use {', '.join(SUBS[found.name].values())}"
        )
    return inner


def _expand(op: str, found: Target, value: Any) -> Iterator[Step]:
    where = found.place
    removes = op == "remove"
    match where.kind:
        case Kind.IGNORED:
            return
        case Kind.EXTENSION:
            yield from _extension(op, where, value)
        case Kind.COMPLEX if value not in (None, "") and not removes:
            for name, part in _merged(where, value).items():
                yield Step(steps.assign, op, Target(SUB_PLACES[where.name][name]), part)
        case Kind.MANAGER:
            yield Step(steps.assign_manager, op, found, None if removes else _manager(where, value))
        case _ if _is_many(found):
            yield from _many(op, found, value)
        case Kind.CUSTOM:
            yield Step(steps.assign_custom, op, found, None if removes else take(where, value))
        case _:
            _refuse_removal(op, where)
            yield Step(steps.assign, op, found, None if removes else take(where, value))


def _is_many(found: Target) -> bool:
    where = found.place
    return found.selects is not None or (where.owner is None and where.name in _MANY)


_MANY = frozenset(name for name, inner in SUB_PLACES.items() if "type" in inner)


def _refuse_removal(op: str, where: Place) -> None:
    if op == "remove" and where.keys == ("userName",):
        # RFC 7643 §7: required attributes SHALL NOT be removed.
        raise Mutability("userName is required and cannot be removed: replace it instead")


def _merged(where: Place, value: Any) -> Element:
    if not isinstance(value, dict):
        raise InvalidValue(f"{where.label} takes an object, and {quote(value)} arrived: send an object")
    return parts(where, value, keep_empty=True)


def _manager(where: Place, value: Any) -> Element | None:
    value = single_manager(value)
    if isinstance(value, dict):
        return parts(where, manager_id(value), keep_empty=True) or None
    found: Element | None = take(where, value)
    return found


def _extension(op: str, where: Place, value: Any) -> Iterator[Step]:
    if op == "remove" or value in (None, ""):
        if where.owner != CORE:
            yield Step(steps.drop_extension, op, Target(where), None)
        return
    for inner, member in members(where, value, keep_empty=True):
        yield from _expand(op, Target(inner), member)


def _many(op: str, found: Target, value: Any) -> Iterator[Step]:
    where = found.place
    if where.sub is not None:
        yield Step(steps.assign_in_elements, op, found, None if op == "remove" else take(where, value))
        return
    elements = take(where, value) or []
    if where.kind is Kind.CUSTOM and not isinstance(elements, list):
        elements = [elements]
    if found.selects is None:
        # What a remove lists is removed alone (Entra's way); an empty list is nothing, no value is all.
        if not (op == "remove" and isinstance(value, list | dict) and not elements):
            yield Step(steps.CHANGES[op], op, found, elements)
    elif op == "remove" or not elements:
        yield Step(steps.remove_selected, op, found, None)
    else:
        yield from (Step(steps.merge_selected, op, found, each) for each in elements if isinstance(each, dict))
