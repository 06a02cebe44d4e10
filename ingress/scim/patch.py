"""PATCH (RFC 7644 §3.5.2): a body parsed to steps once, and the steps applied to a document, all or none.

Where the RFC would answer noTarget for a filter that finds nothing, the element is made (contract C13):
Entra relies on it. Nothing here changes a document in place.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ingress.scim.errors import InvalidFilter, InvalidPath, InvalidSyntax, InvalidValue, Mutability, NoTarget, quote
from ingress.scim.intake import (
    MOST_VALUES,
    Document,
    manager_id,
    members,
    parts,
    place_of_key,
    require_user_name,
    single_manager,
    take,
    with_schemas,
)
from ingress.scim.query import Node, compared, holds, pairs, where
from ingress.scim.schema import CORE, SUB_PLACES, SUBS, Kind, Place, place
from models.attributes import ENTERPRISE

LONGEST_PATH = 1000
MOST_OPERATIONS = 200
OPS = frozenset({"add", "replace", "remove"})

_PATH = re.compile(r'(?P<name>[^\s"\[\]]+)(?:\[(?P<where>.*)\](?:\.(?P<sub>[^\s"\[\].]+))?)?', re.DOTALL)
_IGNORED = Place(None, "ignored", None, Kind.IGNORED)
_MISSING = object()
Element = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """What a path leads to; `selects` picks elements of a multi-valued attribute, None takes all of it."""

    place: Place
    selects: Node | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One change to one attribute. `value` is in its stored form; None unsets."""

    apply: Callable[[Document, "Step"], Document]
    op: str
    target: Target
    value: Any


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
    op, path = _member(operation, "op"), _member(operation, "path")
    # Entra sends 'Add', 'Replace' and 'Remove' (C10).
    if not isinstance(op, str) or op.lower() not in OPS:
        raise InvalidSyntax(f"op takes add, replace or remove, and {quote(op)} arrived: send one of them")
    value = _member(operation, "value", _MISSING if op.lower() != "remove" else None)
    if value is _MISSING:
        raise InvalidValue(f"{op} needs a value, and none arrived: send one, or null to unset the attribute")
    if path is None or path == "":
        return _of_members(op.lower(), value)
    if not isinstance(path, str):
        raise InvalidPath(f"path takes text, and {quote(path)} arrived: send an attribute's name")
    return _expand(op.lower(), _whole(target(path.strip()), value), value)


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
    where_ = place_of_key(key, member)
    return None if where_ is None else Target(where_)


def _whole(found: Target, value: Any) -> Target:
    """A path that ends in an unknown URN may mean all of an extension: an object says so."""
    where_ = found.place
    owner = where_.owner or ""
    if where_.kind is not Kind.CUSTOM or where_.sub or found.selects or not isinstance(value, dict):
        return found
    if owner in (CORE, ENTERPRISE) or owner.lower().endswith(":user"):
        return found
    return Target(Place(f"{owner}:{where_.name}", "", None, Kind.EXTENSION))


def target(path: str) -> Target:
    """What a path leads to, or why it leads nowhere."""
    if len(path) > LONGEST_PATH:
        raise InvalidPath(f"the path has {len(path)} characters, and {LONGEST_PATH} is the most: shorten it")
    return _target(path)


@lru_cache(maxsize=4096)
def _target(path: str) -> Target:
    read = _PATH.fullmatch(path)
    found = place(read["name"]) if read else None
    if read is None or found is None:
        raise InvalidPath(f"the path {quote(path)} names no attribute of a User: check its spelling")
    if found.kind is Kind.IGNORED:
        return Target(_IGNORED)
    if read["where"] is None:
        return Target(found)
    return _selecting(path, found, read["where"], read["sub"])


def _selecting(path: str, found: Place, text: str, sub: str | None) -> Target:
    if found.sub or found.kind not in (Kind.MANY, Kind.MANAGER, Kind.CUSTOM):
        raise InvalidPath(f"the path {quote(path)} filters {found.label}, which has one value: leave the filter out")
    try:
        selects = where(text)
    except InvalidFilter as refusal:
        raise InvalidPath(f"the path {quote(path)} cannot be read: {refusal.detail}") from None
    for name in compared(selects):
        _sub(path, found, name)
    if sub is None:
        return Target(found, selects)
    # There is but one manager: what selects it adds nothing.
    return Target(_sub(path, found, sub), None if found.kind is Kind.MANAGER else selects)


def _sub(path: str, found: Place, name: str) -> Place:
    if found.kind is Kind.CUSTOM:
        kind = Kind.IGNORED if name.lower() == "password" else Kind.CUSTOM
        return Place(found.owner, found.name, name, kind)
    inner = SUB_PLACES[found.name].get(name.lower())
    if inner is None:
        raise InvalidPath(
            f"the path {quote(path)} names {quote(name)}, which {found.name} does not have:"
            f" use {', '.join(SUBS[found.name].values())}"
        )
    return inner


def _expand(op: str, found: Target, value: Any) -> Iterator[Step]:
    where_ = found.place
    removes = op == "remove"
    match where_.kind:
        case Kind.IGNORED:
            return
        case Kind.EXTENSION:
            yield from _extension(op, where_, value)
        case Kind.COMPLEX if value not in (None, "") and not removes:
            for name, part in _merged(where_, value).items():
                yield Step(_set, op, Target(SUB_PLACES[where_.name][name]), part)
        case Kind.MANAGER:
            yield Step(_set_manager, op, found, None if removes else _manager(where_, value))
        case _ if _is_many(found):
            yield from _many(op, found, value)
        case Kind.CUSTOM:
            yield Step(_set_custom, op, found, None if removes else take(where_, value))
        case _:
            _refuse_removal(op, where_)
            yield Step(_set, op, found, None if removes else take(where_, value))


def _is_many(found: Target) -> bool:
    where_ = found.place
    return found.selects is not None or (where_.owner is None and where_.name in _MANY)


_MANY = frozenset(name for name, inner in SUB_PLACES.items() if "type" in inner)


def _refuse_removal(op: str, where_: Place) -> None:
    if op == "remove" and where_.keys == ("userName",):
        # RFC 7643 §7: required attributes SHALL NOT be removed.
        raise Mutability("userName is required and cannot be removed: replace it instead")


def _merged(where_: Place, value: Any) -> Element:
    if not isinstance(value, dict):
        raise InvalidValue(f"{where_.label} takes an object, and {quote(value)} arrived: send an object")
    return parts(where_, value, keep_empty=True)


def _manager(where_: Place, value: Any) -> Element | None:
    value = single_manager(value)
    if isinstance(value, dict):
        return parts(where_, manager_id(value), keep_empty=True) or None
    found: Element | None = take(where_, value)
    return found


def _extension(op: str, where_: Place, value: Any) -> Iterator[Step]:
    if op == "remove" or value in (None, ""):
        if where_.owner != CORE:
            yield Step(_drop_extension, op, Target(where_), None)
        return
    for inner, member in members(where_, value, keep_empty=True):
        yield from _expand(op, Target(inner), member)


def _many(op: str, found: Target, value: Any) -> Iterator[Step]:
    where_ = found.place
    if where_.sub is not None:
        yield Step(_set_in_elements, op, found, None if op == "remove" else take(where_, value))
        return
    elements = take(where_, value) or []
    if where_.kind is Kind.CUSTOM and not isinstance(elements, list):
        elements = [elements]
    if found.selects is None:
        # What a remove lists is removed alone (Entra's way); an empty list is nothing, no value is all.
        if not (op == "remove" and isinstance(value, list | dict) and not elements):
            yield Step(_CHANGES[op], op, found, elements)
    elif op == "remove" or not elements:
        yield Step(_remove_selected, op, found, None)
    else:
        yield from (Step(_merge_selected, op, found, each) for each in elements if isinstance(each, dict))


def _set(document: Document, step: Step) -> Document:
    where_ = step.target.place
    if where_.kind is Kind.BOOLEAN and step.value is None and where_.sub is None:
        return document  # no word about `active` leaves the state as it is, as in a PUT (C19)
    return _with(document, where_.keys, step.value)


def _set_custom(document: Document, step: Step) -> Document:
    where_ = step.target.place
    whole = Place(f"{where_.owner}:{where_.name}", "", None, Kind.CUSTOM)
    keys = _actual(document, whole)
    if where_.sub or keys[0] not in document:
        return _with(document, _actual(document, where_), step.value)
    # The path is the URN of an extension that the user has.
    if step.value is None or not isinstance(step.value, dict):
        return _with(document, keys, None)
    return _with(document, keys, {**document[keys[0]], **step.value})


def _actual(document: Document, where_: Place) -> tuple[str, ...]:
    """The keys of a place, those of an unknown extension spelt as the document already has them."""
    if where_.kind is not Kind.CUSTOM:
        return where_.keys
    spelt: list[str] = []
    inside: Any = document
    for key in where_.keys:
        if isinstance(inside, dict) and key not in inside:
            key = next((name for name in inside if name.lower() == key.lower()), key)
        spelt.append(key)
        inside = inside.get(key) if isinstance(inside, dict) else None
    return tuple(spelt)


def _with(container: Document, keys: tuple[str, ...], value: Any) -> Document:
    first, *rest = keys
    if rest:
        inside = container.get(first)
        value = _with(inside if isinstance(inside, dict) else {}, tuple(rest), value) or None
    if value is None or value == []:
        return {key: kept for key, kept in container.items() if key != first} if first in container else container
    return {**container, first: value}


def _drop_extension(document: Document, step: Step) -> Document:
    return _without(document, step.target.place.owner or "")


def _without(document: Document, urn: str) -> Document:
    return {key: value for key, value in document.items() if key.lower() != urn.lower()}


def _set_manager(document: Document, step: Step) -> Document:
    present = document.get(ENTERPRISE, {}).get("manager", {})
    selects = step.target.selects
    if selects is not None and step.op == "remove" and not holds(selects, present):
        return document
    return _with(document, (ENTERPRISE, "manager"), _next_manager(present, step))


def _next_manager(present: Element, step: Step) -> Element | None:
    if step.value is None:
        return None
    # A merge (C14), but another manager does not inherit the former one's name.
    kept = {} if "value" in step.value and step.value["value"] != present.get("value") else present
    named = {**kept, **step.value}
    return {name: part for name, part in named.items() if part is not None} or None


def _elements(document: Document, keys: tuple[str, ...]) -> list[Any]:
    inside: Any = document
    for key in keys:
        inside = inside.get(key) if isinstance(inside, dict) else None
    return inside if isinstance(inside, list) else []


def _change(document: Document, step: Step, change: Callable[[list[Any]], list[Any]]) -> Document:
    where_ = step.target.place
    keys = _actual(document, Place(where_.owner, where_.name, None, where_.kind))
    present = _elements(document, keys)
    changed = change(present)
    if len(changed) > max(MOST_VALUES, len(present)):
        raise InvalidValue(f"{where_.name} takes at most {MOST_VALUES} values: remove some before adding more")
    if step.op != "remove":
        changed = _one_primary(present, changed)
    return _with(document, keys, [each for each in changed if each])


def _one_primary(before: list[Any], after: list[Any]) -> list[Any]:
    """RFC 7644 §3.5.2: when an operation sets a primary, the others become false."""
    was = [_is_primary(each) for each in before] + [False] * len(after)
    new = {n for n, each in enumerate(after) if _is_primary(each) and not was[n]}
    if not new:
        return after
    return [{**each, "primary": False} if _is_primary(each) and n not in new else each for n, each in enumerate(after)]


def _is_primary(each: Any) -> bool:
    return isinstance(each, dict) and each.get("primary") is True


def _add(document: Document, step: Step) -> Document:
    def added(present: list[Any]) -> list[Any]:
        elements = list(present)
        known: dict[tuple[Any, ...], int] = {}
        for number, each in enumerate(present):
            known.setdefault(_identity(each), number)
        for new in step.value:
            number = known.setdefault(_identity(new), len(elements))
            if number == len(elements):
                elements.append(new)
            else:
                elements[number] = {**elements[number], **new}
        return elements

    return _change(document, step, added)


def _identity(each: Element) -> tuple[Any, ...]:
    """What makes two elements the same: value and type, whatever the rest says; else all of it."""
    if "value" in each:
        return each["value"], each.get("type")
    return tuple(sorted(each.items()))


def _replace(document: Document, step: Step) -> Document:
    return _with(document, step.target.place.keys, step.value)


def _remove(document: Document, step: Step) -> Document:
    """All of it, or only what is listed: by value, and by type where one is given."""
    listed: list[Element] = step.value
    values = {each["value"] for each in listed if "value" in each and "type" not in each}
    others = {_identity(each) for each in listed if "value" not in each or "type" in each}

    def kept(present: list[Any]) -> list[Any]:
        if not listed:
            return []
        return [each for each in present if each.get("value") not in values and _identity(each) not in others]

    return _change(document, step, kept)


_CHANGES: dict[str, Callable[[Document, Step], Document]] = {"add": _add, "replace": _replace, "remove": _remove}


def _remove_selected(document: Document, step: Step) -> Document:
    return _change(document, step, lambda present: [each for each in present if not _selected(step, each)])


def _merge_selected(document: Document, step: Step) -> Document:
    return _change(document, step, lambda present: _merge(present, step, step.value))


def _set_in_elements(document: Document, step: Step) -> Document:
    sub = step.target.place.last
    if step.value is not None:
        return _change(document, step, lambda present: _merge(present, step, {sub: step.value}))

    def without(present: list[Any]) -> list[Any]:
        return [
            {name: part for name, part in each.items() if name != sub} if _selected(step, each) else each
            for each in present
        ]

    return _change(document, step, without)


def _selected(step: Step, each: Any) -> bool:
    return isinstance(each, dict) and (step.target.selects is None or holds(step.target.selects, each))


def _merge(present: list[Any], step: Step, new: Element) -> list[Any]:
    found = [_selected(step, each) for each in present]
    if any(found):
        return [{**each, **new} if hit else each for each, hit in zip(present, found, strict=True)]
    return [*present, {**_made_of(step), **new}]


def _made_of(step: Step) -> Element:
    """A new element out of the filter's `eq` pairs (C13)."""
    selects, where_ = step.target.selects, step.target.place
    if selects is None:
        return {}
    made = pairs(selects)
    if not made:
        raise NoTarget(
            f"no value of {where_.name} matches the path's filter, and it has no eq to make one of: add type eq"
        )
    if where_.kind is Kind.CUSTOM:
        return take(where_, made) or {}
    return parts(Place(where_.owner, where_.name, None, Kind.MANY), made)
