"""Mappings as they are stored, and saving an operator's choices (product rules M1–M5)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from models import mapping, master_list, remapping
from models.attributes import ATTRIBUTES
from models.database import Cursor, lock_key
from models.errors import Refused, Taken
from models.mapping import Field
from models.mapping_choice import DEFAULT, TRANSFORMS, Choice, Fault, changes, targets

ELSEWHERE = "Somebody else saved these mappings meanwhile. Look at theirs, then make your changes again."


class Conflicts(Refused):
    """Choices that cannot be saved; `faults` by number."""

    status = 422

    def __init__(self, faults: Mapping[int, Fault]) -> None:
        super().__init__("; ".join(fault.sentence for fault in faults.values()))
        self.faults = faults


class SavedElsewhere(Taken):
    """Somebody else saved since this page was read."""


class Saved(NamedTuple):
    """The job that maps everyone again, and what changed, a phrase each."""

    job_id: str
    changed: list[str]


def version(cursor: Cursor, list_id: str) -> int:
    """Which mappings are in force."""
    cursor.execute("select mapping_version from connection where list_id = %s", (list_id,))
    row = cursor.fetchone()
    return int(row[0]) if row else 0


def enabled(cursor: Cursor, list_id: str) -> set[str]:
    """The SCIM paths of a list's mappings that are on."""
    cursor.execute("select attribute from field_mapping where list_id = %s and enabled", (list_id,))
    return {row[0] for row in cursor.fetchall()}


def stored(cursor: Cursor, list_id: str, fields: Iterable[Field]) -> list[Choice]:
    """The 27 as they are in force; one without a row is off, and offers its own field."""
    cursor.execute(
        "select attribute, field, enabled, transform from field_mapping where list_id = %s order by attribute",
        (list_id,),
    )
    rows = {row[0]: mapping.Mapping(*row) for row in cursor.fetchall()}
    known = {one.path for one in ATTRIBUTES}
    own = iter([path for path in rows if path not in known])
    taken = {row.field for row in rows.values()}
    free = {field.label.casefold(): field.key for field in fields if not field.uid and field.key not in taken}
    choices = []
    for number, attribute in enumerate(ATTRIBUTES):
        path = attribute.path or next(own, None)
        row = rows.get(path or "")
        if row is not None:
            choices.append(Choice(number, path, row.on, row.field, transform=row.transform))
        else:
            choices.append(Choice(number, path, False, free.get(attribute.default_field.casefold(), DEFAULT)))
    return choices


def save(
    cursor: Cursor, list_id: str, expected: int, choices: Sequence[Choice], types: Mapping[str, str]
) -> Saved | None:
    """Put the choices in force and have everyone mapped again; None if nothing is chosen otherwise.

    The exclusive lock waits for the drains and slices that have begun; whatever begins later reads the new
    version. `expected` is the version that the operator saw.
    """
    cursor.execute("select pg_advisory_xact_lock(%s)", (lock_key("roster", list_id),))
    cursor.execute("select mapping_version, state from connection where list_id = %s for update", (list_id,))
    row = cursor.fetchone()
    if row is None or row[1] != "connected":
        raise Refused("this list is not connected: connect it first, then map its attributes")
    if row[0] != expected:
        raise SavedElsewhere(ELSEWHERE)
    fields = master_list.fields(cursor, list_id, lock=True)
    found, faults = targets(choices, fields, types)
    if faults:
        raise Conflicts(faults)
    changed = changes(stored(cursor, list_id, fields), choices, fields, types)
    if not changed:
        return None
    _write(cursor, list_id, choices, _keys(cursor, list_id, found), fields)
    cursor.execute("update connection set mapping_version = %s where list_id = %s", (expected + 1, list_id))
    return Saved(remapping.begin(cursor, list_id, expected + 1), changed)


def _keys(cursor: Cursor, list_id: str, found: Mapping[int, Field]) -> dict[int, str]:
    """The key of every target, made where it is new."""
    made = master_list.ensure_fields(
        cursor, list_id, [(field.label, field.type) for field in found.values() if not field.key]
    )
    return {number: field.key or made[field.label] for number, field in found.items()}


def _write(
    cursor: Cursor, list_id: str, choices: Iterable[Choice], keys: Mapping[int, str], fields: Iterable[Field]
) -> None:
    rows = [(one, keys[one.number]) for one in choices if one.on]
    taken, used = set(keys.values()), {one.path for one, _ in rows}
    mine = {field.key for field in fields if not field.uid}
    for one in choices:
        # One that is off remembers its field as long as nobody else has it.
        if not one.on and one.path not in used and one.path and one.field in mine - taken:
            rows.append((one, one.field))
            taken.add(one.field)
            used.add(one.path)
    cursor.execute("delete from field_mapping where list_id = %s", (list_id,))
    cursor.execute(
        "insert into field_mapping (list_id, attribute, field, enabled, transform)"
        " select %s, v.* from unnest(%b::text[], %b::text[], %b::bool[], %b::text[]) v",
        (
            list_id,
            [one.path for one, _ in rows],
            [key for _, key in rows],
            [one.on for one, _ in rows],
            [one.transform if one.transform in TRANSFORMS else "copy" for one, _ in rows],
        ),
    )
