"""Master Lists and their schema of fields."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from models.database import Cursor, allow_also, lock_key
from models.errors import Refused, Taken, Unknown
from models.mapping import Field
from models.text import is_line, new_list_id

TYPES = ("text", "number", "email", "date", "dropdown")
LONGEST_NAME, LONGEST_LABEL, LONGEST_OPTION = 100, 60, 100  # characters
MOST_FIELDS, MOST_OPTIONS = 200, 500
ID = re.compile(r"[a-z2-7]{10}")  # of a list, as `new_list_id` makes them
UID_FIELD = Field(key="uid", label="UID", type="text", required=True, uid=True)


@dataclass(frozen=True, slots=True)
class MasterList:
    """A list, and what its connection is: `provider` and `state` are None where it has none."""

    id: str
    name: str
    fields: tuple[Field, ...]
    provider: str | None
    state: str | None

    @property
    def is_connected(self) -> bool:
        """Whether an IdP may push to it."""
        return self.state == "connected"


_LISTS = (
    "select l.id, l.name, l.fields, c.provider, c.state"
    " from (select * from master_list l where l.organisation_id = %s{}) l"
    # Asked for before the transaction has named a list.
    " left join lateral muster_connection(l.id) c on true order by l.name, l.id"
)


def of_organisation(cursor: Cursor, organisation_id: str, list_id: str) -> MasterList:
    """A list of an organisation; another's is as unknown as one that never was."""
    row = None
    if ID.fullmatch(list_id):
        cursor.execute(_LISTS.format(" and l.id = %s"), (organisation_id, list_id))
        row = cursor.fetchone()
    if row is None:
        raise Unknown("this list does not exist, or belongs to another organisation")
    return _list(row)


def all_of_organisation(
    cursor: Cursor, organisation_id: str, after: tuple[str, str] | None = None, limit: int | None = None
) -> list[MasterList]:
    """An organisation's lists, by name; those after a name and an id."""
    beyond = " and (l.name, l.id) > (%s, %s)" if after else ""
    some = f"{beyond} order by l.name, l.id limit %s"
    cursor.execute(_LISTS.format(some), (organisation_id, *(after or ()), limit))
    return [_list(row) for row in cursor.fetchall()]


def _list(row: tuple[Any, ...]) -> MasterList:
    return MasterList(row[0], row[1], tuple(Field.from_json(field) for field in row[2]), row[3], row[4])


def new_field(label: str, kind: str, options: Iterable[str] = (), required: bool = False) -> Field:
    """A field as an operator describes it; it gets its key when it is added."""
    label = label.strip()
    chosen = tuple(dict.fromkeys(filter(None, (option.strip() for option in options))))
    if not is_line(label, LONGEST_LABEL):
        raise Refused(f"a field needs a label of 1 to {LONGEST_LABEL} characters, on one line")
    if kind not in TYPES:
        raise Refused(f"type '{kind}' does not exist: choose one of {', '.join(TYPES)}")
    if kind == "dropdown" and not chosen:
        raise Refused(f"{label} is a dropdown and needs options: give some, with commas between")
    if len(chosen) > MOST_OPTIONS or not all(is_line(option, LONGEST_OPTION) for option in chosen):
        raise Refused(f"{label} may have {MOST_OPTIONS} options, each of at most {LONGEST_OPTION} characters")
    return Field("", label, kind, chosen if kind == "dropdown" else (), required)


def create(cursor: Cursor, organisation_id: str, name: str, fields: Iterable[Field] = ()) -> str:
    """A list with its UID field and these; returns its id, which the transaction may touch from now on."""
    name = name.strip()
    if not is_line(name, LONGEST_NAME):
        raise Refused(f"a list needs a name of 1 to {LONGEST_NAME} characters, on one line, that its operators know")
    list_id = new_list_id()
    cursor.execute(
        "insert into master_list (id, organisation_id, name, fields) values (%s, %s, %s, %s)"
        " on conflict (organisation_id, name) do nothing",
        (list_id, organisation_id, name, Jsonb([field.as_json() for field in _keyed(fields)])),
    )
    if cursor.rowcount != 1:
        raise Taken(f"the organisation has a list called '{name}': choose another name")
    allow_also(cursor, list_id)
    return list_id


def _keyed(fields: Iterable[Field]) -> list[Field]:
    keyed = [UID_FIELD]
    labels = {UID_FIELD.label.casefold()}
    for field in fields:
        if field.label.casefold() in labels:
            raise Taken(f"two fields are called '{field.label}': give each a label of its own")
        labels.add(field.label.casefold())
        keyed.append(replace(field, key=free_key(field.label, {one.key for one in keyed})))
    if len(keyed) > MOST_FIELDS:
        raise Refused(f"a list may have {MOST_FIELDS} fields: leave some out")
    return keyed


def names(cursor: Cursor) -> list[tuple[str, str]]:
    """Every list's id and name, in order of creation."""
    cursor.execute("select id, name from master_list order by created_at, id")
    return [(row[0], row[1]) for row in cursor.fetchall()]


class Listed(NamedTuple):
    """A list of any organisation; `state` is its connection's, None where it has none."""

    id: str
    name: str
    organisation: str
    state: str | None


def listing(cursor: Cursor) -> list[Listed]:
    """Every list with its organisation and its connection's state, in order of creation."""
    cursor.execute(
        "select l.id, l.name, o.name, c.state from master_list l join organisation o on o.id = l.organisation_id"
        " left join lateral muster_connection(l.id) c on true order by l.created_at, l.id"
    )
    return [Listed(*row) for row in cursor.fetchall()]


def fields(cursor: Cursor, list_id: str, lock: bool = False) -> list[Field]:
    """The schema of a list."""
    cursor.execute("select fields from master_list where id = %s" + (" for update" if lock else ""), (list_id,))
    row = cursor.fetchone()
    if row is None:
        raise Unknown(f"no list has the id '{list_id}'")
    return [Field.from_json(field) for field in row[0]]


def ensure_fields(cursor: Cursor, list_id: str, wanted: list[tuple[str, str]]) -> dict[str, str]:
    """The keys of the fields labelled as in `wanted` (label, type), in any case; made where they are missing."""
    present = fields(cursor, list_id, lock=True)
    known = {field.label.casefold(): field.key for field in present if not field.uid}
    taken = {field.key for field in present} | retired(cursor, list_id)
    added = False
    for label, kind in wanted:
        if label.casefold() not in known:
            known[label.casefold()] = free_key(label, taken)
            taken.add(known[label.casefold()])
            present.append(Field(key=known[label.casefold()], label=label, type=kind))
            added = True
    if added:
        cursor.execute(
            "update master_list set fields = %s, schema_version = schema_version + 1 where id = %s",
            (Jsonb([field.as_json() for field in present]), list_id),
        )
    return {label: known[label.casefold()] for label, _ in wanted}


def retired(cursor: Cursor, list_id: str) -> set[str]:
    """The keys of removed fields, of which values may be left."""
    cursor.execute("select unnest(retired_fields) from master_list where id = %s", (list_id,))
    return {row[0] for row in cursor.fetchall()}


def held_fields(cursor: Cursor, list_id: str) -> tuple[Field, ...]:
    """The schema as it stays until the transaction ends: whoever writes values by it asks for it here."""
    cursor.execute("select pg_advisory_xact_lock_shared(%s)", (lock_key("roster", list_id),))
    return tuple(fields(cursor, list_id))


def free_key(label: str, taken: set[str]) -> str:
    """A key that is made of a label, and is not taken."""
    base = re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_") or "field"
    key, number = base, 2
    while key in taken:
        key, number = f"{base}_{number}", number + 1
    return key
