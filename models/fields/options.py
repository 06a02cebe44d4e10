"""The options of a dropdown: added, renamed, moved, removed."""

from collections.abc import Sequence
from dataclasses import replace

from models import master_list, remapping
from models.database import Cursor
from models.errors import Refused, Taken, Unknown
from models.fields import rewriting, schema, values
from models.fields.rewriting import Following, Task
from models.fields.schema import Schema
from models.mapping import Field


def add(cursor: Cursor, list_id: str, key: str, options: Sequence[str], expected: int | None = None) -> Following:
    """Offer more, after those that there are. Whom an identity provider sent with one of them gets it."""
    present, field = _open(cursor, list_id, key, expected)
    new = [option.strip() for option in options if option.strip()]
    if not new:
        raise Refused(f"say which options {field.label} is to have more")
    for option in new:
        _require_free(field, option)
    _store(cursor, present, field, [*field.options, *new])
    return Following(remap=remapping.begin_for_field(cursor, list_id, key))


def rename(cursor: Cursor, list_id: str, key: str, option: str, to: str, expected: int | None = None) -> Following:
    """Call an option otherwise, and have its people follow; and whom an identity provider sent with the new name."""
    present, field = _open(cursor, list_id, key, expected)
    position, to = _position(field, option), to.strip()
    _require_free(field, to, but=option)
    options = list(field.options)
    options[position] = to
    _store(cursor, present, field, options)
    values_job = _rewrite(cursor, list_id, field, rewriting.RENAME, option, to)
    return Following(values_job, remapping.begin_for_field(cursor, list_id, key))


def move(cursor: Cursor, list_id: str, key: str, option: str, position: int, expected: int | None = None) -> Field:
    """Put an option at a position, the first being 0."""
    present, field = _open(cursor, list_id, key, expected)
    others = [one for number, one in enumerate(field.options) if number != _position(field, option)]
    if not 0 <= position <= len(others):
        raise Refused(f"'{option}' can have a position from 1 to {len(field.options)}")
    return _store(cursor, present, field, [*others[:position], option, *others[position:]])


def remove(
    cursor: Cursor, list_id: str, key: str, option: str, keep: bool, expected: int | None = None
) -> tuple[int, Following]:
    """Offer an option no longer. Who has it keeps it (`keep`), until somebody chooses another, or loses it.

    Returns how many have it, and the job that clears it.
    """
    present, field = _open(cursor, list_id, key, expected)
    position = _position(field, option)
    if len(field.options) == 1:
        raise Refused(f"'{option}' is the last option of {field.label}: add another first, or remove the field")
    people = values.having(cursor, list_id, key).get(option, 0)
    _store(cursor, present, field, [*field.options[:position], *field.options[position + 1 :]])
    return people, Following(None if keep else _rewrite(cursor, list_id, field, rewriting.CLEAR, option, None))


def _open(cursor: Cursor, list_id: str, key: str, expected: int | None) -> tuple[Schema, Field]:
    present = schema.change(cursor, list_id, expected)
    field = present.dropdown(key)
    rewriting.require_idle(cursor, list_id)
    return present, field


def _position(field: Field, option: str) -> int:
    if option not in field.options:
        raise Unknown(f"{field.label} has no option '{option}' (any more): look again")
    return field.options.index(option)


def _require_free(field: Field, option: str, but: str | None = None) -> None:
    # A value finds its option in any case.
    if any(one.casefold() == option.casefold() and one != but for one in field.options):
        raise Taken(f"{field.label} has an option '{option}': choose another name")


def _store(cursor: Cursor, present: Schema, field: Field, options: Sequence[str]) -> Field:
    checked = master_list.new_field(field.label, field.type, options, field.required).options
    if len(checked) != len(options):
        raise Refused("an option needs a name, and each a name of its own")
    changed = replace(field, options=checked)
    schema.store(cursor, present, schema.replaced(present, changed))
    return changed


def _rewrite(cursor: Cursor, list_id: str, field: Field, act: str, option: str, to: str | None) -> str | None:
    if option == to or not values.having(cursor, list_id, field.key).get(option):
        return None
    total = rewriting.everybody(cursor, list_id)
    return rewriting.begin(cursor, list_id, Task(act, field.key, field.label, total, option, to))
