"""Panels with what makes them legible: a title, what they tell, what to do, a unit, thresholds, a legend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from grafana_foundation_sdk.builders import bargauge, common, heatmap, prometheus, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as building
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
LETTERS = "ABCDEFGHIJ"
GREEN, ORANGE, RED, BLUE = "green", "orange", "red", "blue"

Panel = bargauge.Panel | heatmap.Panel | stat.Panel | timeseries.Panel
P = TypeVar("P", bargauge.Panel, heatmap.Panel, stat.Panel, timeseries.Panel)


@dataclass(frozen=True)
class Steps:
    """The colour from the bottom, and from each value on."""

    bottom: str
    above: tuple[tuple[float, str], ...] = ()

    def build(self) -> building.ThresholdsConfig:
        """As Grafana has them."""
        steps = [Threshold(None, self.bottom), *(Threshold(value, colour) for value, colour in self.above)]
        return building.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


NEUTRAL = Steps(BLUE)
SOME = Steps(GREEN, ((1, ORANGE),))
ANY = Steps(GREEN, ((1, RED),))
UP = Steps(RED, ((1, GREEN),))


def high(warns: float, alarms: float) -> Steps:
    """Too much is bad."""
    return Steps(GREEN, ((warns, ORANGE), (alarms, RED)))


def low(warns: float, alarms: float) -> Steps:
    """Too little is bad: below `warns`, and worse below `alarms`."""
    return Steps(RED, ((alarms, ORANGE), (warns, GREEN)))


def number(
    title: str, unit: str, expression: str, *, tells: str, act: str, steps: Steps = NEUTRAL, width: int = 3
) -> Panel:
    """One value, as it is now."""
    panel = stat.Panel().color_mode(looks.BigValueColorMode.VALUE).graph_mode(looks.BigValueGraphMode.NONE)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    panel.with_target(_query(expression, "").instant())
    if unit == "short":
        panel.decimals(0)  # Prometheus extrapolates: what grew by 59 grew by 59.3
    return _framed(panel, title, unit, tells, act, steps, width, 4)


def state(title: str, expression: str, *, tells: str, act: str, width: int = 3) -> Panel:
    """Whether something answers."""
    panel = number(title, "none", expression, tells=tells, act=act, steps=UP, width=width)
    answers = {"0": ValueMappingResult("down", RED), "1": ValueMappingResult("up", GREEN)}
    return panel.mappings([ValueMap(answers)])


def lines(
    title: str, unit: str, queries: Mapping[str, str], *, tells: str, act: str, steps: Steps = NEUTRAL, width: int = 8
) -> Panel:
    """Values over time, by their names in the legend."""
    panel = timeseries.Panel().line_width(2).fill_opacity(8).show_points(looks.VisibilityMode.NEVER).min(0)
    panel.legend(_legend()).tooltip(common.VizTooltipOptions().mode(looks.TooltipDisplayMode.MULTI))
    panel.color_scheme(building.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
    for letter, (legend, expression) in zip(LETTERS, queries.items(), strict=False):
        panel.with_target(_query(expression, legend).range().ref_id(letter))
    if steps.above:
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(looks.GraphTresholdsStyleMode.DASHED))
    return _framed(panel, title, unit, tells, act, steps, width, 8)


def stack(title: str, unit: str, legend: str, expression: str, *, tells: str, act: str, width: int = 8) -> Panel:
    """Parts of a whole over time, a label's value each."""
    panel = lines(title, unit, {legend: expression}, tells=tells, act=act, width=width)
    assert isinstance(panel, timeseries.Panel)
    return panel.fill_opacity(40).line_width(1).stacking(common.StackingConfig().mode(looks.StackingMode.NORMAL))


def heat(title: str, unit: str, buckets: str, *, tells: str, act: str, width: int = 12) -> Panel:
    """How a histogram's observations are spread, over time."""
    panel = heatmap.Panel().calculate(False).show_legend().show_tooltip().cell_gap(1)
    panel.color(heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").steps(64))
    panel.y_axis(heatmap.YAxisConfig().unit(unit))
    panel.with_target(_query(buckets, "{{le}}").range().format(PromQueryFormat.HEATMAP))
    return _framed(panel, title, unit, tells, act, NEUTRAL, width, 8)


def ranking(
    title: str,
    unit: str,
    legend: str,
    expression: str,
    *,
    tells: str,
    act: str,
    steps: Steps = NEUTRAL,
    width: int = 12,
) -> Panel:
    """Values as they are now, a bar each."""
    panel = bargauge.Panel().orientation(looks.VizOrientation.HORIZONTAL).min(0)
    panel.display_mode(looks.BarGaugeDisplayMode.BASIC).value_mode(looks.BarGaugeValueMode.TEXT)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    panel.with_target(_query(expression, legend).instant())
    return _framed(panel, title, unit, tells, act, steps, width, 8)


def _framed(panel: P, title: str, unit: str, tells: str, act: str, steps: Steps, width: int, height: int) -> P:
    panel.title(title).description(f"{tells}\n\n{act}").datasource(SOURCE).unit(unit)
    return panel.thresholds(steps.build()).span(width).height(height)


def _query(expression: str, legend: str) -> prometheus.Dataquery:
    query = prometheus.Dataquery().expr(expression).legend_format(legend or "__auto").ref_id("A")
    return query.datasource(SOURCE)


def _legend() -> common.VizLegendOptions:
    shown: Sequence[str] = ("lastNotNull", "max")
    legend = common.VizLegendOptions().show_legend(True).placement(looks.LegendPlacement.BOTTOM)
    return legend.display_mode(looks.LegendDisplayMode.TABLE).calcs(list(shown))
