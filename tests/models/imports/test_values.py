"""What cells say."""

import pytest

from models import csv_writing
from models.defusing import defuse, restore
from models.errors import Refused
from models.imports.matching import DAY_FIRST, ISO, MONTH_FIRST, Matching
from models.imports.values import active_of, value_of
from models.mapping import Field, Value

DATE, NUMBER, TEXT = Field("d", "Born", "date"), Field("n", "Height", "number"), Field("t", "Note", "text")


def read(field: Field, cell: str, dates: str = ISO, comma: bool = False) -> Value:
    return value_of(field, cell, Matching((), dates, comma))


@pytest.mark.parametrize(
    ("cell", "dates", "expected"),
    [
        ("2001-12-31", ISO, "2001-12-31"),
        ("2001/12/31", ISO, "2001-12-31"),
        ("31.12.2001", ISO, "2001-12-31"),
        ("12/31/2001", ISO, "2001-12-31"),
        ("3/3/2001", ISO, "2001-03-03"),
        ("3/4/2001", DAY_FIRST, "2001-04-03"),
        ("3/4/2001", MONTH_FIRST, "2001-03-04"),
        ("31/12/2001 00:00:00", DAY_FIRST, "2001-12-31"),
        ("12/31/2001 12:00:00 AM", MONTH_FIRST, "2001-12-31"),
        ("12/31/2001 3:05pm", MONTH_FIRST, "2001-12-31"),
        ("2001-12-31T08:00:00", DAY_FIRST, "2001-12-31"),
        ("", DAY_FIRST, None),
    ],
)
def test_dates(cell: str, dates: str, expected: Value) -> None:
    assert read(DATE, cell, dates) == expected


@pytest.mark.parametrize(
    ("cell", "dates", "sentence"),
    [
        ("3/4/2001", ISO, "'3/4/2001' may be 2001-04-03 or 2001-03-04: say whether days or months come first"),
        ("12/31/2001", DAY_FIRST, "is not a date"),
        ("31/12/2001", MONTH_FIRST, "is not a date"),
        ("30/02/2001", ISO, "is not a date"),
        ("1/2/01", DAY_FIRST, "is not a date"),
        ("tomorrow", ISO, "is not a date"),
    ],
)
def test_dates_that_nobody_can_be_sure_of_are_refused(cell: str, dates: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        read(DATE, cell, dates)


@pytest.mark.parametrize(
    ("cell", "comma", "expected"),
    [
        ("1.5", False, 1.5), ("-5", False, -5), ("\u22125", False, -5), (" 7 ", False, 7), ("1,5", True, 1.5),
        ("1.234,5", True, 1234.5), ("1.234", True, 1234), ("12", True, 12), ("-1\u00a0234,5", True, -1234.5),
        ("'-5", False, -5), ("1e3", False, 1000.0),
    ],
)  # fmt: skip
def test_numbers(cell: str, comma: bool, expected: Value) -> None:
    assert read(NUMBER, cell, comma=comma) == expected


@pytest.mark.parametrize(("cell", "comma"), [("1,5", False), ("1.5", True), ("1,234.5", False), ("x", True)])
def test_numbers_that_may_be_others_are_refused(cell: str, comma: bool) -> None:
    with pytest.raises(Refused, match="is not a number that can be kept"):
        read(NUMBER, cell, comma=comma)


def test_control_characters_are_named_and_line_breaks_stay() -> None:
    with pytest.raises(Refused, match=r"Note holds a control character \(U\+0007\): remove it"):
        read(TEXT, "ding\x07")
    assert read(TEXT, "a\r\nb\tc") == "a\r\nb\tc"


def test_a_status_is_active_or_not_in_any_words_for_it() -> None:
    assert [active_of(cell) for cell in ("Active", "YES", "1", "inactive", "False", "leaver", " ")] == [
        True, True, True, False, False, False, None
    ]  # fmt: skip
    with pytest.raises(Refused, match="'perhaps' is neither Active nor Inactive"):
        active_of("perhaps")


@pytest.mark.parametrize(
    "text", ["=1+1", "+44 20", "-5", "@x", "\tx", "\rx", "\nx", "＝1", "＋1", "－1", "＠x", "'=x", "''-"]
)
def test_what_a_spreadsheet_would_carry_out_is_defused_and_comes_back(text: str) -> None:
    assert defuse(text) == f"'{text}"
    assert restore(defuse(text)) == text


@pytest.mark.parametrize(
    ("cell", "text"), [('="0071"', "0071"), ('=""', ""), ('\'="7"', '="7"'), ('="7"&A1', '="7"&A1')]
)
def test_text_that_a_program_wrote_as_a_formula_is_that_text(cell: str, text: str) -> None:
    assert restore(cell) == text
    assert restore(defuse(text)) == text


@pytest.mark.parametrize("text", ["", "a=b", "'quoted'", "’s", " =1", "7"])
def test_other_text_is_left_as_it_is(text: str) -> None:
    assert defuse(text) == restore(text) == text


def test_numbers_are_exported_as_they_are() -> None:
    assert [csv_writing.cell(value) for value in (-5, 1.5, "-5", None, True)] == ["-5", "1.5", "'-5", "", "true"]
