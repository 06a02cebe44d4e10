"""Imports as they are stored: the file, its matching, how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, BinaryIO

import msgspec
from psycopg.types.json import Jsonb

from models.database import Cursor
from models.errors import Refused, Unknown
from models.imports.judging import LOCKED, OUTCOMES
from models.imports.matching import Matching
from models.imports.reading import Row, sheet
from models.text import new_id, plural

# In this order, but for what is stopped and gone on with.
UPLOADED, PREVIEWING, PREVIEWED, RUNNING, DONE = "uploaded", "previewing", "previewed", "running", "done"
STOPPED, FAILED = "stopped", "failed"
KEPT_DAYS = 30
PAGE = 20
_SLICE, _MANY = 2_000, 1_000  # rows
_COLUMNS = (
    "id::text, list_id, name, state, columns, matching, total, passed, planned, counts, error, created_by, created_at,"
    # A purge takes several slices: from its first one on, some rows are missing.
    f" changed_at, kept and created_at >= now() - interval '{KEPT_DAYS} days'"
)
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Import:
    """An import of a list. `passed`: the number of the last row that its preview or run is done with, `planned`: how
    many rows of each outcome the preview found, `counts`: what the run came to so far."""

    id: str
    list_id: str
    name: str
    state: str
    columns: list[str]
    matching: Matching | None
    total: int
    passed: int
    planned: dict[str, int]
    counts: dict[str, int]
    error: str | None
    created_by: str
    created_at: datetime
    changed_at: datetime
    kept: bool

    @property
    def is_open(self) -> bool:
        """Whether a worker is (to be) at it."""
        return self.state in (PREVIEWING, RUNNING)

    @property
    def told(self) -> dict[str, int]:
        """How many rows of each outcome: of the run once there was one, else of the preview, if any."""
        found = self.counts if self.has_run else self.planned
        return {name: found.get(name, 0) for name in (*OUTCOMES, LOCKED)} if found else {}

    @property
    def has_run(self) -> bool:
        """Whether its run was begun."""
        return self.state in (RUNNING, DONE) or (self.state in (STOPPED, FAILED) and bool(self.counts))

    @property
    def summary(self) -> str:
        """What it is called in the audit log, with its size."""
        return f"{self.name}: {plural(self.total, 'row')}"

    @property
    def done(self) -> int:
        """How many rows the preview, or the run, is done with."""
        return sum(count for name, count in self.told.items() if name != LOCKED)


def stage(cursor: Cursor, list_id: str, name: str, by: str, file: BinaryIO, old: str = "") -> Import:
    """Keep a file's rows, to be matched; `old` is its encoding if it is no UTF. Refused, and nothing kept, where it
    cannot be read or has no rows."""
    import_id = new_id()
    with sheet(file, old) as found:
        cursor.execute(
            "insert into import (list_id, id, name, state, columns, total, created_by)"
            " values (%s, %s, %s, %s, %s, 0, %s)",
            (list_id, import_id, _file_name(name), UPLOADED, Jsonb(list(found.columns)), by),
        )
        total = 0
        while rows := list(islice(found.rows, _SLICE)):
            _insert(cursor, list_id, import_id, rows)
            total += len(rows)
    if not total:
        raise Refused("the file has a header and no rows: it needs a row for each person")
    cursor.execute("update import set total = %s where list_id = %s and id = %s", (total, list_id, import_id))
    if total > _MANY:
        # Until autovacuum came by, slices would be planned as if there were few: a preview took twice as long.
        cursor.execute("analyze import_row")
    return find(cursor, list_id, import_id)


def _file_name(name: str) -> str:
    plain = "".join(filter(str.isprintable, name.replace("\\", "/").rpartition("/")[2])).strip()
    return plain[-200:] or "people.csv"


def _insert(cursor: Cursor, list_id: str, import_id: str, rows: Sequence[Row]) -> None:
    # No COPY: PostgreSQL refuses it where there is row-level security.
    cursor.execute(
        "insert into import_row (list_id, import_id, number, cells, fault) select %s, %s, v.number, v.cells::jsonb,"
        " v.fault from unnest(%b::int4[], %b::text[], %b::text[]) v (number, cells, fault)",
        (
            list_id,
            import_id,
            [row.number for row in rows],
            [_encode(row.cells).decode() for row in rows],
            [row.fault or None for row in rows],
        ),
    )


def find(cursor: Cursor, list_id: str, import_id: str, lock: bool = False) -> Import:
    """An import of a list."""
    cursor.execute(
        f"select {_COLUMNS} from import where list_id = %s and id::text = %s" + (" for update" if lock else ""),
        (list_id, import_id),
    )
    row = cursor.fetchone()
    if row is None:
        raise Unknown("this import does not exist (any more), or belongs to another list")
    return _import(row)


def listing(cursor: Cursor, list_id: str, limit: int = PAGE, before: datetime | None = None) -> list[Import]:
    """The newest imports of a list, newest first; those that were brought before a moment."""
    cursor.execute(
        f"select {_COLUMNS} from import where list_id = %s and created_at < coalesce(%s::timestamptz, 'infinity')"
        " order by list_id, created_at desc limit %s",
        (list_id, before, limit),
    )
    return [_import(row) for row in cursor.fetchall()]


def _import(row: tuple[Any, ...]) -> Import:
    matching = msgspec.convert(row[5], Matching) if row[5] is not None else None
    return Import(*(*row[:5], matching, *row[6:]))


def move(cursor: Cursor, one: Import) -> None:
    """Keep where an import is."""
    cursor.execute(
        "update import set state = %s, matching = %s, passed = %s, planned = %s, counts = %s, error = %s,"
        " changed_at = clock_timestamp() where list_id = %s and id = %s",
        (
            one.state,
            Jsonb(msgspec.to_builtins(one.matching)) if one.matching else None,
            one.passed,
            Jsonb(one.planned),
            Jsonb(one.counts),
            one.error,
            one.list_id,
            one.id,
        ),
    )


def overdue(cursor: Cursor) -> list[str]:
    """Lists, of any organisation, with imports whose rows are to be purged."""
    cursor.execute("select list_id from muster_imports_overdue()")
    return [row[0] for row in cursor.fetchall()]


def purge(cursor: Cursor, list_id: str, most: int = 5_000) -> bool:
    """Delete a slice of the rows of a list's old imports; what they came to stays. Whether there may be more."""
    old = f"select id from import where list_id = %s and kept and created_at < now() - interval '{KEPT_DAYS} days'"
    cursor.execute(
        f"{old} and state not in ('previewing', 'running') order by created_at limit 1 for update", (list_id,)
    )
    row = cursor.fetchone()
    if row is None:
        return False
    cursor.execute(
        "delete from import_row where (list_id, import_id, number) in (select list_id, import_id, number"
        " from import_row where list_id = %s and import_id = %s limit %s)",
        (list_id, row[0], most),
    )
    if cursor.rowcount < most:
        cursor.execute("update import set kept = false where list_id = %s and id = %s", (list_id, row[0]))
    return True
