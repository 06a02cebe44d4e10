"""A CSV file as its header and rows, one at a time: nothing of it is held for longer than its row."""

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from models.defusing import restore
from models.errors import Refused
from models.imports.encoding import encoding_of, opened, separator_of
from models.text import plural

MOST_COLUMNS = 500
LONGEST_HEADER = 250  # characters
_UNSEEN = re.compile("[\u200b\u200c\u200d\u2060\ufeff]")  # without width: they come along when a heading is pasted
_GAPS = re.compile(r"[^\S ]+")  # that are no spaces: line breaks, tabs, spaces that do not break


class Row(NamedTuple):
    """A row under the header: its number as a spreadsheet counts, its cells as they stand, and why it cannot be used
    ("" where it can)."""

    number: int
    cells: list[str]
    fault: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file that is open: the names of its columns, and its rows, which can be walked through once."""

    columns: tuple[str, ...]
    rows: Iterator[Row]
    encoding: str
    separator: str


@contextmanager
def sheet(file: BinaryIO, old: str = "") -> Iterator[Sheet]:
    """A CSV file as spreadsheets write them; `old` is what it is in if it is no UTF. Refused, with a sentence, where it
    has no usable header; rows raise Refused where what follows cannot be read."""
    encoding = encoding_of(file, old)
    separator, said = separator_of(file, encoding)
    if len(separator) != 1 or separator in "\r\n\"'" or separator.isalnum():
        raise Refused(f"the first line says that '{separator}' stands between cells, which cannot be: remove that line")
    with opened(file, encoding) as lines:
        if said:
            next(lines)
        records = _records(lines, separator)
        number, header = next(records, (0, []))
        columns = _header(header, number)
        yield Sheet(columns, _rows(records, columns), encoding, separator)


def _records(lines: Iterator[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """(number, cells) of every row that is not blank."""
    unread = _Unread(lines)
    reader, number = csv.reader(unread, delimiter=separator), 0
    while True:
        number += 1
        try:
            cells = next(reader, None)
        except csv.Error:
            most = csv.field_size_limit()
            raise Refused(
                f'row {number} has a cell of more than {most:,} characters: is a quote (") in it never closed?'
            ) from None
        if cells is None:
            return
        if unread.over:
            # It asked for more than there is. What follows the quote would be a cell of this person's.
            raise Refused(f'row {number} begins a quote (") that is never closed: close it, or bring the whole file')
        if any(cell and not cell.isspace() for cell in cells):
            yield number, cells


class _Unread:
    """Lines, and whether the one after the last was asked for."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines, self.over = lines, False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            return next(self._lines)
        except StopIteration:
            self.over = True
            raise


def _header(cells: list[str], number: int) -> tuple[str, ...]:
    names = [restore(_GAPS.sub(" ", _UNSEEN.sub("", cell)).strip()) for cell in cells]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise Refused("the file has no header: its first row must name the columns")
    if len(names) > MOST_COLUMNS:
        raise Refused(f"the file has {len(names)} columns, and {MOST_COLUMNS} are taken: leave some out")
    named = tuple(name or f"Column {place}" for place, name in enumerate(names, 1))
    seen: dict[str, int] = {}
    for place, name in enumerate(named, 1):
        if len(name) > LONGEST_HEADER or not name.isprintable():
            raise Refused(
                f"column {place} has no usable name: row {number} must name each column"
                f" in one line of at most {LONGEST_HEADER} characters"
            )
        first = seen.setdefault(name.casefold(), place)
        if first != place:
            raise Refused(f"columns {first} and {place} are both called '{name}': rename one, or remove it")
    return named


def _rows(records: Iterator[tuple[int, list[str]]], columns: tuple[str, ...]) -> Iterator[Row]:
    width = len(columns)
    for number, cells in records:
        fault = ""
        if len(cells) < width:
            cells += [""] * (width - len(cells))
        elif len(cells) > width:
            if any(cell.strip() for cell in cells[width:]):
                present = f"there {'is' if width == 1 else 'are'} {plural(width, 'column')}"
                fault = f"the row has {len(cells)} cells, and {present}: is there a separator too many?"
            del cells[width:]
        for place, cell in enumerate(cells):
            if "\x00" in cell:
                cells[place] = cell.replace("\x00", "\N{REPLACEMENT CHARACTER}")
                fault = f"{columns[place]} holds a character that cannot be stored (NUL): remove it"
        yield Row(number, cells, fault)
