"""CSV that spreadsheets read as it is meant (RFC 4180): text stays text, whoever wrote it."""

import csv
import io
from collections.abc import Iterable
from typing import Any

MARK = "\ufeff"  # has Excel read UTF-8
# With one of these in front a spreadsheet takes a cell for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: Any) -> str:
    """A value as a cell that no spreadsheet carries out: an apostrophe goes before a formula. Numbers are numbers."""
    if value is None:
        return ""
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


def lines(rows: Iterable[Iterable[Any]]) -> str:
    """Rows as lines."""
    text = io.StringIO()
    csv.writer(text).writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()
