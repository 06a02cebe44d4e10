"""Attributes of extensions that Muster does not know, as a list's IdP sent them: offered to the mapping editor
(product rule M1), described by /Schemas, and open to filters once seen."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from models.attributes import ENTERPRISE
from models.database import Cursor
from models.resource import Document

MOST_SEEN = 500  # attributes of a list; what comes later is stored and served, and not offered


class Seen(NamedTuple):
    """One attribute, or one part of it (`name` has a dot then): `type` is RFC 7643's (§2.3), of each value where
    there are several."""

    resource: str
    urn: str
    name: str
    type: str
    multi_valued: bool


def note(cursor: Cursor, documents: Iterable[tuple[str, str, Document]]) -> None:
    """Remember the extension attributes of these documents: (list, resource, document) each."""
    seen = {(list_id, one[:3]): one for list_id, resource, document in documents for one in _of(resource, document)}
    if not seen:
        return
    ordered = [(list_id, seen[list_id, key]) for list_id, key in sorted(seen)]
    cursor.execute(
        "insert into seen_attribute as s (list_id, resource, urn, name, type, multi_valued)"
        " select v.* from unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::bool[])"
        " v (list_id, resource, urn, name, type, multi_valued)"
        # What is known is left alone: a conflict would lock its row until COMMIT, for every batch of the list.
        " where not exists (select from seen_attribute k where k.list_id = v.list_id and k.resource = v.resource"
        " and k.urn = v.urn and k.name = v.name and k.type in (v.type, 'string'))"
        " and (select count(*) from seen_attribute c where c.list_id = v.list_id) < %s"
        # One that comes in two types is text: that fits both.
        " on conflict (list_id, resource, urn, name) do update set type = 'string' where s.type <> excluded.type"
        " and s.type <> 'string'",
        ([list_id for list_id, _ in ordered], *([one[n] for _, one in ordered] for n in range(5)), MOST_SEEN),
    )


def _of(resource: str, document: Document) -> Iterator[Seen]:
    for urn, held in document.items():
        if ":" not in urn:
            continue
        if urn != ENTERPRISE and isinstance(held, dict):
            for name, value in held.items():
                yield Seen(resource, urn, name, *_type(value))
                yield from (Seen(resource, urn, f"{name}.{sub}", *_type(part)) for sub, part in _parts(value))


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """The sub-attributes of a value, or of each of several."""
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            yield from each.items()


def _type(value: Any) -> tuple[str, bool]:
    match value:
        case list():
            return (_type(value[0])[0] if value else "string"), True
        case bool():
            return "boolean", False
        case int():
            return "integer", False
        case float():
            return "decimal", False
        case dict():
            return "complex", False
    return "string", False


def listing(cursor: Cursor, list_id: str) -> tuple[Seen, ...]:
    """What a list has seen, in order of URN and name."""
    cursor.execute(
        "select resource, urn, name, type, multi_valued from seen_attribute where list_id = %s"
        " order by resource, urn, name",
        (list_id,),
    )
    return tuple(Seen(*row) for row in cursor.fetchall())
