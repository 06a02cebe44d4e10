"""The dashboards: what is committed is what the code makes of them, each panel is legible, each metric exists."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from ops.dashboards.__main__ import BOARDS, FOLDER, generated
from ops.dashboards.asking import filled, legend, panels
from tests.ops.test_metrics import declared

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"\bmuster_\w+")
OF_HISTOGRAMS = re.compile(r"_(bucket|sum|count)$")
DOCUMENTS = {board.name: board.document() for board in BOARDS}
PANELS = [(f"{name}: {panel['title']}", panel) for name, one in DOCUMENTS.items() for panel in panels(one)]
every_panel = pytest.mark.parametrize("panel", [panel for _, panel in PANELS], ids=[name for name, _ in PANELS])


def queries(document: dict[str, Any]) -> list[str]:
    """Every expression of a dashboard, those of its variables included."""
    variables = (variable["query"] for variable in document["templating"]["list"])
    asked = [query["query"] for query in variables if isinstance(query, dict)]
    return asked + [target["expr"] for panel in panels(document) for target in panel["targets"]]


def metrics_of(document: dict[str, Any]) -> set[str]:
    """The metrics that a dashboard asks for, by the names that they are declared by."""
    named = {name for query in queries(document) for name in NAMED.findall(query)}
    return {name if name in declared() else OF_HISTOGRAMS.sub("", name) for name in named}


def test_what_is_committed_is_what_is_generated() -> None:
    found = {path: path.read_text() for path in FOLDER.glob("*.json")}

    assert found == generated(), "python -m ops.dashboards"


@every_panel
def test_a_panel_tells_what_it_is_and_what_to_do(panel: dict[str, Any]) -> None:
    tells, _, act = panel["description"].partition("\n\n")

    assert panel["title"]
    assert min(len(tells), len(act)) > 15
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"]


@every_panel
def test_a_panel_asks_whichever_prometheus_was_chosen(panel: dict[str, Any]) -> None:
    sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]

    assert panel["targets"]
    assert {source["uid"] for source in sources} == {"${datasource}"}


@every_panel
def test_several_lines_have_names(panel: dict[str, Any]) -> None:
    named = [target["legendFormat"] for target in panel["targets"]]

    assert panel["type"] == "stat" or "__auto" not in named
    assert len(set(named)) == len(named)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_query_names_a_metric_that_does_not_exist(name: str) -> None:
    asked = metrics_of(DOCUMENTS[name])

    assert asked
    assert asked - set(declared()) == set()


def test_every_metric_is_on_a_dashboard() -> None:
    asked = {metric for document in DOCUMENTS.values() for metric in metrics_of(document)}

    assert set(declared()) - asked == set()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_panel_lies_on_another_or_beyond_the_edge(name: str) -> None:
    places = [panel["gridPos"] for panel in DOCUMENTS[name]["panels"]]

    assert max(place["x"] + place["w"] for place in places) == 24
    for one, other in combinations(places, 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y


def test_the_addresses_of_dashboards_are_their_own() -> None:
    assert len({document["uid"] for document in DOCUMENTS.values()}) == len(DOCUMENTS)
    assert all(json.loads(Path(path).read_text())["tags"] == ["muster"] for path in generated())


def test_variables_are_filled_in_and_legends_written() -> None:
    assert filled('rate(x{list="$list"}[$__range])', {"list": "a", "__range": "60s"}) == 'rate(x{list="a"}[60s])'
    assert legend("{{queue}} {{state}}", {"queue": "jobs", "state": "dead"}) == "jobs dead"
    with pytest.raises(KeyError):
        filled("$unknown", {})


def test_every_kind_of_batch_is_named_in_the_documentation_and_where_its_panels_are() -> None:
    sources = "".join((ROOT / "ingress" / f"{name}.py").read_text() for name in ("commit", "lookup"))
    kinds = set(re.findall(r'(?:Batches|made)\(\s*"(\w+)"', sources))
    [row] = re.findall(r"^\| `muster_queue_length` .*", (ROOT / "docs" / "metrics.md").read_text(), re.M)
    told = {one["title"]: one["description"] for one in panels(DOCUMENTS["ingress"])}

    assert kinds == set(re.findall(r"`(\w+)`", row)) - {"muster_queue_length"}
    assert all(
        f"`{kind}`" in told[title] for kind in kinds for title in ("Waiting for a batch", "Connections that work")
    )


@pytest.mark.parametrize(
    ("board", "panel"),
    [
        ("one-list", "Its share of the journal"),
        ("one-list", "Not applied yet, over time"),
        ("overview", "Oldest change not applied"),
        ("workers", "Oldest"),
        ("workers", "Oldest over time"),
    ],
)
def test_where_a_list_lags_a_lock_is_thought_of(board: str, panel: str) -> None:
    [told] = [one["description"] for one in panels(DOCUMENTS[board]) if one["title"] == panel]

    assert "*Locks waiting* (Postgres and Valkey)" in told
    assert "`muster backlog`" in told


def test_drains_that_fail_lead_to_who_holds_the_lock() -> None:
    described = {panel["title"]: panel["description"] for _, panel in PANELS}

    assert "*Locks waiting* (Postgres and Valkey)" in described["Drains that failed, by reason"]
    assert "MusterTransactionOpen" in described["Drains that failed, by reason"]
