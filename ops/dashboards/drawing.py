"""A dashboard as a picture: its panels where Grafana has them, with what their queries answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from ops.dashboards import plots
from ops.dashboards.asking import Series
from ops.dashboards.plots import Box, text
from ops.dashboards.units import shown

COLUMNS, COLUMN, UNIT, GAP = 24, 66, 36, 8
TOP = 54
FONT = "'Noto Sans', 'DejaVu Sans', sans-serif"
COLOURS = {"green": "#73bf69", "orange": "#ff9830", "red": "#f2495c", "blue": "#8ab8ff"}

Panel = Mapping[str, Any]


@dataclass(frozen=True)
class Page:
    """A dashboard, and what the queries of each panel answered, by the panel's number."""

    document: Mapping[str, Any]
    answers: Mapping[int, Sequence[Series]]
    start: float
    end: float

    def svg(self) -> str:
        """The picture."""
        places = [panel["gridPos"] for panel in self.document["panels"]]
        width = COLUMNS * COLUMN + GAP
        height = TOP + max(place["y"] + place["h"] for place in places) * UNIT + GAP
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="{FONT}">',
            f'<rect width="{width}" height="{height}" fill="#111217"/>',
            text(GAP + 6, 35, self.document["title"], 22, "#e8e9ee", weight=600),
            text(width - GAP - 6, 35, self._when(), 14, "#9fa7b3", anchor="end"),
            *(self._panel(panel) for panel in self.document["panels"]),
            "</svg>",
        ]
        return "\n".join(parts)

    def _when(self) -> str:
        start, end = (datetime.fromtimestamp(moment).astimezone() for moment in (self.start, self.end))
        return f"{start:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S}"

    def _panel(self, panel: Panel) -> str:
        place = panel["gridPos"]
        box = Box(
            place["x"] * COLUMN + GAP, TOP + place["y"] * UNIT, place["w"] * COLUMN - GAP, place["h"] * UNIT - GAP
        )
        if panel["type"] == "row":
            return text(box.x + 6, box.y + 20, panel["title"], 15, "#ccccdc", weight=600)
        frame = f'<rect {box.attributes()} rx="3" fill="#181b1f" stroke="#2c3036"/>'
        title = text(box.x + 10, box.y + 20, panel["title"], 13, "#ccccdc", weight=600)
        drawn = self._content(panel, box.within(10, 30, 10, 8))
        return "\n".join([frame, title, _steps(panel, box), drawn])

    def _content(self, panel: Panel, box: Box) -> str:
        present = [series for series in self.answers[panel["id"]] if series.values]
        if not present:
            return text(box.x + box.w / 2, box.y + box.h / 2 + 6, "no data", 16, "#9fa7b3", anchor="middle")
        match panel["type"]:
            case "stat":
                return _number(panel, present[0].values[-1], box)
            case "bargauge":
                return plots.bars(panel, present, box)
            case "heatmap":
                return plots.heat(panel, present, box, self.start, self.end)
            case _:
                return plots.lines(panel, present, box, self.start, self.end)


def _steps(panel: Panel, box: Box) -> str:
    """From what values on the colour changes, in the corner."""
    defaults = panel["fieldConfig"]["defaults"]
    steps = [step for step in defaults["thresholds"]["steps"] if step["value"] is not None]
    if panel["type"] == "stat" or not steps:
        return ""
    spans = "\u2003".join(
        f'<tspan fill="{COLOURS[step["color"]]}">≥ {escape(shown(step["value"], defaults["unit"]))}</tspan>'
        for step in steps
    )
    return f'<text x="{box.x + box.w - 10}" y="{box.y + 20}" font-size="11" text-anchor="end">{spans}</text>'


def _number(panel: Panel, value: float, box: Box) -> str:
    defaults = panel["fieldConfig"]["defaults"]
    mapped = {key: one for mapping in defaults.get("mappings", []) for key, one in mapping["options"].items()}
    words = mapped.get(f"{value:g}", {}).get("text") or shown(value, defaults["unit"], defaults.get("decimals"))
    colour = COLOURS[colour_of(value, defaults["thresholds"]["steps"])]
    number = text(box.x + box.w / 2, box.y + box.h / 2 + 6, words, 30, colour, anchor="middle", weight=600)
    return number + _goal(defaults, box)


def _goal(defaults: Mapping[str, Any], box: Box) -> str:
    """Below a number: from where on it is no longer green."""
    steps = defaults["thresholds"]["steps"]
    if len(steps) == 1 or defaults.get("mappings"):
        return ""
    rises = steps[0]["color"] == "green"
    bound = shown(steps[1 if rises else -1]["value"], defaults["unit"])
    words = f"green below {bound}" if rises else f"green from {bound}"
    return text(box.x + box.w / 2, box.y + box.h - 2, words, 11, "#8e96a3", anchor="middle")


def colour_of(value: float, steps: Sequence[Mapping[str, Any]]) -> str:
    """The colour of the highest step that a value reaches."""
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return str(reached[-1])
