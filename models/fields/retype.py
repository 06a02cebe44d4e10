"""Another type for a field, tried on everybody's values first."""

from collections.abc import Sequence
from dataclasses import replace

from models import master_list, remapping
from models.database import Cursor
from models.errors import Refused
from models.fields import rewriting, schema, values
from models.fields.rewriting import Following, Task
from models.fields.schema import Schema
from models.fields.values import Trial
from models.mapping import Field


class DoNotFit(Refused):
    """Values that the new type does not take; `trial` counts them."""

    status = 422

    def __init__(self, label: str, kind: str, trial: Trial) -> None:
        some = ", ".join(f"'{one}'" for one in trial.examples)
        super().__init__(
            f"{trial.misfits:,} of {trial.people:,} values of {label} do not fit the type {kind} ({some}):"
            " correct them, or say that they are to be cleared"
        )
        self.trial = trial


def target(present: Schema, key: str, kind: str, options: Sequence[str]) -> Field:
    """The field as it is to be."""
    field = present.changeable(key)
    if kind == field.type:
        raise Refused(f"{field.label} is of type {kind} already")
    described = master_list.new_field(field.label, kind, options, field.required)
    return replace(described, key=key)


def check(cursor: Cursor, list_id: str, key: str, kind: str, options: Sequence[str] = ()) -> Trial:
    """What would become of everybody's values. Nothing is changed."""
    return values.trial(cursor, list_id, target(schema.read(cursor, list_id), key, kind, options))


def save(
    cursor: Cursor,
    list_id: str,
    key: str,
    kind: str,
    options: Sequence[str] = (),
    may_clear: int | None = 0,
    expected: int | None = None,
) -> tuple[Trial, Following]:
    """Change the type, and have the values follow; those that do not fit are cleared if they are no more than
    `may_clear` (None: however many), and it is refused otherwise.

    Tried again under the lock: what came since the operator looked counts as well. Where a mapping fills the field,
    people get what their identity provider sent as the new type takes it, not what the old one made of it. Returns
    what was found, and the jobs that follow.
    """
    present = schema.change(cursor, list_id, expected)
    wanted = target(present, key, kind, options)
    rewriting.require_idle(cursor, list_id)
    found = values.trial(cursor, list_id, wanted)
    if may_clear is not None and found.misfits > may_clear:
        raise DoNotFit(wanted.label, kind, found)
    schema.store(cursor, present, schema.replaced(present, wanted))
    fitting = None
    if found.people:
        task = Task(rewriting.FIT, key, wanted.label, rewriting.everybody(cursor, list_id))
        fitting = rewriting.begin(cursor, list_id, task)
    return found, Following(fitting, remapping.begin_for_field(cursor, list_id, key))
