"""Pictures of measurements: whole SVG, with what a reader needs."""

import xml.etree.ElementTree as ElementTree

import pytest

from ops.bench.charts import Bars, Chart, Curves, Shares, short

BARS = Bars(
    "b", "Requests <a second>", "requests a second", ["create", "get"], {"ceiling": [200, 100], "peer": [50, None]}
)
CURVES = Curves("c", "Waiting", "seconds", "operations", {"one": [(0.0, 0.0), (10.0, 40.0)], "two": []})
SHARES = Shares("s", "Targets", [("kept", 0.5, "5, ≤ 10 ms", True), ("not kept", 7.0, "70, ≤ 10 ms", False)])
SVG = "{http://www.w3.org/2000/svg}"


def parsed(chart: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(chart.svg())  # noqa: S314 - our own


def texts(chart: Chart) -> list[str]:
    return [text.text or "" for text in parsed(chart).iter(f"{SVG}text")]


@pytest.mark.parametrize(
    ("chart", "shown"),
    [
        (BARS, {"Requests <a second>", "requests a second", "create", "get", "ceiling", "peer", "200", "50"}),
        (CURVES, {"Waiting", "seconds", "operations", "one", "two", "0", "10", "40"}),
        (SHARES, {"Targets", "kept", "not kept", "✓ 5, ≤ 10 ms", "✗ 70, ≤ 10 ms", "the target"}),
    ],
    ids=["bars", "curves", "shares"],
)
def test_a_picture_has_title_axes_units_and_labels(chart: Chart, shown: set[str]) -> None:
    assert shown <= set(texts(chart))
    assert "prefers-color-scheme: dark" in chart.svg()


def test_bars_are_as_high_as_their_values_and_missing_ones_are_left_out() -> None:
    bars = [
        bar
        for bar in parsed(BARS).iter(f"{SVG}rect")
        if bar.get("class", "").startswith("bar") and bar.get("height") != "12"
    ]
    heights = [float(bar.get("height", "")) for bar in bars]

    assert len(heights) == 3
    assert heights[0] == pytest.approx(4 * heights[1], abs=0.5)
    assert heights[0] == pytest.approx(2 * heights[2], abs=0.5)


def test_a_share_ends_at_twice_the_target_and_shows_whether_it_is_kept() -> None:
    bars = [bar for bar in parsed(SHARES).iter(f"{SVG}rect") if bar.get("height") == "15"]

    assert [bar.get("class") for bar in bars] == ["bar s3", "bar bad"]
    assert float(bars[1].get("width", "")) == pytest.approx(4 * float(bars[0].get("width", "")), abs=0.5)


@pytest.mark.parametrize("chart", [Bars("b", "t", "u", [], {}), Curves("c", "t", "a", "u", {}), Shares("s", "t", [])])
def test_nothing_measured_is_a_picture_all_the_same(chart: Chart) -> None:
    assert parsed(chart).tag == f"{SVG}svg"


def test_values_are_short() -> None:
    assert [short(value) for value in (0.0, 0.25, 1.234, 12.6, 1234.5, 200_000)] == [
        "0",
        "0.25",
        "1.2",
        "13",
        "1,234",
        "200,000",
    ]
