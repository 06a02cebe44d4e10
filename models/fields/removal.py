"""A field that goes, with everybody's values of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.attributes import ATTRIBUTES
from models.database import Cursor
from models.errors import Taken
from models.fields import rewriting, schema, values
from models.fields.rewriting import NOTHING, Following, Task
from models.mapping import Field
from models.sessions import taking


@dataclass(frozen=True, slots=True)
class Use:
    """What a field is used for: people with a value, the attribute that is mapped to it, sessions that have it."""

    people: int
    attribute: str | None
    sessions: Sequence[str] = ()


def mapped(cursor: Cursor, list_id: str) -> dict[str, str]:
    """The fields that a provider fills, key to the attribute in an operator's words; none where it is not connected."""
    labels = {one.path: one.label for one in ATTRIBUTES if one.path}
    cursor.execute(
        "select m.field, m.attribute from field_mapping m join connection c on c.list_id = m.list_id"
        " where m.list_id = %s and m.enabled",
        (list_id,),
    )
    return {key: labels.get(path, path.rpartition(":")[2]) for key, path in cursor.fetchall()}


def use(cursor: Cursor, list_id: str, field: Field) -> Use:
    """What would be lost, and what is in the way."""
    return Use(
        values.filled(cursor, list_id, field.key),
        mapped(cursor, list_id).get(field.key),
        tuple(taking.using(cursor, list_id, field.key)),
    )


def remove(cursor: Cursor, list_id: str, key: str, expected: int | None = None) -> tuple[Use, Following]:
    """Remove a field, and have its values purged; its key is never another field's.

    Refused while it is mapped. Returns what it was used for, and the job that purges.
    """
    present = schema.change(cursor, list_id, expected)
    field = present.changeable(key)
    rewriting.require_idle(cursor, list_id)
    found = use(cursor, list_id, field)
    if found.attribute is not None:
        raise Taken(f"{field.label} is filled by the mapping of {found.attribute}: switch that off first")
    # One that is off remembers its field, and so do those of a connection that is gone.
    cursor.execute("delete from field_mapping where list_id = %s and field = %s", (list_id, key))
    schema.store(cursor, present, [one for one in present.fields if one.key != key], [*present.retired, key])
    if not found.people:
        return found, NOTHING
    task = Task(rewriting.PURGE, key, field.label, rewriting.everybody(cursor, list_id))
    return found, Following(rewriting.begin(cursor, list_id, task))
