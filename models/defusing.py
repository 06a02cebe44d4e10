"""Text that no spreadsheet carries out as a formula, and the way back.

A cell that begins with one of these characters (OWASP, CSV injection; full-width ones count as well) gets an
apostrophe in front. Telephone numbers and "-5" in a field of text are no exception: a spreadsheet would take
"+44 20…" for a number, and save it without its plus. Numbers of number fields are written as they are.
"""

import re

_FORMULA = "=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20"
_DANGEROUS = re.compile(f"'*[{_FORMULA}]")
_DEFUSED = re.compile(f"'+[{_FORMULA}]")
_AS_TEXT = re.compile(r'="([^"]*)"')  # how programs keep a spreadsheet from taking the zeros off 0071


def defuse(text: str) -> str:
    """A cell to be written. What looks defused already gets one more apostrophe, so that `restore` gives it back."""
    return f"'{text}" if _DANGEROUS.match(text) else text


def restore(text: str) -> str:
    """A cell as it was before `defuse`, or before another program made a formula of it."""
    as_text = _AS_TEXT.fullmatch(text)
    if as_text:
        return as_text[1]
    return text[1:] if _DEFUSED.match(text) else text
