"""Master Lists and their schema of fields."""

import re
from typing import Any

from psycopg.types.json import Jsonb

from models.database import Cursor
from models.errors import Refused, Taken, Unknown
from models.mapping import Field
from models.text import new_list_id

UID_FIELD = Field(key="uid", label="UID", type="text", required=True, uid=True)


def create(cursor: Cursor, organisation_id: str, name: str) -> str:
    """A list with nothing but its UID field; returns its id."""
    name = name.strip()
    if not name or "\x00" in name:
        raise Refused("a list needs a name: give it one that its operators will know it by")
    list_id = new_list_id()
    cursor.execute(
        "insert into master_list (id, organisation_id, name, fields) values (%s, %s, %s, %s)"
        " on conflict (organisation_id, name) do nothing",
        (list_id, organisation_id, name, Jsonb([UID_FIELD.as_json()])),
    )
    if cursor.rowcount != 1:
        raise Taken(f"the organisation has a list called '{name}': choose another name")
    return list_id


def names(cursor: Cursor) -> list[tuple[str, str]]:
    """Every list's id and name, in order of creation."""
    cursor.execute("select id, name from master_list order by created_at, id")
    return [(row[0], row[1]) for row in cursor.fetchall()]


def fields(cursor: Cursor, list_id: str, lock: bool = False) -> list[Field]:
    """The schema of a list."""
    cursor.execute("select fields from master_list where id = %s" + (" for update" if lock else ""), (list_id,))
    row = cursor.fetchone()
    if row is None:
        raise Unknown(f"no list has the id '{list_id}'")
    return [Field.from_json(field) for field in row[0]]


def ensure_fields(cursor: Cursor, list_id: str, wanted: list[tuple[str, str]]) -> dict[str, str]:
    """The keys of the fields labelled as in `wanted` (label, type), made where they are missing."""
    present = fields(cursor, list_id, lock=True)
    keys = {field.label: field.key for field in present if not field.uid}
    taken = {field.key for field in present}
    for label, kind in wanted:
        if label not in keys:
            keys[label] = _free_key(label, taken)
            taken.add(keys[label])
            present.append(Field(key=keys[label], label=label, type=kind))
    encoded: list[dict[str, Any]] = [field.as_json() for field in present]
    cursor.execute("update master_list set fields = %s where id = %s", (Jsonb(encoded), list_id))
    return keys


def _free_key(label: str, taken: set[str]) -> str:
    base = re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_") or "field"
    key, number = base, 2
    while key in taken:
        key, number = f"{base}_{number}", number + 1
    return key
