"""A list's people as a file: CSV for a spreadsheet, which can be imported again, or NDJSON for a program."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from typing import Any, NamedTuple

from models import csv_writing, person_page
from models.database import Cursor
from models.imports.matching import labels
from models.mapping import Field
from models.person_page import Row

STRETCH = 1_000  # people in memory at once
STATUS = ("Inactive", "Active")
FORMATS = ("csv", "ndjson")


class Stretch(NamedTuple):
    """Some people as text, how many they are, and the key that the next begin after (None: these were the last)."""

    text: str
    people: int
    after: str | None


def summary(kind: str, status: str, search: str) -> str:
    """Whom a file is of and in which format, for the audit log."""
    return f"{status}, as {kind}" + (f", matching '{search}'" if search else "")


def head(fields: Sequence[Field], kind: str) -> str:
    """What a file begins with: in CSV the names of the columns, as an import reads them again."""
    if kind != "csv":
        return ""
    status, changed = labels(fields)
    names = ["UID", status, *(field.label for field in _own(fields)), changed]
    return csv_writing.MARK + csv_writing.lines([names])


def stretch(
    cursor: Cursor, list_id: str, fields: Sequence[Field], kind: str, status: str, search: str, after: str | None
) -> Stretch:
    """The people after a key, in order of UID, in a format. `status`: active, inactive or all; `search`: as in the
    console, "" for everybody."""
    found = person_page.page(cursor, list_id, status, search, after, None, STRETCH)
    written = _WRITERS[kind](fields, found.rows)
    return Stretch(written, len(found.rows), found.after)


def _own(fields: Sequence[Field]) -> Iterator[Field]:
    return (field for field in fields if not field.uid)


def _as_csv(fields: Sequence[Field], people: Sequence[Row]) -> str:
    keys = [field.key for field in _own(fields)]
    return csv_writing.lines(
        [
            one.uid,
            STATUS[one.active],
            *(one.fields.get(key) for key in keys),
            one.modified_at.astimezone(UTC).isoformat(timespec="seconds"),
        ]
        for one in people
    )


def _as_ndjson(fields: Sequence[Field], people: Sequence[Row]) -> str:
    own = list(_own(fields))
    return "".join(
        json.dumps(
            {
                "id": one.id,
                "uid": one.uid,
                "active": one.active,
                "fields": {field.label: one.fields.get(field.key) for field in own},
                "modified_at": one.modified_at.astimezone(UTC).isoformat(timespec="milliseconds"),
            },
            ensure_ascii=False,
        )
        + "\n"
        for one in people
    )


_WRITERS: dict[str, Callable[[Sequence[Field], Sequence[Row]], Any]] = {"csv": _as_csv, "ndjson": _as_ndjson}
