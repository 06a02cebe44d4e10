"""What a PATCH does to a document, one step at a time (RFC 7644 §3.5.2). Nothing is changed in place."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ingress.scim.errors import InvalidValue, NoTarget, quote
from ingress.scim.filters import Test
from ingress.scim.forms import MOST_ATTRIBUTES, MOST_VALUES
from ingress.scim.schema import Kind, Place
from models.attributes import ENTERPRISE
from models.group import SAME, Members, unknown_member
from models.resource import Document
from models.text import UUID, equality_key

Element = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """What a path leads to; `selects` picks elements of a multi-valued attribute, None takes all of it.

    `made_of` are the filter's eq pairs: what an element is made of that it did not find (C13).
    """

    place: Place
    selects: Test | None = None
    made_of: Element = field(default_factory=dict, compare=False)
    may_be_extension: bool = False  # of an unknown URN: all of an extension, or an attribute of one


@dataclass(frozen=True, slots=True)
class Step:
    """One change to one attribute. `value` is in its stored form; None unsets."""

    apply: Callable[[Document, "Step"], Document]
    op: str
    target: Target
    value: Any


def assign(document: Document, step: Step) -> Document:
    where = step.target.place
    if where.kind is Kind.BOOLEAN and step.value is None and step.op != "remove" and where.sub is None:
        return document  # no word about `active` leaves it as it is, as in a PUT (C19)
    return _with(document, where.keys, step.value)


def assign_custom(document: Document, step: Step) -> Document:
    where = step.target.place
    urn = _actual(document, Place(f"{where.owner}:{where.name}", "", None, Kind.CUSTOM))[0]
    owner = _actual(document, Place(where.owner, "", None, Kind.CUSTOM))[0]
    opens = step.target.may_be_extension and owner not in document and isinstance(step.value, dict)
    if not where.sub and (urn in document or opens):
        return _with(document, (urn,), _next_extension(urn, document.get(urn), step))
    keys = _actual(document, where)
    return _with(document, keys, _next_custom(_at(document, keys), step))


def _next_extension(urn: str, present: Any, step: Step) -> Any:
    if step.op == "remove" or step.value is None:
        return None
    if not isinstance(step.value, dict):
        raise InvalidValue(f"{urn} takes an object, and {quote(step.value)} arrived: send its attributes in one")
    return _set(_merged(step.target.place, present, step.value)) or None


def _merged(where: Place, present: Any, value: dict[str, Any]) -> dict[str, Any]:
    before = present if isinstance(present, dict) else {}
    merged = {**before, **value}
    if len(merged) > max(MOST_ATTRIBUTES, len(before)):
        raise InvalidValue(
            f"{where.label} takes at most {MOST_ATTRIBUTES:,} attributes: remove some before adding more"
        )
    return merged


def _next_custom(present: Any, step: Step) -> Any:
    """RFC 7644 §3.5.2 for what no schema describes: objects merge, an add to several values appends."""
    value = step.value
    if step.op == "remove" or value is None:
        several = isinstance(value, list) and isinstance(present, list)
        gone = set(map(_key, value)) if several else ()
        return [each for each in present if _key(each) not in gone] or None if several else None
    if isinstance(value, dict):
        return _set(_merged(step.target.place, present, value)) or None
    if step.op == "add" and isinstance(present, list):
        known = set(map(_key, present))
        added = [each for each in (value if isinstance(value, list) else [value]) if _key(each) not in known]
        return _checked(step.target.place, present, [*present, *added])
    return value


def _key(value: Any) -> Any:
    """What two values of an unknown extension are the same by: to compare each with each would take hours."""
    return msgspec.json.encode(value, order="deterministic") if isinstance(value, dict | list) else value


def _checked(where: Place, present: list[Any], changed: list[Any]) -> list[Any]:
    if len(changed) > max(MOST_VALUES, len(present)):
        raise InvalidValue(f"{where.name} takes at most {MOST_VALUES} values: remove some before adding more")
    return changed


def _at(document: Document, keys: tuple[str, ...]) -> Any:
    inside: Any = document
    for key in keys:
        inside = inside.get(key) if isinstance(inside, dict) else None
    return inside


def _actual(document: Document, where: Place) -> tuple[str, ...]:
    """The keys of a place in an unknown extension, spelt as the document already has them."""
    spelt: list[str] = []
    inside: Any = document
    for key in where.keys:
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


def change_members(document: Document, step: Step) -> Document:
    """Contract C18: add is a union, remove takes what it names, replace leaves nobody else."""
    members: Members = document.get("members", SAME)
    selects, ids = step.target.selects, step.value
    if selects is not None and step.op in ("remove", "replace"):
        members = _without_selected(members, selects, step.target.made_of["ids"])
    elif step.op == "replace":
        members = members.keep(())
    if step.op == "remove":
        if selects is None:
            members = members.keep(()) if ids is None else members.remove(known(ids))
    elif step.op == "replace":
        members = members.add(require_known(ids))
    else:
        members = _with_added(members, ids or (step.target.made_of["made"] if selects is not None else ids))
    return {**document, "members": members}


def _with_added(members: Members, ids: Iterable[str]) -> Members:
    """With these. What cannot be an id of ours is left out, and the log names it: Entra sends members by the
    hundred, and probes send made-up ones; one of them must not stop the others. An id that could be ours and
    is nobody's is refused where the members are written."""
    found = known(ids)
    return members.add(found).ignore(set(ids) - set(found))


def _without_selected(members: Members, selects: Test, named: list[str]) -> Members:
    """Without those for whom the filter holds, which says the same of everyone whom it does not name."""
    hit = {one for one in named if selects({"value": one, "type": "User"})}
    if selects({"value": "", "type": "User"}):
        return members.keep(known(set(named) - hit))
    return members.remove(known(hit))


def known(ids: Iterable[str]) -> list[str]:
    """Those that can be ids of ours; another names nobody."""
    return [one for one in ids if UUID.fullmatch(one)]


def require_known(ids: Iterable[str]) -> Iterable[str]:
    """The ids, refused where one cannot be ours."""
    for one in ids:
        if not UUID.fullmatch(one):
            raise unknown_member(one)
    return ids


def drop_extension(document: Document, step: Step) -> Document:
    return _without(document, step.target.place.owner or "")


def _without(document: Document, urn: str) -> Document:
    return {key: value for key, value in document.items() if key.lower() != urn.lower()}


def assign_manager(document: Document, step: Step) -> Document:
    present = document.get(ENTERPRISE, {}).get("manager", {})
    selects = step.target.selects
    if selects is not None and step.op == "remove" and not selects(present):
        return document
    return _with(document, (ENTERPRISE, "manager"), _next_manager(present, step))


def _next_manager(present: Element, step: Step) -> Element | None:
    if step.value is None:
        return None
    # A merge (C14), but another manager does not inherit the former one's name.
    kept = {} if "value" in step.value and step.value["value"] != present.get("value") else present
    return _set({**kept, **step.value}) or None


def _change(document: Document, step: Step, change: Callable[[list[Any]], list[Any]]) -> Document:
    where = step.target.place
    keys = where.keys if where.sub is None else where.keys[:-1]
    if where.kind is Kind.CUSTOM:
        keys = _actual(document, Place(where.owner, where.name, None, Kind.CUSTOM))
    found = _at(document, keys)
    present = found if isinstance(found, list) else []
    changed = _checked(where, present, change(present))
    if step.op != "remove":
        changed = _one_primary(present, changed)
    return _with(document, keys, [each for each in changed if each])


def _one_primary(before: list[Any], after: list[Any]) -> list[Any]:
    """RFC 7644 §3.5.2: when an operation sets a primary, the others become false."""
    known = len(before)
    new = {
        n
        for n, each in enumerate(after)
        if (n >= known or each is not before[n]) and _is_primary(each) and not (n < known and _is_primary(before[n]))
    }
    if not new:
        return after
    return [{**each, "primary": False} if _is_primary(each) and n not in new else each for n, each in enumerate(after)]


def _is_primary(each: Any) -> bool:
    return isinstance(each, dict) and each.get("primary") is True


def _add(document: Document, step: Step) -> Document:
    name = step.target.place.name

    def added(present: list[Any]) -> list[Any]:
        elements = list(present)
        known: dict[tuple[Any, ...], int] = {}
        for number, each in enumerate(present):
            known.setdefault(_identity(name, each), number)
        for new in step.value:
            number = known.setdefault(_identity(name, new), len(elements))
            if number == len(elements):
                elements.append(new)
            else:
                elements[number] = {**elements[number], **_others(new)}
        return elements

    return _change(document, step, added)


CASE_EXACT = frozenset({"x509Certificates"})  # base64 (RFC 7643 §4.1.2)


def _identity(name: str, each: Element) -> tuple[Any, ...]:
    """What makes two elements the same: value and type in any case, whatever the rest says; else all of it."""
    if "value" not in each:
        return tuple(sorted(each.items()))
    return each["value"] if name in CASE_EXACT else equality_key(each["value"]), each.get("type", "").lower()


def _others(new: Element) -> Element:
    """All but what it is the same by: that stays as it was spelt first."""
    return {name: part for name, part in new.items() if name not in ("value", "type")}


def _replace(document: Document, step: Step) -> Document:
    return _with(document, step.target.place.keys, step.value)


def _remove(document: Document, step: Step) -> Document:
    """All of it, or only what is listed: by value, and by type where one is given."""
    listed: list[Element] = step.value
    name = step.target.place.name
    values = {_identity(name, each)[0] for each in listed if "value" in each and "type" not in each}
    others = {_identity(name, each) for each in listed if "value" not in each or "type" in each}

    def is_listed(each: Element) -> bool:
        identity = _identity(name, each)
        return identity in others or ("value" in each and identity[0] in values)

    return _change(document, step, lambda present: [each for each in present if listed and not is_listed(each)])


CHANGES: dict[str, Callable[[Document, Step], Document]] = {"add": _add, "replace": _replace, "remove": _remove}


def remove_selected(document: Document, step: Step) -> Document:
    return _change(document, step, lambda present: [each for each in present if not _selected(step, each)])


def merge_selected(document: Document, step: Step) -> Document:
    return _change(document, step, lambda present: _merge(present, step, step.value))


def assign_in_elements(document: Document, step: Step) -> Document:
    sub = step.target.place.last
    if step.value is not None:
        return _change(document, step, lambda present: _merge(present, step, {sub: step.value}))

    def without(present: list[Any]) -> list[Any]:
        return [
            {name: part for name, part in _element(each).items() if name != sub} if _selected(step, each) else each
            for each in present
        ]

    return _change(document, step, without)


def _selected(step: Step, each: Any) -> bool:
    return step.target.selects is None or step.target.selects(_element(each))


def _element(each: Any) -> Element:
    """An element as an object: a plain one, of an unknown extension, is its own value."""
    return each if isinstance(each, dict) else {"value": each}


def _merge(present: list[Any], step: Step, new: Element) -> list[Any]:
    found = [_selected(step, each) for each in present]
    if any(found):
        return [_set({**_element(each), **new}) if hit else each for each, hit in zip(present, found, strict=True)]
    made = _set(new)
    return [*present, {**_made_of(step), **made}] if made else present


def _set(element: Element) -> Element:
    return {name: part for name, part in element.items() if part is not None}


def _made_of(step: Step) -> Element:
    """A new element out of the filter's `eq` pairs (C13)."""
    target = step.target
    if target.selects is not None and not target.made_of:
        raise NoTarget(
            f"no value of {target.place.name} matches the path's filter, and it has no eq to make one of: add type eq"
        )
    return target.made_of
