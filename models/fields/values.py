"""What people have in the fields of a list: counted, tried against another type, and changed slice by slice."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from models.database import Cursor
from models.mapping import Field, converted

SLICE = 500  # people whose rows one transaction holds: a drain that needs one waits for some tens of ms
EXAMPLES = 5
LARGE, COUNTED_EVERY = 20_000, 10.0

Changer = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Trial:
    """The values of a field against another type: how many people have one, whose does not fit, and some of those."""

    people: int
    misfits: int
    examples: Sequence[str]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many people a list has, and how many of them have a value in each field."""

    people: int
    filled: Mapping[str, int]


_counted: dict[str, tuple[float, int, Counts]] = {}  # of large lists: until when, and of which schema


def counts(cursor: Cursor, list_id: str, fields: Sequence[Field], version: int) -> Counts:
    """Counted in one walk through the list, 0.2 s for 100,000 people: a large list's at most every
    `COUNTED_EVERY` seconds a process."""
    known = _counted.get(list_id)
    if known is not None and known[0] > time.monotonic() and known[1] == version:
        return known[2]
    keys = [field.key for field in fields if not field.uid]
    columns = "".join(", count(*) filter (where fields ? %s)" for _ in keys)
    cursor.execute(f"select count(*){columns} from person where list_id = %s", (*keys, list_id))
    row = cursor.fetchone()
    assert row
    found = Counts(row[0], dict(zip(keys, row[1:], strict=True)))
    if found.people >= LARGE:
        _counted[list_id] = time.monotonic() + COUNTED_EVERY, version, found
    return found


def filled(cursor: Cursor, list_id: str, key: str) -> int:
    """How many people have a value in a field."""
    cursor.execute("select count(*) from person where list_id = %s and fields ? %s", (list_id, key))
    row = cursor.fetchone()
    assert row
    return int(row[0])


def having(cursor: Cursor, list_id: str, key: str) -> dict[str, int]:
    """How many people have each value of a field, as text; of a dropdown, which has few."""
    cursor.execute(
        "select fields ->> %s, count(*) from person where list_id = %s and fields ? %s group by 1", (key, list_id, key)
    )
    return dict(cursor.fetchall())


def trial(cursor: Cursor, list_id: str, target: Field) -> Trial:
    """Try every value of a field against what the field is to be; each distinct one once."""
    found = cursor.stream(  # a large list's values may all be distinct
        "select fields -> %s, count(*) from person where list_id = %s and fields ? %s group by 1 order by 2 desc, 1",
        (target.key, list_id, target.key),
        size=1_000,
    )
    people, misfits, examples = 0, 0, list[str]()
    for value, count in found:
        people += count
        if not converted(target, value)[0]:
            misfits += count
            if len(examples) < EXAMPLES:
                examples.append(str(value)[:100])
    return Trial(people, misfits, examples)


def page(cursor: Cursor, list_id: str, after: str | None) -> list[str]:
    """The next people, in order of id."""
    cursor.execute(
        "select id::text from person where list_id = %s"
        " and id > coalesce(%s::uuid, '00000000-0000-0000-0000-000000000000') order by id limit %s",
        (list_id, after, SLICE),
    )
    return [row[0] for row in cursor.fetchall()]


def change(cursor: Cursor, list_id: str, ids: Sequence[str], key: str, changer: Changer) -> int:
    """Write what `changer` makes of these people's values (None clears); returns how many changed.

    Rows are locked in order of id, as drains lock them; their search words are gathered anew.
    """
    cursor.execute(
        "select id::text, fields -> %s from person where list_id = %s and id = any(%s::uuid[]) and fields ? %s"
        " order by list_id, id for no key update",
        (key, list_id, list(ids), key),
    )
    new = [(person_id, value, changer(value)) for person_id, value in cursor.fetchall()]
    differing = [(person_id, made) for person_id, value, made in new if made != value or type(made) is not type(value)]
    if differing:
        cursor.execute(
            "update person p set fields = case when v.value is null then p.fields - %s::text"
            " else p.fields || jsonb_build_object(%s::text, v.value) end,"
            " search = null, version = version + 1, modified_at = clock_timestamp()"
            " from unnest(%s::uuid[], %s::jsonb[]) v (id, value) where p.list_id = %s and p.id = v.id",
            (
                key,
                key,
                [person_id for person_id, _ in differing],
                [None if made is None else Jsonb(made) for _, made in differing],
                list_id,
            ),
        )
    return len(differing)
