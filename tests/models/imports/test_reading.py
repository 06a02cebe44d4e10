"""Files as spreadsheets really write them."""

import csv
import io
import itertools
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import Refused, TooLarge
from models.imports import encoding
from models.imports.reading import Row, sheet


def read(content: str | bytes, code: str = "utf-8", old: str = "") -> tuple[tuple[str, ...], list[Row]]:
    """The columns and rows of a file."""
    data = content if isinstance(content, bytes) else content.encode(code)
    with sheet(io.BytesIO(data), old) as found:
        return found.columns, list(found.rows)


def refused(content: str | bytes) -> str:
    with pytest.raises(Refused) as caught:
        read(content)
    return caught.value.detail


TABLE = [["UID", "Name", "Note"], ["zoë", "Zoé, ml.", 'a "b"'], ["2", "Two;three", "x|y\tz"]]


def written(rows: list[list[str]], separator: str, end: str) -> str:
    def cell(text: str) -> str:
        escaped = text.replace('"', '""')
        return f'"{escaped}"' if set(text) & set('";,|\t\r\n') else text

    return end.join(separator.join(map(cell, row)) for row in rows) + end


ENCODINGS = {
    ("\n", "\r\n", "\r"): ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"),
    ("\n", "\r\n"): ("cp1252",),
    ("\r",): ("mac_roman",),  # no file of Windows ends its lines with CR alone
}


@pytest.mark.parametrize(
    ("code", "separator", "end"),
    [case for ends, codes in ENCODINGS.items() for case in itertools.product(codes, ",;\t|", ends)],
)
def test_any_encoding_separator_and_line_end_reads_the_same(code: str, separator: str, end: str) -> None:
    columns, rows = read(written(TABLE, separator, end), code)

    assert columns == ("UID", "Name", "Note")
    assert rows == [Row(2, TABLE[1], ""), Row(3, TABLE[2], "")]


@pytest.mark.parametrize(
    ("old", "name"),
    [
        ("windows-1250", "Přibyl Žižka"), ("Windows-1251", "Ольга"), ("windows-1252", "Zoé"),
        ("windows-1253", "Γιώργος"), ("windows-1254", "Işıl"), ("windows-1255", "יעל"), ("windows-1256", "ليلى"),
        ("windows-1257", "Šarūnas"), ("windows-1258", "Đạt"), ("windows-874", "สมชาย"), ("shift_jis", "髙橋"),
        ("gb18030", "王芳"), ("big5", "陳"), ("euc-kr", "김철수"), ("macintosh", "Zoé"),
    ],
)  # fmt: skip
def test_an_encoding_that_nobody_could_tell_is_said(old: str, name: str) -> None:
    code = encoding._CODECS.get(old, old)
    name = unicodedata.normalize("NFD", name).encode(code, "ignore").decode(code) if old == "windows-1258" else name

    assert read(f"UID,Name\n1,{name}\n", code, old)[1] == [Row(2, ["1", name], "")]


def test_what_is_said_of_old_encodings_does_not_hold_for_unicode() -> None:
    for code in ("utf-8", "utf-16"):
        assert read("UID,Name\n1,Zoë Ж\n", code, "shift_jis")[1] == [Row(2, ["1", "Zoë Ж"], "")]


def test_encodings_that_are_unknown_or_do_not_fit_are_refused() -> None:
    with pytest.raises(Refused, match="'latin-9' is not known: say one of windows-1252, windows-1250"):
        read("UID\n1\n", old="latin-9")
    with pytest.raises(Refused, match="line 2 is no text in Shift_jis"):
        read(b"UID\n\x81\xff\n", old="shift_jis")


def test_utf_16_big_endian_with_its_mark_is_read() -> None:
    assert read(b"\xfe\xff" + "UID,A\nzoë,1\n".encode("utf-16-be"))[1] == [Row(2, ["zoë", "1"], "")]


def test_a_first_line_of_excels_says_the_separator_and_is_no_row() -> None:
    columns, rows = read('sep=;\r\nUID;"A,B,C"\r\n1;2,5\r\n')

    assert columns == ("UID", "A,B,C")
    assert rows == [Row(2, ["1", "2,5"], "")]
    assert "stands between cells" in refused('sep="\nUID"A\n')


def test_headers_are_cleaned_and_columns_without_one_at_the_end_are_left_out() -> None:
    columns, rows = read("\ufeff UID ,First\u00a0Name\u200b,,Town,,\n1,2,3,4,,\n")

    assert columns == ("UID", "First Name", "Column 3", "Town")
    assert rows == [Row(2, ["1", "2", "3", "4"], "")]


def test_decimal_commas_do_not_pass_for_separators() -> None:
    assert read("UID;Height\n1;1,85\n2;1,7\n")[1] == [Row(2, ["1", "1,85"], ""), Row(3, ["2", "1,7"], "")]
    assert read("UID\n1\n2\n") == (("UID",), [Row(2, ["1"], ""), Row(3, ["2"], "")])


def test_short_long_and_blank_rows() -> None:
    _, rows = read("UID,A\n\n , \n1\n2,x,,\n3,x,y\n")

    assert [(row.number, row.cells) for row in rows] == [(4, ["1", ""]), (5, ["2", "x"]), (6, ["3", "x"])]
    assert rows[2].fault == "the row has 3 cells, and there are 2 columns: is there a separator too many?"


def test_a_single_column_is_called_one() -> None:
    assert "there is 1 column:" in read("UID\n1,x\n")[1][0].fault


def test_quoted_line_breaks_stay_and_rows_are_counted_as_a_spreadsheet_does() -> None:
    _, rows = read('UID,A\r\n1,"x\r\ny\rz"\r\n2,b\r\n')

    assert rows == [Row(2, ["1", "x\r\ny\rz"], ""), Row(3, ["2", "b"], "")]


def test_a_zero_character_is_named_by_row_and_column() -> None:
    _, rows = read("UID,Note\n1,a\x00b\n2,c\n")

    assert (rows[0].number, rows[0].fault) == (2, "Note holds a character that cannot be stored (NUL): remove it")
    assert rows[1].fault == ""


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("", "empty"),
        (" \n\n", "empty"),
        (",,\n1,2\n", "blank"),
        ("UID,Name,uid \n", "columns 1 and 3 are both called 'uid'"),
        (",".join(f"c{n}" for n in range(501)) + "\n1\n", "501 columns"),
        ('UID,A\n1,"never closed\n' + "x\n" * 70_000, 'is a quote (") in it never closed?'),
        ('UID,A\n1,"never closed\n2,b\n', 'row 2 begins a quote (") that is never closed'),
        ("UID,A\n1," + "x" * 140_000, "row 2 has a cell of more than 131,072 characters"),
        ("UID\n" + "x" * 1_048_577, "more than 1,048,576 characters"),
        ("UID," + "x" * 251 + "\n1,2\n", "in one line of at most 250 characters"),
        (b"PK\x03\x04....", "a workbook (Excel or OpenDocument), not CSV"),
        (b"PK\x05\x06....", "a workbook (Excel or OpenDocument), not CSV"),
        (b"\x1f\x8b\x08\x00....", "a compressed file (gzip), not CSV"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF, not CSV"),
        ("\ufeff  <html><table>", "a web page or XML, not CSV"),
        ('[{"UID": "1"},\n{"UID": "2"}]', "JSON, not CSV"),
        ("UID,A\n".encode("utf-32"), "text in UTF-32, not CSV"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "no text"),
        (bytes(100), "no text"),
        (b"UID,A\n1,\x81\n", "line 2 is no text in Windows-1252"),
        ("UID,A\n1,é\n2,ü\n3,".encode() + b"\xe9\n", "line 4 is no text in UTF-8, as the rest is"),
        ("UID,A\n1,é\n".encode("utf-16") + b"\x00\xd8a\x00", "line 3 is no text in UTF-16"),
    ],
)
def test_what_is_no_table_is_refused_with_a_sentence(content: Any, part: str) -> None:
    if part == "blank":
        assert read(content)[0] == ("1", "2")  # the first row that is not blank is the header
    else:
        assert part in refused(content)


ODD = st.text(st.sampled_from("Aé,;\t|\"'\n\r =+-\x00\u200bΩ"), max_size=80)
CODES = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "mac_roman", "utf-32"])
BYTES = st.one_of(st.binary(max_size=200), st.builds(lambda text, code: text.encode(code, "replace"), ODD, CODES))


@settings(max_examples=150, deadline=None)
@given(data=BYTES)
def test_whatever_comes_is_a_table_that_can_be_stored_or_refused(data: bytes) -> None:
    try:
        columns, rows = read(data)
    except Refused:
        return
    assert all(len(row.cells) == len(columns) for row in rows)
    assert not any("\x00" in cell for row in rows for cell in row.cells)


PLAIN = st.text(st.sampled_from("aé,;\t|\"'\n\r =Ω"), max_size=6)
TABLES = st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(PLAIN, min_size=width, max_size=width), min_size=1))


@settings(max_examples=100, deadline=None)
@given(
    table=TABLES,
    code=CODES.filter(lambda code: code.startswith("utf-8") or code == "utf-16"),
    sign=st.sampled_from(",;\t|"),
)
def test_what_is_quoted_comes_as_it_was(table: list[list[str]], code: str, sign: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=sign, quoting=csv.QUOTE_ALL)
    writer.writerows([[f"Column {place}" for place in range(len(table[0]))], *table])

    _, rows = read(text.getvalue(), code)

    assert [row.cells for row in rows] == [row for row in table if any(cell.strip() for cell in row)]


def test_a_file_that_is_too_large_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "LARGEST_FILE", 1_048_576)
    with pytest.raises(TooLarge, match="the file has 2 MB, and 1 are taken"):
        read(b"x" * 2_097_152)
