"""A list's schema and its changes that touch no value: add, label, order, required."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from psycopg.types.json import Jsonb

from models import master_list
from models.database import Cursor, lock_key
from models.errors import Refused, Taken, Unknown
from models.mapping import Field

ELSEWHERE = "somebody else changed this list's fields meanwhile: look at them, then make your change again"


class ChangedElsewhere(Taken):
    """The schema is at another version than the one that the operator saw."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The fields of a list in their order, and which version of them this is."""

    list_id: str
    version: int
    fields: Sequence[Field]
    retired: Sequence[str] = ()  # keys of fields that are gone

    def field(self, key: str) -> Field:
        """One field by its key."""
        found = next((field for field in self.fields if field.key == key), None)
        if found is None:
            raise Unknown(f"this list has no field with the key '{key}' (any more)")
        return found

    def changeable(self, key: str) -> Field:
        """One field, unless it is the UID's: people are told apart by it."""
        found = self.field(key)
        if found.uid:
            raise Refused("the UID field stays as it is: people are told apart by it")
        return found

    def dropdown(self, key: str) -> Field:
        """One field that has options."""
        found = self.changeable(key)
        if found.type != "dropdown":
            raise Refused(f"{found.label} is of type {found.type} and has no options: make it a dropdown first")
        return found

    def labelled(self, wanted: str) -> Field:
        """One field by its label, in any case, or its key."""
        label = wanted.strip().casefold()
        found = next((field for field in self.fields if label == field.label.casefold()), None)
        if found is None and all(field.key != wanted for field in self.fields):
            raise Unknown(f"this list has no field '{wanted}': it has {', '.join(one.label for one in self.fields)}")
        return found or self.field(wanted)


def read(cursor: Cursor, list_id: str, lock: bool = False) -> Schema:
    """The schema as it is now."""
    cursor.execute(
        "select schema_version, fields, retired_fields from master_list where id = %s"
        + (" for update" if lock else ""),
        (list_id,),
    )
    row = cursor.fetchone()
    if row is None:
        raise Unknown(f"no list has the id '{list_id}'")
    return Schema(list_id, row[0], [Field.from_json(field) for field in row[1]], row[2])


def change(cursor: Cursor, list_id: str, expected: int | None) -> Schema:
    """The schema, to be changed: the exclusive lock waits for the drains, slices and edits that have begun, and
    whatever begins after the COMMIT reads the new one. `expected` is the version that the operator saw."""
    cursor.execute("select pg_advisory_xact_lock(%s)", (lock_key("roster", list_id),))
    schema = read(cursor, list_id, lock=True)
    if expected is not None and schema.version != expected:
        raise ChangedElsewhere(ELSEWHERE)
    return schema


def store(cursor: Cursor, schema: Schema, fields: Iterable[Field], retired: Sequence[str] | None = None) -> None:
    """Put changed fields in force."""
    cursor.execute(
        "update master_list set fields = %s, retired_fields = %s, schema_version = schema_version + 1 where id = %s",
        (Jsonb([field.as_json() for field in fields]), list(retired or schema.retired), schema.list_id),
    )


def replaced(schema: Schema, new: Field) -> list[Field]:
    """The fields with one of them as it is to be."""
    return [new if field.key == new.key else field for field in schema.fields]


def add(cursor: Cursor, list_id: str, new: Field, expected: int | None = None) -> Field:
    """Add a field, as `master_list.new_field` describes it, at the end; returns it with its key."""
    schema = change(cursor, list_id, expected)
    _require_free(schema, new.label)
    if len(schema.fields) >= master_list.MOST_FIELDS:
        raise Refused(f"a list may have {master_list.MOST_FIELDS} fields: remove one first")
    taken = {field.key for field in schema.fields} | set(schema.retired)
    added = replace(new, key=master_list.free_key(new.label, taken))
    store(cursor, schema, [*schema.fields, added])
    return added


def relabel(cursor: Cursor, list_id: str, key: str, label: str, expected: int | None = None) -> Field:
    """Call a field otherwise. Its key stays, and with it its values and its mapping."""
    schema = change(cursor, list_id, expected)
    present = schema.changeable(key)
    new = master_list.new_field(label, present.type, present.options or ("-",), present.required).label
    _require_free(schema, new, but=key)
    changed = replace(present, label=new)
    store(cursor, schema, replaced(schema, changed))
    return changed


def _require_free(schema: Schema, label: str, but: str | None = None) -> None:
    if any(field.label.casefold() == label.casefold() and field.key != but for field in schema.fields):
        raise Taken(f"the list has a field called '{label}': choose another label")


def require(cursor: Cursor, list_id: str, key: str, required: bool, expected: int | None = None) -> Field:
    """Whether whoever is added or edited by hand must have a value. Nobody who is in the list is changed."""
    schema = change(cursor, list_id, expected)
    changed = replace(schema.changeable(key), required=required)
    store(cursor, schema, replaced(schema, changed))
    return changed


def move(cursor: Cursor, list_id: str, key: str, position: int, expected: int | None = None) -> Field:
    """Put a field at a position among the others; the UID is at 0, and stays there."""
    schema = change(cursor, list_id, expected)
    moved = schema.changeable(key)
    others = [field for field in schema.fields if field.key != key]
    if not 1 <= position <= len(others):
        raise Refused(f"{moved.label} can have a position from 1 to {len(others)}: the UID stays first")
    store(cursor, schema, [*others[:position], moved, *others[position:]])
    return moved
