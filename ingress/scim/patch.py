"""PATCH (RFC 7644 §3.5.2): a body parsed to steps once, and the steps applied to a document, all or none.

Where the RFC would answer noTarget for a filter that finds nothing, the element is made (contract C13):
Entra relies on it. Nothing here changes a document in place.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, cast

from ingress.scim import steps
from ingress.scim.errors import InvalidFilter, InvalidPath, InvalidSyntax, InvalidValue, Mutability, NoTarget, quote
from ingress.scim.filters import Comparison, Either, Every, Node, Not, Selection, compared, pairs, predicate, read
from ingress.scim.forms import MANY, custom_value, element_parts, manager_id, op_name, parts, single_manager, take
from ingress.scim.intake import LONGEST_NAME, REQUIRED, members, require_name, with_schemas
from ingress.scim.schema import SUB_PLACES, SUBS, USER, Kind, Place, Schema, is_password, member, place
from ingress.scim.steps import Element, Step, Target
from models.resource import Document

LONGEST_PATH = 1000
MOST_OPERATIONS = 200
MOST_STEPS = 1_000  # attributes that all of them change: each makes another document
OPS = frozenset({"add", "replace", "remove"})

_PATH = re.compile(r'(?P<name>[^\s"\[\]]+)(?:\[(?P<where>.*)\](?:\.(?P<sub>[^\s"\[\].]+))?)?', re.DOTALL)
_IGNORED = Place(None, "ignored", None, Kind.IGNORED)
_MISSING = object()
MANAGER_VALUE = SUB_PLACES["manager"]["value"]


@dataclass(frozen=True, slots=True)
class Patch:
    """A validated PATCH body for a resource of one type."""

    steps: tuple[Step, ...]
    of: Schema


def parse(body: dict[str, Any], of: Schema = USER) -> Patch:
    """The steps of a body, or why it is refused."""
    operations = member(body, "operations")
    if not isinstance(operations, list) or not operations:
        raise InvalidSyntax("a PATCH needs a list of Operations: send at least one")
    if len(operations) > MOST_OPERATIONS:
        raise InvalidSyntax(f"{len(operations)} Operations arrived, and {MOST_OPERATIONS} is the most: send fewer")
    every = (step for operation in operations for step in _steps(operation, of))
    found = tuple(islice(every, MOST_STEPS + 1))
    if len(found) > MOST_STEPS:
        raise InvalidSyntax(f"the Operations change more than {MOST_STEPS:,} attributes: send them in several requests")
    return Patch(found, of)


def apply(patch: Patch, document: Document) -> Document:
    """The document after all of the steps; the one that was given stays as it is.

    A group's may have `members`, what the steps do to those (`models.group.Members`).
    """
    patched = {**document}
    for step in patch.steps:
        patched = step.apply(patched, step)
    require_name(patched, patch.of)
    return with_schemas(patched, patch.of)


def _steps(operation: Any, of: Schema) -> Iterator[Step]:
    if not isinstance(operation, dict):
        raise InvalidSyntax(f"each of Operations is an object, and {quote(operation)} arrived: send op, path and value")
    op, path = op_name(member(operation, "op")), member(operation, "path")
    if not isinstance(op, str) or op not in OPS:
        raise InvalidSyntax(f"op takes add, replace or remove, and {quote(op)} arrived: send one of them")
    value = member(operation, "value", _MISSING)
    if value is _MISSING and op != "remove":
        raise InvalidValue(f"{op} needs a value, and none arrived: send one, or null to unset the attribute")
    if path is None or path == "":
        return _of_members(op, value, of)
    if not isinstance(path, str):
        raise InvalidPath(f"path takes text, and {quote(path)} arrived: send an attribute's name")
    return _expand(op, target(path.strip(), of), None if value is _MISSING else value, of)


def _of_members(op: str, value: Any, of: Schema) -> Iterator[Step]:
    if op == "remove":
        # RFC 7644 §3.5.2.2
        raise NoTarget("a remove needs a path: name the attribute to remove")
    if not isinstance(value, dict):
        raise InvalidValue(f"without a path, value takes an object of attributes, and {quote(value)} arrived: send one")
    for key, given in value.items():
        target = _of_key(key, of)
        if target is not None:
            yield from _expand(op, target, given, of)


def _of_key(key: str, of: Schema) -> Target | None:
    # Entra's flag sends dotted names, URNs and even filters as keys (C12). What names nothing is ignored (C19).
    if "[" in key:
        return target(key, of)
    where = place(key, of) if len(key) <= LONGEST_NAME else None
    return None if where is None else Target(where, may_be_extension=_may_be_extension(where, of))


def _may_be_extension(where: Place, of: Schema) -> bool:
    """Whether a path under an unknown URN may be all of an extension's: what the user has tells (`assign_custom`)."""
    if where.kind is not Kind.CUSTOM or where.sub or where.owner in of.owners:
        return False
    return not (where.owner or "").lower().endswith(f":{of.name.lower()}")


def target(path: str, of: Schema = USER) -> Target:
    """What a path leads to, or why it leads nowhere."""
    if len(path) > LONGEST_PATH:
        raise InvalidPath(f"the path has {len(path)} characters, and {LONGEST_PATH} is the most: shorten it")
    return _target(path, of)


@lru_cache(maxsize=4096)
def _target(path: str, of: Schema) -> Target:
    written = _PATH.fullmatch(path)
    found = place(written["name"], of) if written else None
    if written is None or found is None:
        raise InvalidPath(f"the path {quote(path)} names no attribute of a {of.name}: check its spelling")
    if found.kind is Kind.IGNORED:
        return Target(_IGNORED)
    if found.kind is Kind.READ_ONLY:
        raise Mutability(f"{found.name} is read-only here: leave it out")
    if written["where"] is None:
        return Target(found, may_be_extension=_may_be_extension(found, of))
    return _selecting(path, found, written["where"], written["sub"])


def _selecting(path: str, found: Place, text: str, sub: str | None) -> Target:
    if found.sub or found.kind not in (Kind.MANY, Kind.MANAGER, Kind.CUSTOM, Kind.MEMBERS):
        raise InvalidPath(f"the path {quote(path)} filters {found.label}, which has one value: leave the filter out")
    try:
        selects = read(text)
    except InvalidFilter as refusal:
        raise InvalidPath(f"the path {quote(path)} cannot be read: {refusal.detail}") from None
    if found.kind is Kind.MEMBERS:
        if sub is not None:
            raise Mutability(f"the path {quote(path)} changes part of a member: remove the member and add another")
        return Target(found, predicate(selects), _chosen(path, selects))
    for name in compared(selects):
        _sub(path, found, name)
    if found.kind is Kind.MANAGER:
        # There is but one manager: what selects it matters to a remove alone.
        return Target(found, predicate(selects)) if sub is None else Target(_sub(path, found, sub))
    exact = frozenset({"value"}) if found.name in steps.CASE_EXACT else frozenset()
    return Target(found if sub is None else _sub(path, found, sub), predicate(selects, exact), _made_of(found, selects))


def _chosen(path: str, selects: Node) -> Element:
    """The ids that a filter on members names, and among them those of `eq`, of which members are made (C13).

    A filter that asks for anything else cannot be told without all members.
    """
    terms = list(_terms(selects))
    if any(term.path.lower() != "value" or term.operator not in ("eq", "ne") for term, _ in terms):
        raise InvalidPath(f'the path {quote(path)} cannot select members: write members[value eq "id"]')
    wanted = [str(term.value) for term, holds in terms if (term.operator == "eq") is holds]
    return {"ids": [str(term.value) for term, _ in terms], "made": wanted}


def _terms(node: Node, holds: bool = True) -> Iterator[tuple[Comparison, bool]]:
    """The comparisons in a filter, each with whether it is to hold or, below a `not`, to fail."""
    match node:
        case Every(terms) | Either(terms):
            for term in terms:
                yield from _terms(term, holds)
        case Not(term):
            yield from _terms(term, not holds)
        case Selection(_, term):
            yield from _terms(term, holds)
        case Comparison():
            yield node, holds


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


def _expand(op: str, found: Target, value: Any, of: Schema) -> Iterator[Step]:
    where = found.place
    removes = op == "remove"
    match where.kind:
        case Kind.IGNORED | Kind.READ_ONLY:
            return
        case Kind.EXTENSION:
            yield from _extension(op, where, value, of)
        case Kind.MEMBERS:
            yield Step(steps.change_members, op, found, _member_ids(op, found, value))
        case Kind.COMPLEX if value not in (None, "") and not removes:
            for name, part in _merged(where, value).items():
                yield Step(steps.assign, op, Target(SUB_PLACES[where.name][name]), part)
        case Kind.MANAGER:
            yield Step(steps.assign_manager, op, found, None if removes else _manager(where, value))
        case _ if _is_many(found):
            yield from _many(op, found, value)
        case _:
            yield _single(op, found, value, of)


def _is_many(found: Target) -> bool:
    where = found.place
    return found.selects is not None or (where.owner is None and where.name in MANY)


def _single(op: str, found: Target, value: Any, of: Schema) -> Step:
    where = found.place
    _refuse_removal(op, where, of)
    if where.kind is Kind.CUSTOM:
        listed = op != "remove" or isinstance(value, list)  # what a remove lists is removed alone, as elsewhere
        return Step(steps.assign_custom, op, found, custom_value(where, value) if listed else None)
    taken = None if op == "remove" else take(where, value)
    if where == MANAGER_VALUE:
        # Without its value a manager is nobody (C16): what else was said of the former one goes with it.
        return Step(steps.assign_manager, op, found, {"value": taken} if taken is not None else None)
    return Step(steps.assign, op, found, taken)


def _refuse_removal(op: str, where: Place, of: Schema) -> None:
    required = REQUIRED[of.name]
    if op == "remove" and where.keys == (required,):
        # RFC 7643 §7: required attributes SHALL NOT be removed.
        raise Mutability(f"{required} is required and cannot be removed: replace it instead")


def _member_ids(op: str, found: Target, value: Any) -> list[str] | None:
    """The ids that an operation on members names; None where a remove names none, and means all."""
    if found.place.sub is not None:
        raise Mutability("a part of members cannot be changed: remove the member and add another")
    if op == "remove" and (value is None or value == ""):
        return None
    return cast(list[str], take(found.place, value))


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


def _extension(op: str, where: Place, value: Any, of: Schema) -> Iterator[Step]:
    if op == "remove" or value in (None, ""):
        if where.owner != of.core:
            yield Step(steps.drop_extension, op, Target(where), None)
        return
    for inner, given in members(where, value, of, keep_empty=True):
        yield from _expand(op, Target(inner), given, of)


def _many(op: str, found: Target, value: Any) -> Iterator[Step]:
    where = found.place
    if where.sub is not None:
        yield Step(steps.assign_in_elements, op, found, None if op == "remove" else take(where, value))
    elif found.selects is None:
        elements = take(where, value) or []
        # What a remove lists is removed alone (Entra's way); an empty list is nothing, no value is all.
        if not (op == "remove" and isinstance(value, list | dict) and not elements):
            yield Step(steps.CHANGES[op], op, found, elements)
    elif op == "remove" or value in (None, "", []):
        yield Step(steps.remove_selected, op, found, None)
    else:
        # What an object says is merged: null unsets one part, and an empty one changes nothing (C14).
        yield from (Step(steps.merge_selected, op, found, each) for each in element_parts(where, value) if each)
