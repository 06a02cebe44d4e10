"""What a cell says, as its field keeps it."""

import re
from datetime import date

from models import mapping
from models.defusing import restore
from models.errors import Refused
from models.imports.matching import DAY_FIRST, ISO, Matching
from models.mapping import Field, Value
from models.text import fold

ACTIVE = frozenset({"active", "yes", "y", "true", "1", "enabled", "current", "employed", "on", "aktiv"})
INACTIVE = frozenset(
    {"inactive", "no", "n", "false", "0", "disabled", "deactivated", "left", "leaver", "former", "suspended", "off"}
)
_UNSHOWN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_TIME = r"(?:[ T]\d{1,2}:\d{2}(?::\d{2})?(?: ?[AaPp][Mm])?)?"
_PARTED = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})" + _TIME)
_YEAR_FIRST = re.compile(r"(\d{4})([/.])(\d{1,2})\2(\d{1,2})" + _TIME)
_GROUPED = re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?")
_COMMA = re.compile(r"[+-]?\d*,\d+")
_SHORTENED = re.compile(r"-?\d([.,]\d+)?E\+\d+")  # programs write a small e


def check_whole(cell: str, whose: str) -> None:
    """Refused where a spreadsheet has made 4.47912E+11 of a long number: the rest of its digits is lost."""
    if _SHORTENED.fullmatch(cell.strip()):
        raise Refused(
            f"{whose}'{cell.strip()}' is a number that a spreadsheet has shortened: format the column as text"
        )


def active_of(cell: str) -> bool | None:
    """What a Status cell says; None where it is empty."""
    word = fold(restore(cell).strip())
    if not word:
        return None
    if word in ACTIVE or word in INACTIVE:
        return word in ACTIVE
    raise Refused(f"Status: '{cell.strip()[:100]}' is neither Active nor Inactive")


def value_of(field: Field, cell: str, matching: Matching) -> Value:
    """A cell as its field keeps it; None for an empty one. Refused where it does not fit."""
    text = restore(cell)
    wrong = _UNSHOWN.search(text)
    if wrong:
        raise Refused(f"{field.label} holds a control character (U+{ord(wrong[0]):04X}): remove it")
    if field.type == "date":
        text = _as_date(field, text.replace("\u00a0", " ").strip(), matching.dates)
    elif field.type == "number":
        text = _as_number(text, matching.comma)
    return mapping.fit(field, text)


def _as_number(text: str, comma: bool) -> str:
    text = text.replace("\u00a0", " ").replace("\u2212", "-").strip()
    if not comma:
        return text
    plain = text.replace(" ", "").replace("\u202f", "")
    if _GROUPED.fullmatch(plain):
        plain = plain.replace(".", "")
    elif "." in plain:
        return f"{text} (with a decimal comma)"  # 1.5 would be one and a half, or fifteen: nobody can tell
    return plain.replace(",", ".") if _COMMA.fullmatch(plain) else plain


def _as_date(field: Field, text: str, dates: str) -> str:
    """A date that a spreadsheet wrote, in ISO 8601."""
    found = _YEAR_FIRST.fullmatch(text)
    if found:
        return _iso(int(found[1]), int(found[3]), int(found[4])) or text
    found = _PARTED.fullmatch(text)
    if not found:
        return text
    first, second, year = int(found[1]), int(found[3]), int(found[4])
    day_first, month_first = _iso(year, second, first), _iso(year, first, second)
    if dates == ISO and day_first and month_first and day_first != month_first:
        raise Refused(
            f"{field.label}: '{text}' may be {day_first} or {month_first}: say whether days or months come first"
        )
    chosen = (day_first or month_first) if dates == ISO else day_first if dates == DAY_FIRST else month_first
    return chosen or text


def _iso(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
