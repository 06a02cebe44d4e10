"""What Muster is to reach, line by line, and what was measured of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ops.bench.grid import text_table

MET, MISSED, UNKNOWN = "met", "missed", "not measured"


@dataclass(frozen=True)
class Line:
    """One target. `limit` and `value` have the same unit; no value: not measured, and `note` says why. Beside a value
    it says of what."""

    what: str
    limit: float
    value: float | None
    unit: str
    at_least: bool = False  # otherwise the limit is the most
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None where nobody knows."""
        if self.value is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    @property
    def verdict(self) -> str:
        """In a word or two."""
        return UNKNOWN if self.met is None else MET if self.met else MISSED

    @property
    def target(self) -> str:
        """The limit with its unit."""
        return f"{'≥' if self.at_least else '≤'} {_shown(self.limit)} {self.unit}".rstrip()

    @property
    def measured(self) -> str:
        """The value with its unit, or why there is none."""
        if self.value is None:
            return self.note
        return f"{_shown(self.value)} {self.unit}".rstrip() + (f" ({self.note})" if self.note else "")

    @property
    def in_short(self) -> str:
        """Value and limit, for little room."""
        return f"{_shown(self.value or 0)}, {self.target}"


def _shown(value: float) -> str:
    """Three figures that count; whole numbers as such."""
    return f"{value:,.0f}" if value == round(value) or abs(value) >= 100 else f"{value:.3g}"


def table(lines: Iterable[Line]) -> str:
    """All of them, as Markdown."""
    rows = [(line.what, line.target, line.measured, line.verdict) for line in lines]
    return text_table(("what", "target", "measured", ""), rows)


def tally(lines: Sequence[Line]) -> str:
    """How many were met."""
    verdicts = [line.verdict for line in lines]
    return ", ".join(f"{verdicts.count(one)} {one}" for one in (MET, MISSED, UNKNOWN))
