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
_WORKBOOK = "a workbook (Excel or OpenDocument)"
_MARKUP = "a web page or XML"
# What else is brought as .csv, by how it begins.
_OTHERS = (
    (b"PK", _WORKBOOK), (b"\xd0\xcf\x11\xe0", _WORKBOOK), (b"\x1f\x8b", "a compressed file (gzip)"), (b"%PDF", "a PDF"),
    (b"<", _MARKUP), (b"[{", "JSON"), (b'{"', "JSON"), (codecs.BOM_UTF32_LE, "text in UTF-32"),
    (codecs.BOM_UTF32_BE, "text in UTF-32"),
)  # fmt: skip
# What files are in that are no UTF: Excel's plain "CSV" is in its computer's, which a few names do not tell.
OLD = {
    "windows-1252": "Western European", "windows-1250": "Central European", "windows-1251": "Cyrillic",
    "windows-1253": "Greek", "windows-1254": "Turkish", "windows-1255": "Hebrew", "windows-1256": "Arabic",
    "windows-1257": "Baltic", "windows-1258": "Vietnamese", "windows-874": "Thai", "shift_jis": "Japanese",
    "gb18030": "Chinese, simplified", "big5": "Chinese, traditional", "euc-kr": "Korean", "macintosh": "Mac Roman",
}  # fmt: skip
# Where Python calls what Windows writes by another name.
_CODECS = {"windows-874": "cp874", "shift_jis": "cp932", "big5": "cp950", "euc-kr": "cp949", "macintosh": "mac_roman"}
_CONTROL = bytes({*range(32)} - {*b"\t\n\f\r"})
_NAMES = {_CODECS.get(name, name): name.capitalize() for name in OLD} | {
    "cp1252": "Windows-1252", "mac_roman": "Mac Roman", "utf-8-sig": "UTF-8",
}  # fmt: skip


def encoding_of(file: BinaryIO, old: str = "") -> str:
    """Which encoding a file is in: by its byte order mark, else UTF-16 by its zero bytes, else UTF-8 where all of it
    is, else `old` (a key of OLD), or where that is empty what computers of its line ends wrote. The file is left at its
    beginning. Refused where it is empty, too large, or no text."""
    if old and old.lower() not in OLD:
        raise Refused(f"the encoding '{old[:50]}' is not known: say one of {', '.join(OLD)}")
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size > LARGEST_FILE:
        raise TooLarge(f"the file has {size // 1_048_576} MB, and {LARGEST_FILE // 1_048_576} are taken: split it")
    head = file.read(4096)
    if not head.strip():
        raise Refused("the file is empty: it needs a row of column names, and a row for each person")
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    other = next((name for mark, name in _OTHERS if start.startswith(mark)), None)
    if other:
        raise Refused(f"this is {other}, not CSV: save it as “CSV UTF-8” and choose that file")
    found = _marked(head)
    if found is None and len(head) - len(head.translate(None, _CONTROL)) > max(2, len(head) // 16):
        raise Refused("this is no text, and no CSV file: save it as “CSV UTF-8” and choose that file")
    if found is None and _misfit(file, "utf-8") is None:
        found = "utf-8"
    found = found or _CODECS.get(old.lower(), old.lower()) or _old(file, head)
    line = _misfit(file, found)
    if line is not None:
        raise Refused(f"line {line} is no text in {_NAMES.get(found, found.upper())}: save the file as “CSV UTF-8”")
    file.seek(0)
    return found


def _marked(head: bytes) -> str | None:
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    pairs = len(head) // 2
    # Of Latin text in UTF-16 every second byte is zero, and no more.
    if pairs and head[1::2].count(0) > pairs // 2 > head[0::2].count(0):
        return "utf-16-le"
    if pairs and head[0::2].count(0) > pairs // 2 > head[1::2].count(0):
        return "utf-16-be"
    return None


def _old(file: BinaryIO, head: bytes) -> str:
    """The encoding of a file that is not UTF-8; refused where it seems to be, but for a few places: cut off, or put
    together of files in two encodings."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    good = bad = 0
    for chunk in _chunks(file):
        text = decoder.decode(chunk)
        wrong = text.count("\N{REPLACEMENT CHARACTER}")
        bad, good = bad + wrong, good + len(text) - len(text.encode("ascii", "ignore")) - wrong
    if good >= bad:
        line = _misfit(file, "utf-8")
        raise Refused(f"line {line} is no text in UTF-8, as the rest is: save the whole file as “CSV UTF-8”")
    # Excel's “CSV (Macintosh)” is all that ends lines with CR alone.
    return "mac_roman" if b"\r" in head and b"\n" not in head else "cp1252"


def _misfit(file: BinaryIO, encoding: str) -> int | None:
    """The first line that is no text in an encoding."""
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    try:
        for chunk in _chunks(file):
            line += _line_ends(decoder.decode(chunk))
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return line + _line_ends(error.object[: error.start].decode(encoding, "replace"))
    return None


def _line_ends(text: str) -> int:
    return max(text.count("\n"), text.count("\r"))


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(_CHUNK):
        yield chunk


@contextmanager
def opened(file: BinaryIO, encoding: str) -> Iterator[Iterator[str]]:
    """The lines of a file from its beginning, each with its own end (LF, CRLF or CR). Refused while they are read
    where a line is no line."""
    file.seek(0)
    text = io.TextIOWrapper(file, encoding, newline="")
    try:
        yield _lines(text)
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
