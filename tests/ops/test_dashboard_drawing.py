"""Pictures of dashboards: values in their units, and every kind of panel with what it was answered."""

from typing import Any
from xml.etree import ElementTree

import pytest

from ops.dashboards.__main__ import BOARDS
from ops.dashboards.asking import Series, panels
from ops.dashboards.drawing import Page, colour_of
from ops.dashboards.units import shown, ticks

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.25, "s", "250 ms"), (0, "s", "0 s"), (90, "s", "1.5 min"), (0.00049, "s", "490 µs"),
        (0.999, "percentunit", "99.9 %"), (2_490, "short", "2.49 k"), (0, "short", "0"), (3 * 2**30, "bytes", "3 GiB"),
        (1536, "Bps", "1.5 KiB/s"), (12, "reqps", "12 req/s"), (14.4, "suffix: ×", "14.4 ×"), (float("nan"), "s", "–"),
    ],
)  # fmt: skip
def test_a_value_is_written_in_its_unit(value: float, unit: str, words: str) -> None:
    assert shown(value, unit) == words


@pytest.mark.parametrize(
    ("most", "unit", "expected"),
    [
        (387, "short", [0, 100, 200, 300, 400]),
        (1, "short", [0, 0.25, 0.5, 0.75, 1]),
        (2048, "bytes", [0, 512, 1024, 1536, 2048]),
    ],
)
def test_an_axis_has_round_values(most: float, unit: str, expected: list[float]) -> None:
    assert ticks(most, unit) == expected


def page(values: list[float]) -> Page:
    """Every kind of panel, each with two series of these values."""
    document = {**BOARDS[0].document(), "title": "<All> & more"}
    kinds = {panel["type"]: panel for board in BOARDS for panel in panels(board.document())}
    document["panels"] = [{**panel, "id": number} for number, panel in enumerate(kinds.values())]
    points = [(float(moment), value) for moment, value in enumerate(values)]
    answers = [Series(f"up to {bound}", {"le": bound}, points) for bound in ("1", "+Inf")]
    return Page(document, {panel["id"]: answers for panel in document["panels"]}, 0, len(values))


def words(picture: Page) -> list[str]:
    """Everything that a picture says."""
    found: Any = ElementTree.fromstring(picture.svg()).iter(f"{SVG}text")
    return ["".join(one.itertext()) for one in found]


@pytest.mark.parametrize("values", [[1.0, 3.0, 2.0], [0.0, 0.0], [float("nan"), 1.0, float("nan"), 2.0]])
def test_every_kind_of_panel_is_drawn(values: list[float]) -> None:
    said = words(page(values))

    assert "<All> & more" in said
    assert "no data" not in said
    assert "up to 1" in said


def test_a_panel_without_an_answer_says_so() -> None:
    said = words(page([float("nan")]))

    assert said.count("no data") == len({panel["type"] for board in BOARDS for panel in panels(board.document())})


def test_a_number_has_the_colour_of_the_step_that_it_has_reached() -> None:
    steps: list[dict[str, Any]] = [
        {"value": None, "color": "red"},
        {"value": 0.998, "color": "orange"},
        {"value": 0.999, "color": "green"},
    ]

    assert [colour_of(value, steps) for value in (0.5, 0.998, 1.0)] == ["red", "orange", "green"]
