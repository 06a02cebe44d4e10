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
    return defuse(value) if isinstance(value, str) else str(value)


def lines(rows: Iterable[Iterable[Any]]) -> str:
    """Rows as lines."""
    text = io.StringIO()
    csv.writer(text).writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()
