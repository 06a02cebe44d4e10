"""The rows of an import as operators look at them: page by page, and those that are refused as a file."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models import csv_writing
from models.database import Cursor
from models.defusing import defuse, restore
from models.imports.judging import OUTCOMES, REFUSED
from models.imports.store import Import

PAGE = 50
STRETCH = 1_000  # rows in memory at once
ERROR = "Error"  # the column that a file of refused rows has more
_NUMBER = re.compile(r"-?\d+([.,]\d+)?")


@dataclass(frozen=True, slots=True)
class Shown:
    """A row, and what becomes of it: `changes` are (label, before, after), `kept` labels of locked fields that were
    left alone, `complaints` (column, sentence)."""

    number: int
    cells: Sequence[str]
    outcome: str | None
    detail: Mapping[str, Any]

    @property
    def changes(self) -> Sequence[Sequence[Any]]:
        """What changes of somebody who is in the list."""
        found: Sequence[Sequence[Any]] = self.detail.get("changes", ())
        return found

    @property
    def kept(self) -> Sequence[str]:
        """What is left alone, since an identity provider writes it."""
        found: Sequence[str] = self.detail.get("kept", ())
        return found

    @property
    def complaints(self) -> Sequence[Sequence[str]]:
        """Why the row is refused."""
        found: Sequence[Sequence[str]] = self.detail.get("complaints", ())
        return found

    @property
    def error(self) -> str:
        """The same in one sentence."""
        return "; ".join(sentence for _, sentence in self.complaints)


def page(
    cursor: Cursor, one: Import, outcome: str | None = None, after: int = 0, count: int = PAGE
) -> tuple[list[Shown], int | None]:
    """Rows after a number, all or those of an outcome, and the number that the next page begins after (None: the
    last page)."""
    condition, parameters = "", [one.list_id, one.id, after]
    if outcome in OUTCOMES:
        condition = " and outcome = %s"
        parameters.append(outcome)
    cursor.execute(
        "select number, cells, outcome, detail from import_row where list_id = %s and import_id = %s and number > %s"
        f"{condition} order by number limit %s",
        (*parameters, count + 1),
    )
    found = [Shown(row[0], row[1], row[2], row[3] or {}) for row in cursor.fetchall()]
    return found[:count], found[count - 1].number if len(found) > count else None


def refused_name(one: Import) -> str:
    """What the file of refused rows is called: letters, digits and hyphens of the file that was brought."""
    stem = one.name.rpartition(".")[0] or one.name
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in stem).strip("-")
    return f"{plain or 'people'}-refused.csv"


def refused_head(one: Import) -> str:
    """What the file of refused rows begins with."""
    return csv_writing.MARK + csv_writing.lines([[*one.columns, _error_column(one)]])


def refused(cursor: Cursor, one: Import, after: int) -> tuple[str, int | None]:
    """Refused rows after a number as they came, with why; and where to go on. As CSV with commas."""
    found, more = page(cursor, one, REFUSED, after, STRETCH)
    return csv_writing.written([*map(_harmless, row.cells), defuse(row.error)] for row in found), more


def _harmless(cell: str) -> str:
    """A cell that means the same to an import, and that no spreadsheet carries out."""
    return cell if _NUMBER.fullmatch(cell) else defuse(restore(cell))


def _error_column(one: Import) -> str:
    taken = {name.casefold() for name in one.columns}
    names = (ERROR, *(f"{ERROR} {number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name.casefold() not in taken)
