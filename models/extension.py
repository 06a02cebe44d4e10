"""Attributes of extensions that Muster does not know, as a list's IdP sent them: offered to the mapping editor
(product rule M1), described by /Schemas, and open to filters once seen."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from models.attributes import ENTERPRISE
from models.database import Cursor
from models.resource import Document

MOST_SEEN = 500  # attributes of a list; what comes later is stored and served, and not offered
LONGEST_NAME = 2_000  # bytes of a URN and a name together; a Postgres index entry holds 2,700


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
    ordered = _bounded(documents)
    if not ordered:
        return
    cursor.execute(
        "insert into seen_attribute as s (list_id, resource, urn, name, type, multi_valued)"
        " select v.* from unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::bool[])"
        " v (list_id, resource, urn, name, type, multi_valued)"
        # What is known is left alone: a conflict would lock its row until COMMIT, for every batch of the list.
        " where not exists (select from seen_attribute k where k.list_id = v.list_id and k.resource = v.resource"
        " and k.urn = v.urn and k.name = v.name and k.type in (v.type, 'string') and k.multi_valued >= v.multi_valued)"
        " and (select count(*) from (select from seen_attribute c where c.list_id = v.list_id limit %s) c) < %s"
        # One that comes in two types is text: that fits both.
        " on conflict (list_id, resource, urn, name) do update set multi_valued = s.multi_valued or"
        " excluded.multi_valued, type = case when s.type = excluded.type then s.type else 'string' end"
        " where s.type not in (excluded.type, 'string') or s.multi_valued < excluded.multi_valued",
        (
            [list_id for list_id, _ in ordered],
            *([one[n] for _, one in ordered] for n in range(5)),
            MOST_SEEN,
            MOST_SEEN,
        ),
    )


def _bounded(documents: Iterable[tuple[str, str, Document]]) -> list[tuple[str, Seen]]:
    """The attributes in these documents, each once, and of a list no more than it remembers: a document may have
    tens of thousands, and the statement cannot see the rows that it adds itself."""
    seen: dict[tuple[str, str, str, str], Seen] = {}
    for list_id, resource, document in documents:
        for one in _of(resource, document):
            key = list_id, *one[:3]
            seen[key] = _both(seen[key], one) if key in seen else one
    counted: Counter[str] = Counter()
    kept = []
    for key in sorted(seen):
        counted[key[0]] += 1
        if counted[key[0]] <= MOST_SEEN:
            kept.append((key[0], seen[key]))
    return kept


def _both(one: Seen, other: Seen) -> Seen:
    kind = one.type if one.type == other.type else "string"
    return one._replace(type=kind, multi_valued=one.multi_valued or other.multi_valued)


def _of(resource: str, document: Document) -> Iterator[Seen]:
    for urn, held in document.items():
        if ":" not in urn:
            continue
        if urn != ENTERPRISE and isinstance(held, dict):
            for name, value in held.items():
                yield from (one for one in _attribute(resource, urn, name, value) if _fits(one))


def _attribute(resource: str, urn: str, name: str, value: Any) -> Iterator[Seen]:
    yield Seen(resource, urn, name, *_type(value))
    yield from (Seen(resource, urn, f"{name}.{sub}", *_type(part)) for sub, part in _parts(value))


def _fits(one: Seen) -> bool:
    return len(one.urn) + len(one.name) <= LONGEST_NAME // 4 or len(f"{one.urn}{one.name}".encode()) <= LONGEST_NAME


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
