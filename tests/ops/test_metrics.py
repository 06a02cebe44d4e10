from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ops import metrics

FORBIDDEN = {"list", "list_id", "person", "token", "user", "email", "identity", "prefix"}


class Gauge(Collector):
    def collect(self) -> list[Metric]:
        return [GaugeMetricFamily("muster_journal_pending", "Rows.", value=3)]


def test_the_page_has_our_metrics_and_those_read_at_scrape() -> None:
    metrics.EVENTS_SETTLED.labels(operation="create", result="applied").inc()

    page = metrics.exposition([Gauge()]).decode()

    assert 'muster_events_settled_total{operation="create",result="applied"}' in page
    assert "muster_journal_pending 3.0" in page


def test_no_label_names_a_list_a_person_or_a_token() -> None:
    declared = [value for value in vars(metrics).values() if hasattr(value, "_labelnames")]

    assert declared
    assert {label for metric in declared for label in metric._labelnames} & FORBIDDEN == set()
