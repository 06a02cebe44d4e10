"""Every metric, declared once with a closed set of labels; no list, person or token is ever a label.

With PROMETHEUS_MULTIPROC_DIR set (whoever starts the processes sets and wipes it, see
`ops.commands.serve`) the values of all processes of a kind are added up at scrape.
"""

import os
from collections.abc import Iterable
from itertools import chain

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

# Registered nowhere else: the default registry would add collectors of one process only.
_REGISTRY = CollectorRegistry()

_MILLISECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)
_ROWS = (1, 2, 5, 10, 25, 50, 100, 250, 500)
# From 5 ms (a lone create on an idle system) to minutes (a worker fleet that stood still).
_LATENESS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300)


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"muster_{name}", text, labels, registry=_REGISTRY)


def _histogram(name: str, text: str, buckets: Iterable[float], *labels: str) -> Histogram:
    return Histogram(f"muster_{name}", text, labels, registry=_REGISTRY, buckets=tuple(buckets))


HTTP_REQUESTS = _counter("http_requests_total", "Requests answered.", "route", "method", "status")
HTTP_SECONDS = _histogram(
    "http_request_seconds", "From a request's arrival to its answer.", _MILLISECONDS, "route", "method", "status"
)
AUTH_FAILURES = _counter("auth_failures_total", "Requests with a token that opens nothing.", "reason")
QUEUE_SHED = _counter("queue_shed_total", "Requests answered 503 because too many were waiting.")
REFUSED_DROPPED = _counter("refused_dropped_total", "Log entries of refused requests not kept: the buffer was full.")

COMMIT_BATCH_SIZE = _histogram("commit_batch_size", "Changes that shared one commit.", _BATCHES)
COMMIT_SECONDS = _histogram("commit_seconds", "One group commit, reads and writes included.", _MILLISECONDS)
LOOKUP_BATCH_SIZE = _histogram("lookup_batch_size", "Lookups that shared one read.", _BATCHES)
BELL_FAILURES = _counter("bell_failures_total", "Rings that did not reach Redis; the sweep makes up for them.")

EVENTS_SETTLED = _counter("events_settled_total", "Operations applied or logged.", "operation", "result")
ACCEPT_TO_LIST_SECONDS = _histogram("accept_to_list_seconds", "From acceptance of an operation to the list.", _LATENESS)
DRAIN_ROWS = _histogram("drain_rows", "Journal rows settled by one drain.", _ROWS)
DRAIN_SECONDS = _histogram("drain_seconds", "One drain, commit included.", _MILLISECONDS)
ROWS_SET_ASIDE = _counter("rows_set_aside_total", "Journal rows that no drain could apply.")


class _Together(Collector):
    """Several collectors as one page."""

    def __init__(self, collectors: Iterable[Collector]) -> None:
        self._collectors = list(collectors)

    def collect(self) -> Iterable[Metric]:
        return chain.from_iterable(collector.collect() for collector in self._collectors)


def exposition(also: Iterable[Collector] = ()) -> bytes:
    """The page at /metrics: the values of all processes of this kind, and those of `also`."""
    page = CollectorRegistry(auto_describe=False)
    shared = "PROMETHEUS_MULTIPROC_DIR" in os.environ
    ours: Collector = MultiProcessCollector(None) if shared else _REGISTRY
    page.register(_Together([ours, *also]))
    return generate_latest(page)
