"""The bytes of a file as spreadsheets write them, as lines of text, and what stands between their cells."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from models.errors import Refused, TooLarge

LARGEST_FILE = 64 * 1024 * 1024  # bytes
LONGEST_LINE = 1_048_576  # characters
SEPARATORS = (",", ";", "\t", "|")
_CHUNK = 1 << 20
_SAMPLE = 65_536  # characters
_SNIFFED = 20  # rows
_SAID = re.compile(r'"?sep=(.)"?\r?\n?\r?', re.IGNORECASE)
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def encoding_of(file: BinaryIO) -> str:
    """Which encoding a file is in: by its byte order mark, else UTF-16 by its zero bytes, else UTF-8 where all of it
    is, else Windows-1252. The file is left at its beginning. Refused where it is empty or too large."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size > LARGEST_FILE:
        raise TooLarge(f"the file has {size // 1_048_576} MB, and {LARGEST_FILE // 1_048_576} are taken: split it")
    head = file.read(4096)
    file.seek(0)
    if not head.strip():
        raise Refused("the file is empty: it needs a row of column names, and a row for each person")
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Refused(
            "this is a workbook (Excel or OpenDocument), not CSV: save it as “CSV UTF-8” and choose that file"
        )
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    pairs = len(head) // 2
    # Of Latin text in UTF-16 every second byte is zero.
    if pairs and head[1::2].count(0) > pairs // 2:
        return "utf-16-le"
    if pairs and head[0::2].count(0) > pairs // 2:
        return "utf-16-be"
    return "utf-8" if _is_utf8(file) else "cp1252"


def _is_utf8(file: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    finally:
        file.seek(0)
    return True


@contextmanager
def opened(file: BinaryIO, encoding: str) -> Iterator[Iterator[str]]:
    """The lines of a file from its beginning, each with its own end (LF, CRLF or CR). Refused while they are read
    where a line is no line, or the bytes are of another encoding."""
    file.seek(0)
    text = io.TextIOWrapper(file, encoding, newline="")
    try:
        yield _lines(text)
    except UnicodeDecodeError as error:
        raise Refused(
            f"the file is not text in {encoding} throughout: save it as “CSV UTF-8” ({error.reason})"
        ) from None
    finally:
        text.detach()


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE and line[-1] not in "\r\n":
            raise Refused(f"a line of the file has more than {LONGEST_LINE:,} characters: it is no CSV file")
        yield line


def separator_of(file: BinaryIO, encoding: str) -> tuple[str, bool]:
    """What stands between cells, and whether the first line says so (Excel's `sep=;`) and is no row."""
    with opened(file, encoding) as lines:
        sample, size = [], 0
        for line in lines:
            sample.append(line)
            size += len(line)
            if size > _SAMPLE:
                break
    said = _SAID.fullmatch(sample[0]) if sample else None
    if said:
        return said[1], True
    return max(SEPARATORS, key=lambda one: _fits(sample, one)), False


def _fits(sample: list[str], separator: str) -> tuple[float, int]:
    """How well a separator explains rows: the share of them that are as wide as the first, and its width."""
    widths = []
    try:
        for row in csv.reader(sample, delimiter=separator):
            if any(cell.strip() for cell in row):
                widths.append(len(row))
            if len(widths) == _SNIFFED:
                break
    except csv.Error:
        pass
    if not widths or widths[0] < 2:
        return 0.0, 0
    return widths.count(widths[0]) / len(widths), widths[0]
