"""A filter asked of a resource as it is served, with what /Schemas publishes of its attributes: the slow and plain
reading of RFC 7644 §3.4.2.2 that the compiled SQL is held against."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from ingress.scim import discovery
from ingress.scim.filters import Bare, Comparison, Either, Every, Node, Not, Selection
from models.text import equality_key, fold
from tests.factories import ENTERPRISE, USER

GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
Json = dict[str, Any]


class Attribute(NamedTuple):
    """What a path names: the keys that lead to its values, and how these compare."""

    keys: tuple[str, ...]
    type: str
    exact: bool


@cache
def _published(kind: str) -> dict[str, Attribute]:
    """Every attribute of a resource type by its path in lower case."""
    found = {
        "id": Attribute(("id",), "string", True),
        "externalid": Attribute(("externalId",), "string", True),
        "schemas": Attribute(("schemas",), "string", False),
        "meta.created": Attribute(("meta", "created"), "dateTime", False),
        "meta.lastmodified": Attribute(("meta", "lastModified"), "dateTime", False),
        "meta.resourcetype": Attribute(("meta", "resourceType"), "string", True),
    }
    for schema in discovery._known_schemas("userName"):
        if (schema["id"] == GROUP) != (kind == "Group"):
            continue
        prefix = (ENTERPRISE,) if schema["id"] == ENTERPRISE else ()
        for one in schema["attributes"]:
            found |= _of(one, prefix, schema["id"])
    return found


def _of(one: Json, prefix: tuple[str, ...], urn: str) -> dict[str, Attribute]:
    keys = (*prefix, one["name"])
    found = {one["name"]: Attribute(keys, one["type"], bool(one.get("caseExact")))}
    for sub in one.get("subAttributes") or []:
        name = f"{one['name']}.{sub['name']}"
        found[name] = Attribute((*keys, sub["name"]), sub["type"], bool(sub.get("caseExact")))
    return {spelt.lower(): each for name, each in found.items() for spelt in (name, f"{urn}:{name}")}


def attribute(path: str, kind: str) -> Attribute:
    """The attribute that a path names; of an unknown extension it may be anything."""
    lowered = path.lower()
    known = _published(kind)
    for urn in (USER, GROUP):
        if lowered.startswith(f"{urn.lower()}:") and (known.get(lowered[len(urn) + 1 :]) is not None):
            return known[lowered[len(urn) + 1 :]]
    if lowered in known:
        return known[lowered]
    urn, _, name = path.rpartition(":")
    return Attribute((urn, *name.split(".")), "any", False)


def holds(node: Node, resource: Json, kind: str = "User") -> bool:
    """Whether a resource satisfies a filter."""
    match node:
        case Every(terms):
            return all(holds(term, resource, kind) for term in terms)
        case Either(terms):
            return any(holds(term, resource, kind) for term in terms)
        case Not(term):
            return not holds(term, resource, kind)
        case Comparison(path, operator, value):
            return _compares(attribute(path, kind), resource, path, kind, operator, value)
        case Selection(path, where):
            found = attribute(path, kind)
            elements = list(_values(resource, found.keys))
            return any(_element_holds(where, each, path, kind) for each in elements)


def _element_holds(node: Node, element: Any, path: str, kind: str) -> bool:
    match node:
        case Every(terms):
            return all(_element_holds(term, element, path, kind) for term in terms)
        case Either(terms):
            return any(_element_holds(term, element, path, kind) for term in terms)
        case Not(term):
            return not _element_holds(term, element, path, kind)
        case Comparison(sub, operator, value):
            found = attribute(f"{path}.{sub}", kind)
            if found.type == "any" and sub.lower() == "value" and not isinstance(element, dict):
                found = found._replace(keys=found.keys[:-1])
                return _test(found, operator, value, [element])
            return _test(found, operator, value, list(_values(element, found.keys[-1:])))
    raise AssertionError(node)


def _compares(found: Attribute, resource: Json, path: str, kind: str, operator: str, value: Any) -> bool:
    if operator != "pr" and value is not None and found.type == "complex":
        found = attribute(f"{path}.value", kind)
    return _test(found, operator, value, list(_values(resource, found.keys)))


def _test(found: Attribute, operator: str, value: Any, values: list[Any]) -> bool:
    if operator == "ne":
        return not _test(found, "eq", value, values)
    if value is None:
        return bool(values) is (operator == "pr")
    return any(_one(found, operator, value, each) for each in values)


def _values(held: Any, keys: tuple[str, ...]) -> Iterator[Any]:
    """What is at a path, element by element where it leads through arrays; names in any case."""
    if isinstance(held, list):
        for each in held:
            yield from _values(each, keys)
    elif not keys:
        if held is not None:
            yield held
    elif isinstance(held, dict):
        exact = held.get(keys[0])
        spelt = sorted(name for name in held if name.lower() == keys[0].lower())
        found = exact if exact is not None else held[spelt[0]] if spelt else None
        yield from _values(found, keys[1:])


def _one(found: Attribute, operator: str, value: Any, held: Any) -> bool:
    if found.type == "dateTime":
        return _ordered(operator, _moment(held), _moment(value))
    if found.type == "boolean":
        return bool(held is (value if isinstance(value, bool) else str(value).lower() == "true"))
    if found.type == "any":
        return _of_any(operator, value, held)
    return _textual(operator, str(value), str(held), found.exact)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _of_any(operator: str, value: Any, held: Any) -> bool:
    if isinstance(held, bool):
        held = str(held).lower()
    if isinstance(held, str):
        return _textual(operator, str(value).lower() if isinstance(value, bool) else str(value), held, exact=False)
    number = _number(value)
    if number is None or not isinstance(held, int | float) or operator in ("co", "sw", "ew"):
        return False
    return _ordered(operator, held, number)


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool) or (isinstance(value, str) and not isinstance(value, Bare)):
        return None
    try:
        return int(value)
    except ValueError:
        pass
    try:
        return float(value)
    except ValueError:
        return None


def _textual(operator: str, value: str, held: str, exact: bool) -> bool:
    held = held if exact else equality_key(held)
    part = value if exact else fold(value)
    match operator:
        case "co":
            return part in held
        case "sw":
            return held.startswith(part)
        case "ew":
            return held.endswith(part)
    return _ordered(operator, held, value if exact else equality_key(value))


def _ordered(operator: str, held: Any, value: Any) -> bool:
    signs = {"eq": held == value, "gt": held > value, "ge": held >= value, "lt": held < value, "le": held <= value}
    return bool(signs[operator])
