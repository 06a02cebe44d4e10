"""Every metric, declared once with a closed set of labels; no person or token is ever a label, and a list only
where MUSTER_LIST_METRICS asks for it.

With PROMETHEUS_MULTIPROC_DIR set (whoever starts the processes sets and wipes it, see
`ops.commands.serve`) the values of all processes of a kind are added up at scrape.
"""

import os
from bisect import bisect_left
from collections import Counter as Counted
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

# Registered nowhere else: the default registry would add collectors of one process only.
_REGISTRY = CollectorRegistry()

# From what a look-up takes to more than the time-out of a statement (10 s).
_MILLISECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)
_ROWS = (1, 2, 5, 10, 25, 50, 100, 250, 500)
# From 5 ms (a lone create on an idle system) to minutes (a worker fleet that stood still).
_LATENESS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300)
_CHANGES = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
_SPANS = (1, 3, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400)
_RATES = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500)


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"muster_{name}", text, labels, registry=_REGISTRY)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    # Added up over the processes that live.
    return Gauge(f"muster_{name}", text, labels, registry=_REGISTRY, multiprocess_mode="livesum")


def _histogram(name: str, text: str, buckets: Iterable[float], *labels: str) -> Histogram:
    return Histogram(f"muster_{name}", text, labels, registry=_REGISTRY, buckets=tuple(buckets))


PROCESSES = _gauge("processes", "Processes that live.", "kind")

HTTP_REQUESTS = _counter("http_requests_total", "SCIM requests answered.", "operation", "status", "scim_type", "idp")
HTTP_SECONDS = _histogram(
    "http_request_seconds", "From a SCIM request's arrival to its answer.", _MILLISECONDS, "operation", "idp"
)
AUTH_FAILURES = _counter("auth_failures_total", "Requests with a token that opens nothing.", "reason")
CONNECTIONS_ENDED = _counter("connections_ended_total", "Connections hung up because all of them held too much.")
QUEUE_SHED = _counter("queue_shed_total", "Requests answered 503 because too many were waiting.")
QUEUE_LENGTH = _gauge("queue_length", "Requests that wait for a place in a batch.", "batch")
SLOTS = _gauge("slots", "Database connections of ingress for batches.", "batch")
SLOTS_BUSY = _gauge("slots_busy", "Those of them that carry a batch out.", "batch")
REFUSED_DROPPED = _counter("refused_dropped_total", "Log entries of refused requests not kept: the buffer was full.")

COMMIT_BATCH_SIZE = _histogram("commit_batch_size", "Changes that shared one commit.", _BATCHES)
COMMIT_SECONDS = _histogram("commit_seconds", "One group commit, reads and writes included.", _MILLISECONDS)
LOOKUP_BATCH_SIZE = _histogram("lookup_batch_size", "Lookups that shared one read.", _BATCHES)
READ_SECONDS = _histogram("read_seconds", "One read of a batch: of look-ups, or of one scan.", _MILLISECONDS, "batch")
BELL_FAILURES = _counter("bell_failures_total", "Rings that did not reach Redis; the sweep makes up for them.")

EVENTS_SETTLED = _counter("events_settled_total", "Operations applied or logged.", "operation", "result")
ACCEPT_TO_LIST_SECONDS = _histogram("accept_to_list_seconds", "From acceptance of an operation to the list.", _LATENESS)
DRAIN_ROWS = _histogram("drain_rows", "Journal rows settled by one drain.", _ROWS)
DRAIN_SECONDS = _histogram("drain_seconds", "One drain, commit included.", _MILLISECONDS)
DRAIN_PHASE_SECONDS = _histogram("drain_phase_seconds", "A part of one drain.", _MILLISECONDS, "phase")
WORKER_THREADS = _gauge("worker_threads", "Threads that can drain.")
LANES_BUSY = _gauge("lanes_busy", "Lanes that drains hold at this moment.")
MESSAGES = _counter("messages_total", "Messages of the workers' queues, by what became of them.", "actor", "outcome")
MESSAGE_SECONDS = _histogram("message_seconds", "One message from beginning to end.", _MILLISECONDS, "actor")
DRAINS_FAILED = _counter("drains_failed_total", "Drains rolled back and tried in parts or later.", "reason")
SWEEP_FAILURES = _counter("sweep_failures_total", "Passes of the sweep that failed.")
ROWS_SET_ASIDE = _counter("rows_set_aside_total", "Journal rows that no drain could apply.")
BURST_CHANGES = _histogram("burst_changes", "Changes of a burst that is over.", _CHANGES)
BURST_SECONDS = _histogram("burst_seconds", "From a burst's first request to its last.", _SPANS)
BURST_PEAK = _histogram("burst_peak_requests_per_second", "The most requests of one of its seconds.", _RATES)
BURST_APPLIED_SECONDS = _histogram("burst_applied_seconds", "The slowest of its changes to reach the list.", _LATENESS)

GRAPH_REQUESTS = _counter("graph_requests_total", "Requests to Microsoft Graph and its sign-in.", "status")
SYNC_RUNS = _counter("sync_runs_total", "Runs of Directory Sync that are over.", "outcome")
SYNC_SECONDS = _histogram("sync_run_seconds", "From a run's begin to its end.", _SPANS)
SYNC_CHANGES = _counter("sync_changes_total", "Changes that runs of Directory Sync brought.", "outcome")

CONSOLE_SECONDS = _histogram("console_seconds", "Until a console answer begins.", _MILLISECONDS, "status")
CONSOLE_POOL_SECONDS = _histogram(
    "console_pool_wait_seconds", "Until a console request has a connection to the database.", _MILLISECONDS
)
API_REQUESTS = _counter("api_requests_total", "Requests of the admin API answered.", "operation", "status")
API_SECONDS = _histogram("api_seconds", "From a request of the admin API to its answer.", _MILLISECONDS, "operation")
API_UNLIMITED = _counter("api_unlimited_total", "Requests of the admin API not counted for want of Redis.")
TOKENS_UNLIMITED = _counter("tokens_unlimited_total", "SCIM requests not counted for want of Redis.")
STRANGERS_UNCOUNTED = _counter("strangers_uncounted_total", "Unknown tokens and keys not counted for want of Redis.")

# There from the start, or the first of a kind would be no increase.
for _reason in ("missing", "malformed", "unknown", "revoked", "expired", "disconnected", "wrong_list", "address"):
    AUTH_FAILURES.labels(_reason)
for _reason in ("lock", "clash", "timeout", "lost", "other"):
    DRAINS_FAILED.labels(_reason)
for _status in ("2xx", "3xx", "4xx", "429", "5xx", "lost"):
    GRAPH_REQUESTS.labels(_status)
for _outcome in ("done", "previewed", "failed", "ended"):
    SYNC_RUNS.labels(_outcome)
for _outcome in ("accepted", "refused"):
    SYNC_CHANGES.labels(_outcome)


def observe_all(histogram: Histogram, values: Sequence[float]) -> None:
    """Many observations at once: a value each of the sum and of the buckets, where one by one takes two for each."""
    histogram._sum.inc(sum(values))
    for bucket, number in Counted(bisect_left(histogram._upper_bounds, value) for value in values).items():
        histogram._buckets[bucket].inc(number)


# What the database, Valkey and the disks are asked when a process is scraped, by name without the prefix.
READ_AT_SCRAPE = {
    "build_info": "1, with the version of Muster and of Python as labels.",
    "database_up": "Whether the database answers.",
    "journal_pending": "Accepted operations that are not applied yet.",
    "journal_oldest_seconds": "Age of the oldest of them.",
    "waiting": "Users and people whose last operation waits.",
    "set_aside": "Rows that no drain could apply.",
    "tokens_expiring": "Used bearer tokens that expire within so many days.",
    "held": "Held deactivations, which wait for an operator.",
    "held_oldest_seconds": "Age of the oldest of them.",
    "connections": "Connected lists.",
    "connections_quiet": "Connected lists whose next burst is long overdue, by the rhythm that was learned of theirs.",
    "connections_at_risk": "Connected lists whose last bursts failed for the most part: Entra ID quarantines such.",
    "syncs": "Lists that are connected to Directory Sync.",
    "syncs_failing": "Those of them whose last run failed.",
    "syncs_overdue_seconds": "How long the most overdue scheduled run has waited to be begun; 0: none is.",
    "list_last_success_timestamp_seconds": "When a change of a list was applied last; 0: never. MUSTER_LIST_METRICS.",
    "list_pending": "Accepted operations of a list that are not applied yet. MUSTER_LIST_METRICS.",
    "postgres_connections": "Connections to this database by application and state.",
    "postgres_connections_used": "Connections of clients to the server, whoever they are.",
    "postgres_connections_max": "Connections that the server allows.",
    "postgres_locks_waiting": "Locks that somebody waits for.",
    "postgres_oldest_transaction_seconds": "Age of the oldest transaction of a client, whoever it is.",
    "postgres_database_bytes": "Size of the database.",
    "postgres_wal_bytes_total": "Write-ahead log written.",
    "postgres_commits_total": "Transactions committed.",
    "postgres_rollbacks_total": "Transactions rolled back.",
    "postgres_deadlocks_total": "Deadlocks.",
    "postgres_live_rows": "Rows of a table, estimated.",
    "postgres_dead_rows": "Rows of a table that wait for a vacuum, estimated.",
    "postgres_table_bytes": "Size of a table with its indexes.",
    "redis_up": "Whether Redis answers.",
    "lanes_rung": "Lanes that a drain will take.",
    "queued_messages": "Messages of the workers' queues: ready, delayed (to be tried again) or dead.",
    "redis_memory_bytes": "Memory that Redis uses.",
    "redis_memory_max_bytes": "Memory that Redis may use; 0: no limit.",
    "redis_clients": "Connections to Redis.",
    "redis_evicted_keys_total": "Keys that Redis gave up for want of memory: none must be.",
    "redis_commands_total": "Commands that Redis has carried out.",
    "disk_free_bytes": "Free space of a watched folder's disk. MUSTER_WATCH_DISKS.",
    "disk_bytes": "Size of a watched folder's disk. MUSTER_WATCH_DISKS.",
}  # fmt: skip


class _Together(Collector):
    """Several collectors as one page."""

    def __init__(self, collectors: Iterable[Collector]) -> None:
        self._collectors = list(collectors)

    def collect(self) -> Iterable[Metric]:
        return chain.from_iterable(collector.collect() for collector in self._collectors)


def exposition(also: Iterable[Collector] = ()) -> bytes:
    """The page at /metrics: the values of all processes of this kind, and those of `also`."""
    page = CollectorRegistry(auto_describe=False)
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder:
        _bury(Path(folder))
    ours: Collector = MultiProcessCollector(None) if folder else _REGISTRY
    page.register(_Together([ours, *also]))
    return generate_latest(page)


def _bury(folder: Path) -> None:
    """Leave the gauges of dead processes out; their counters stay."""
    for file in folder.glob("gauge_live*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not _is_alive(pid):
            mark_process_dead(pid, str(folder))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
