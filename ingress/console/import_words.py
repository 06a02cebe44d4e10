"""How the console words an import. Used by templates."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from models.imports.judging import CREATED, REFUSED, UNCHANGED, UPDATED
from models.imports.matching import UID
from models.imports.store import (
    DONE,
    FAILED,
    PREVIEWED,
    PREVIEWING,
    RUNNING,
    STOPPED,
    UPLOADED,
    Import,
)  # fmt: skip

OUTCOMES = {CREATED: "New", UPDATED: "Changed", UNCHANGED: "Unchanged", REFUSED: "Refused"}
SHOWN = 200  # characters of a cell
TONES = {CREATED: "ok", UPDATED: "ok", UNCHANGED: "off", REFUSED: "bad"}


class Pill(NamedTuple):
    """A state as a word and a colour: ok, wait, bad or off."""

    tone: str
    words: str


_STATES = {
    UPLOADED: Pill("wait", "To be matched"),
    PREVIEWING: Pill("wait", "Previewing"),
    PREVIEWED: Pill("wait", "Previewed"),
    RUNNING: Pill("wait", "Running"),
    DONE: Pill("ok", "Imported"),
    STOPPED: Pill("off", "Stopped"),
    FAILED: Pill("bad", "Failed"),
}


def state(one: Import) -> Pill:
    """How an import is."""
    return _STATES[one.state]


def share(one: Import) -> int:
    """How much of the preview or the run is done, of 100."""
    return min(100, 100 * one.done // max(1, one.total))


def filled(cells: Sequence[str], targets: Sequence[str], names: Mapping[str, str]) -> str:
    """What a row says of somebody new, beside their UID."""
    told = zip(targets, cells, strict=True)
    return "; ".join(
        f"{names[one]}: {short(cell)}" for one, cell in told if one != UID and one in names and cell.strip()
    )


def value(given: object) -> str:
    """A field's value, or that it has none."""
    return "nothing" if given is None else short(str(given))


def short(text: str) -> str:
    """A cell as a page of rows shows it: fifty of a megabyte would be a page that no browser likes."""
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
