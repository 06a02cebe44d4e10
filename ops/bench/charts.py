"""Pictures of measurements as SVG: bars in groups, and lines over a quantity. Colours follow the reader's scheme."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 900, 70, 24, 78, 56  # pixels
_STYLE = """
  svg { --ground: #ffffff; --ink: #1f2430; --faint: #5b6472; --rule: #dfe3ea; color-scheme: light dark }
  .s0 { --c: #2563b8 } .s1 { --c: #b45309 } .s2 { --c: #6b7280 } .s3 { --c: #0f766e }
  .bad { --c: #b42318 }
  @media (prefers-color-scheme: dark) {
    svg { --ground: #14171d; --ink: #e8ebf0; --faint: #a3acba; --rule: #333a46 }
    .s0 { --c: #7db1f5 } .s1 { --c: #f2a950 } .s2 { --c: #9aa3b2 } .s3 { --c: #4fd1bf }
    .bad { --c: #ff8a7a }
  }
  text { font: 13px system-ui, sans-serif; fill: var(--ink) } .faint { fill: var(--faint) }
  .title { font-size: 17px; font-weight: 600 } .bar { fill: var(--c) }
  .line { fill: none; stroke: var(--c); stroke-width: 2 } .rule { stroke: var(--rule) }
  .limit { stroke: var(--ink); stroke-width: 2 }
"""


@dataclass(frozen=True)
class Bars:
    """Groups of bars, one of each series; None where there is no value."""

    name: str  # of the file, without its ending
    title: str
    unit: str
    groups: Sequence[str]
    series: Mapping[str, Sequence[float | None]]

    def svg(self) -> str:
        """The picture."""
        height = 420
        values = [value for row in self.series.values() for value in row if value is not None]
        scale = _Scale(0, max(values, default=1.0), height - BOTTOM, TOP)
        return _page(self.title, height, [*_across(scale, self.unit), *_legend(self.series), *self._bars(scale)])

    def _bars(self, scale: "_Scale") -> Iterator[str]:
        step = (WIDTH - LEFT - RIGHT) / max(1, len(self.groups))
        width = step * 0.8 / max(1, len(self.series))
        for group, name in enumerate(self.groups):
            yield _text(LEFT + step * (group + 0.5), scale.bottom + 20, name, "middle")
            for number, row in enumerate(self.series.values()):
                value = row[group]
                if value is not None:
                    x, y = LEFT + step * (group + 0.1) + width * number, scale.of(value)
                    box = f'x="{x:.1f}" y="{y:.1f}" width="{width - 3:.1f}" height="{max(0, scale.bottom - y):.1f}"'
                    yield f'<rect class="bar s{number % 4}" {box}/>'
                    yield _text(x + width / 2 - 1.5, y - 5, short(value), "middle", "faint")


@dataclass(frozen=True)
class Curves:
    """Values over a quantity, a line for each series."""

    name: str
    title: str
    across: str  # what the points are at, with its unit
    unit: str
    series: Mapping[str, Sequence[tuple[float, float]]]

    def svg(self) -> str:
        """The picture."""
        height = 420
        points = [point for row in self.series.values() for point in row] or [(1.0, 1.0)]
        up = _Scale(0, max(y for _, y in points), height - BOTTOM, TOP)
        along = _Scale(0, max(x for x, _ in points), LEFT, WIDTH - RIGHT)
        marks = [_text(along.of(x), up.bottom + 20, short(x), "middle", "faint") for x in along.steps()]
        caption = _text((LEFT + WIDTH - RIGHT) / 2, height - 12, self.across, "middle", "faint")
        lines = [
            f'<polyline class="line s{number % 4}" points="'
            + " ".join(f"{along.of(x):.1f},{up.of(y):.1f}" for x, y in row)
            + '"/>'
            for number, row in enumerate(self.series.values())
        ]
        return _page(self.title, height, [*_across(up, self.unit), *_legend(self.series), *marks, caption, *lines])


@dataclass(frozen=True)
class Shares:
    """How far each value is along to its limit: beyond the line is better where more is wanted, worse otherwise; so
    each bar says in its colour, and with a mark, whether the limit is kept."""

    name: str
    title: str
    rows: Sequence[tuple[str, float, str, bool]]  # label, value by limit, what is written beside it, whether it is kept

    def svg(self) -> str:
        """The picture."""
        height, left, most = TOP + 26 * len(self.rows) + BOTTOM, 400, 2.0
        unit = (WIDTH - left - 230) / most
        parts = [
            f'<path class="limit" d="M{left + unit:.1f} {TOP - 6}V{height - BOTTOM}"/>',
            _text(left + unit, height - BOTTOM + 20, "the target", "middle"),
            _text(left, height - 12, "measured by target; bars end at 2", "start", "faint"),
        ]
        for number, (label, share, told, kept) in enumerate(self.rows):
            y = TOP + 26 * number
            width = unit * min(most, max(0.0, share))
            parts.append(_text(left - 10, y + 14, label, "end"))
            kind = "s3" if kept else "bad"
            parts.append(f'<rect class="bar {kind}" x="{left}" y="{y + 3}" width="{width:.1f}" height="15"/>')
            parts.append(_text(left + unit * most + 10, y + 14, f"{'✓' if kept else '✗'} {told}", "start", "faint"))
        return _page(self.title, height, parts)


Chart = Bars | Curves | Shares


class _Scale:
    """Values from `low` to at least `high`, onto pixels."""

    def __init__(self, low: float, high: float, first: float, last: float) -> None:
        self._step = _round_step((high - low) / 5 or 1.0)
        self._low, self._high = low, low + self._step * max(1, math.ceil((high - low) / self._step))
        self.bottom, self._last = first, last

    def of(self, value: float) -> float:
        """Where a value is."""
        share = (min(max(value, self._low), self._high) - self._low) / (self._high - self._low)
        return self.bottom + (self._last - self.bottom) * share

    def steps(self) -> list[float]:
        """Round values to mark."""
        return [self._low + self._step * number for number in range(round((self._high - self._low) / self._step) + 1)]


def _round_step(about: float) -> float:
    power = 10.0 ** math.floor(math.log10(about))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= about * 0.999)


def _across(scale: _Scale, unit: str) -> Iterator[str]:
    yield _text(LEFT - 10, TOP - 18, unit, "start", "faint")
    for value in scale.steps():
        y = scale.of(value)
        yield f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield _text(LEFT - 8, y + 4, short(value), "end", "faint")


def _legend(names: Iterable[str]) -> Iterator[str]:
    x = WIDTH - RIGHT
    for number, name in reversed(list(enumerate(names))):
        x -= 8 * len(name) + 26
        yield f'<rect class="bar s{number % 4}" x="{x}" y="{TOP - 30}" width="12" height="12"/>'
        yield _text(x + 17, TOP - 19, name)


def _text(x: float, y: float, content: str, anchor: str = "start", kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(content)}</text>'


def short(value: float) -> str:
    """A value in few characters."""
    return f"{value:,.0f}" if abs(value) >= 10 or value == round(value) else f"{value:.2g}"


def _page(title: str, height: int, parts: Iterable[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        f' role="img" aria-label="{escape(title)}"><title>{escape(title)}</title><style>{_STYLE}</style>'
        f'<rect width="{WIDTH}" height="{height}" style="fill: var(--ground)"/>'
    )
    return "\n".join([head, _text(24, 30, title, "start", "title"), *parts, "</svg>\n"])
