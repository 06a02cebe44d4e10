"""Lines, stacks, heat maps and bars as SVG."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from ops.dashboards.asking import Series
from ops.dashboards.units import shown, ticks

PALETTE = ("#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#b877d9", "#f2495c", "#8ab8ff", "#fade2a", "#ffa6b0", "#96d98d")
THRESHOLDS = {"green": "#73bf69", "orange": "#ff9830", "red": "#f2495c", "blue": "#8ab8ff"}
GRID, FAINT, PLAIN = "#2a2e35", "#9fa7b3", "#ccccdc"
ROW, AXIS, MOST_ROWS = 17, 62, 6

Panel = Mapping[str, Any]


@dataclass(frozen=True)
class Box:
    """A place in the picture."""

    x: float
    y: float
    w: float
    h: float

    def within(self, left: float, top: float, right: float, bottom: float) -> "Box":
        """What is left inside these margins."""
        return Box(self.x + left, self.y + top, self.w - left - right, self.h - top - bottom)

    def attributes(self) -> str:
        """As a rectangle has them."""
        return f'x="{self.x:.1f}" y="{self.y:.1f}" width="{self.w:.1f}" height="{self.h:.1f}"'


def text(x: float, y: float, words: str, size: int, colour: str, anchor: str = "start", weight: int = 400) -> str:
    """Words at a place."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}"'
        f' font-weight="{weight}">{escape(words)}</text>'
    )


@dataclass(frozen=True)
class Scale:
    """Where a moment and a value are."""

    box: Box
    start: float
    end: float
    top: float

    def x(self, moment: float) -> float:
        """From the left."""
        return self.box.x + (moment - self.start) / max(self.end - self.start, 1e-9) * self.box.w

    def y(self, value: float) -> float:
        """From above, not beyond the edges."""
        return self.box.y + self.box.h * (1 - min(max(value / self.top, 0.0), 1.0))


def lines(panel: Panel, present: Sequence[Series], box: Box, start: float, end: float) -> str:
    """A time series panel with its axes, thresholds and legend."""
    defaults = panel["fieldConfig"]["defaults"]
    unit = defaults["unit"]
    stacked = "stacking" in defaults["custom"]
    drawn = _stacked(present) if stacked else [series.points for series in present]
    # Where all is zero the axis ends at one, as in Grafana.
    marks = ticks(max(value for points in drawn for _, value in points if value == value) or 1.0, unit)
    plot = box.within(AXIS, 4, 4, ROW * (min(len(present), MOST_ROWS) + 1) + 22)
    scale = Scale(plot, start, end, marks[-1])
    parts = [*_axes(scale, marks, unit), *_thresholds(scale, defaults["thresholds"]["steps"])]
    # Of a stack the highest first: each covers what lies below it.
    for number, points in reversed(list(enumerate(drawn))):
        parts.append(_line(scale, points, PALETTE[number % len(PALETTE)], 0.9 if stacked else 0.08))
    return "\n".join([*parts, *_legend(present, unit, defaults.get("decimals"), box)])


def _stacked(present: Sequence[Series]) -> list[list[tuple[float, float]]]:
    below: dict[float, float] = {}
    found = []
    for series in present:
        for moment, value in series.points:
            below[moment] = below.get(moment, 0.0) + (value if value == value else 0.0)
        found.append([(moment, below[moment]) for moment, _ in series.points])
    return found


def _axes(scale: Scale, marks: Sequence[float], unit: str) -> Iterator[str]:
    box = scale.box
    for mark in marks:
        y = scale.y(mark)
        yield f'<path d="M{box.x:.1f} {y:.1f}h{box.w:.1f}" stroke="{GRID}"/>'
        yield text(box.x - 8, y + 4, shown(mark, unit), 11, FAINT, anchor="end")
    for part in range(5):
        moment = scale.start + (scale.end - scale.start) * part / 4
        anchor = ("start", "middle", "middle", "middle", "end")[part]
        at = f"{datetime.fromtimestamp(moment).astimezone():%H:%M:%S}"
        yield text(scale.x(moment), box.y + box.h + 16, at, 11, FAINT, anchor=anchor)


def _thresholds(scale: Scale, steps: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for step in steps:
        if step["value"] is not None and step["value"] <= scale.top:
            colour, y = THRESHOLDS[step["color"]], scale.y(step["value"])
            yield f'<path d="M{scale.box.x:.1f} {y:.1f}h{scale.box.w:.1f}" stroke="{colour}" stroke-dasharray="6 5"/>'


def _line(scale: Scale, points: Sequence[tuple[float, float]], colour: str, opacity: float) -> str:
    """A line with gaps where there is no number, and the area below each piece."""
    parts, piece = [], list[tuple[float, float]]()
    for moment, value in [*points, (0.0, float("nan"))]:
        if value == value:
            piece.append((scale.x(moment), scale.y(value)))
        elif piece:
            path = "L".join(f"{x:.1f} {y:.1f}" for x, y in piece)
            foot = scale.box.y + scale.box.h
            area = f"M{path}L{piece[-1][0]:.1f} {foot:.1f}L{piece[0][0]:.1f} {foot:.1f}Z"
            parts.append(f'<path d="{area}" fill="{colour}" fill-opacity="{opacity}"/>')
            parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
            piece = []
    return "\n".join(parts)


def _legend(present: Sequence[Series], unit: str, decimals: int | None, box: Box) -> Iterator[str]:
    """A row a series: its colour and name, its last value and its highest."""
    rows = min(len(present), MOST_ROWS)
    y = box.y + box.h - ROW * rows
    last, most = box.x + box.w - 90, box.x + box.w - 4
    yield text(last, y - 3, "last", 11, FAINT, anchor="end")
    yield text(most, y - 3, "max", 11, FAINT, anchor="end")
    for number, series in enumerate(present[:rows]):
        at = y + ROW * (number + 1) - 4
        yield f'<rect x="{box.x}" y="{at - 6}" width="14" height="4" fill="{PALETTE[number % len(PALETTE)]}"/>'
        left = len(present) - rows if number == rows - 1 else 0
        yield text(box.x + 20, at, series.name + (f" · and {left} more" if left else ""), 12, PLAIN)
        yield text(last, at, shown(series.values[-1], unit, decimals), 12, PLAIN, anchor="end")
        yield text(most, at, shown(max(series.values), unit, decimals), 12, PLAIN, anchor="end")


def heat(panel: Panel, present: Sequence[Series], box: Box, start: float, end: float) -> str:
    """A heat map of a histogram's buckets, whose counts include those below."""
    buckets = sorted(present, key=lambda series: float(series.labels["le"]))
    plot = box.within(AXIS, 4, 4, 22)
    scale = Scale(plot, start, end, len(buckets))
    moments = [moment for moment, _ in buckets[0].points]
    counts = [[value for _, value in series.points] for series in buckets]
    own = [
        counts[0],
        *([b - a for a, b in zip(one, two, strict=True)] for one, two in zip(counts, counts[1:], strict=False)),
    ]
    most = max(max(column) for column in own) or 1.0
    parts = list(_axes(scale, [], ""))
    height, width = plot.h / len(buckets), scale.x(moments[-1]) - scale.x(moments[0])
    width /= max(len(moments) - 1, 1)
    for row, series in enumerate(buckets):
        y = plot.y + plot.h - (row + 1) * height
        parts.append(text(plot.x - 8, y + 8, _bound(series, panel), 10, FAINT, anchor="end"))
        for column, value in enumerate(own[row]):
            if value > 0:
                cell = Box(scale.x(moments[column]) - width, y, width, height - 1)
                parts.append(
                    f'<rect {cell.attributes()} fill="#ff9830" fill-opacity="{0.15 + 0.85 * value / most:.2f}"/>'
                )
    return "\n".join(parts)


def _bound(series: Series, panel: Panel) -> str:
    bound = float(series.labels["le"])
    return "∞" if bound == float("inf") else shown(bound, panel["fieldConfig"]["defaults"]["unit"])


def bars(panel: Panel, present: Sequence[Series], box: Box) -> str:
    """A bar a series, its name before it and its value behind."""
    most = max(series.values[-1] for series in present) or 1.0
    parts = []
    for number, series in enumerate(present[:10]):
        y = box.y + 24 * number
        value = series.values[-1]
        bar = Box(box.x + 260, y, max((box.w - 360) * value / most, 2), 17)
        parts.append(text(box.x, y + 13, series.name, 12, PLAIN))
        parts.append(f'<rect {bar.attributes()} fill="{THRESHOLDS["blue"]}"/>')
        words = shown(value, panel["fieldConfig"]["defaults"]["unit"])
        parts.append(text(bar.x + bar.w + 8, y + 13, words, 12, PLAIN))
    return "\n".join(parts)
