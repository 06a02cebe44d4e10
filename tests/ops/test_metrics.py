import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ops import metrics

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "metrics.md"
FORBIDDEN = {"list", "list_id", "person", "token", "user", "email", "identity", "prefix"}


class Gauge(Collector):
    def collect(self) -> list[Metric]:
        return [GaugeMetricFamily("muster_journal_pending", "Rows.", value=3)]


def test_the_page_has_our_metrics_and_those_read_at_scrape() -> None:
    metrics.EVENTS_SETTLED.labels(operation="create", result="applied").inc()

    page = metrics.exposition([Gauge()]).decode()

    assert 'muster_events_settled_total{operation="create",result="applied"}' in page
    assert "muster_journal_pending 3.0" in page


def test_what_may_go_wrong_is_there_before_it_does() -> None:
    page = metrics.exposition().decode()

    reasons = set(re.findall(r'^muster_drains_failed_total{reason="(\w+)"}', page, re.M))
    assert reasons == {"lock", "clash", "timeout", "lost", "other"}
    assert re.search(r"^muster_sweep_failures_total \d", page, re.M)


def test_no_label_names_a_list_a_person_or_a_token() -> None:
    declared = [value for value in vars(metrics).values() if hasattr(value, "_labelnames")]

    assert declared
    assert {label for metric in declared for label in metric._labelnames} & FORBIDDEN == set()


def declared() -> dict[str, tuple[str, ...]]:
    """Every metric as Prometheus names it, with its labels where these are known."""
    counted = {
        metric._name + ("_total" if metric._type == "counter" else ""): metric._labelnames
        for metric in vars(metrics).values()
        if hasattr(metric, "_labelnames")
    }
    return counted | {f"muster_{name}": () for name in metrics.READ_AT_SCRAPE}


def test_the_documentation_has_every_metric_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \|([\w, ]*)\|", DOCUMENTATION.read_text(), re.MULTILINE)
    documented = {name: tuple(filter(None, labels.replace(",", " ").split())) for name, labels in rows}

    assert set(documented) == set(declared())
    assert {name: documented[name] for name, labels in declared().items() if labels} == {
        name: labels for name, labels in declared().items() if labels
    }


def test_the_gauges_of_a_process_that_is_gone_are_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "from ops import metrics; metrics.LANES_BUSY.inc(3); metrics.BELL_FAILURES.inc()"
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))

    page = metrics.exposition().decode()

    assert "muster_bell_failures_total 1.0" in page
    assert "muster_lanes_busy 3.0" not in page
