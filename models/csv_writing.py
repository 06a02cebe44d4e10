"""CSV that spreadsheets read as it is meant (RFC 4180): text stays text, whoever wrote it."""

import csv
import io
from collections.abc import Iterable
from typing import Any

from models.defusing import defuse

MARK = "\ufeff"  # has Excel read UTF-8


def cell(value: Any) -> str:
    """A value as a cell that no spreadsheet carries out. Numbers are numbers."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else defuse(str(value))


def lines(rows: Iterable[Iterable[Any]]) -> str:
    """Rows of values as lines."""
    return written([cell(value) for value in row] for row in rows)


def written(rows: Iterable[Iterable[str]]) -> str:
    """Rows of cells, which are harmless already, as lines."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
