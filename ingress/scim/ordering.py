"""`sortBy` as an order of the database (RFC 7644 §3.4.2.3)."""

from collections.abc import Mapping

from ingress.scim.attributes import Column, Compared, default
from ingress.scim.conditions import Seen, resolve
from ingress.scim.errors import InvalidPath, quote
from ingress.scim.schema import Schema
from models.search import BY_AGE, Order, Sql

MOST_SORTED = 500  # characters of a value that count in an order
_NOTHING = Sql("null::text")
_ALWAYS_THERE = (Compared.KEY, Compared.ID, Compared.TIME)


def order(path: str, descending: bool, kinds: Mapping[str, tuple[Schema, Seen]]) -> Order:
    """The order by an attribute; of what has none, `kinds` (by resource) that lack it included, at the end."""
    if not path:
        return BY_AGE._replace(descending=descending)
    found = {resource: _sortable(path, of, seen) for resource, (of, seen) in kinds.items()}
    known = [one for one in found.values() if one is not None]
    if not known:
        raise InvalidPath(f"sortBy {quote(path)} names nothing to sort by: name an attribute with one value or a value")
    timed = all(one.compared is Compared.TIME for one in known)
    kind = "timestamptz" if timed else 'text collate "C"'
    nullable = len(known) < len(found) or any(one.compared not in _ALWAYS_THERE for one in known)
    by = {resource: _expression(one) if one is not None else _NOTHING for resource, one in found.items()}
    return Order(by, kind, nullable, descending)


def _sortable(path: str, of: Schema, seen: Seen) -> Column | None:
    found = resolve(path, of, seen)
    found = default(found, of) if found is not None else None
    if found is None or (found.values is not None and found.array is None and not found.custom):
        return None
    return found


def _expression(found: Column) -> Sql:
    """What a resource is sorted by: text by its key, code point by code point."""
    if found.compared is Compared.TIME:
        return found.expression
    value = found.expression
    if found.custom:
        value = Sql(f"(select ({value.text}) #>> '{{}}' {found.values.text} limit 1)",
                    (*value.parameters, *found.values.parameters)) if found.values else value  # fmt: skip
    elif found.array is not None:
        value = _primary(found.array, found.label.partition(".")[2])
    if found.compared in (Compared.TEXT, Compared.ANY):
        value = Sql(f"muster_key({value.text})", value.parameters)
    if found.compared not in _ALWAYS_THERE:
        # A cursor carries the value at the end of its page: of a long one so much, and ties go by id.
        value = Sql(f"left(({value.text})::text, {MOST_SORTED})", value.parameters)
    return Sql(f'({value.text})::text collate "C"', value.parameters)


def _primary(array: str, sub: str) -> Sql:
    """The primary element's, else the first one's (RFC 7644 §3.4.2.3)."""
    return Sql(
        f"coalesce(jsonb_path_query_first(r.document, '$.{array}[*] ? (@.primary == true)') ->> '{sub}',"
        f" r.document #>> '{{{array},0,{sub}}}')"
    )
