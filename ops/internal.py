"""The internal port: /metrics, /live and /ready, for probes and scrapers; never the public one."""

import shutil
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

import psycopg
import redis
import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from models import database, journal, watch
from models.database import Connection, Cursor
from models.watch import Figure
from ops import addresses, metrics
from ops.bell import JOBS, NAMESPACE, QUEUE, RUNG
from ops.metrics import READ_AT_SCRAPE
from ops.settings import Settings

T = TypeVar("T")
Ready = Callable[[], tuple[bool, str]]
PATIENCE = 2.0  # seconds for a dependency to answer a probe
_log = structlog.get_logger()


class Probe(Collector):
    """One connection to the database, kept for probes and for the figures that are read at scrape."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._redis = redis.Redis.from_url(settings.redis_url, socket_timeout=PATIENCE)

    def close(self) -> None:
        """Give the connections up."""
        if self._connection is not None:
            self._connection.close()
        self._redis.close()

    def backlog(self) -> journal.Backlog | None:
        """The journal's state; None when the database does not answer."""
        return self._ask(journal.backlog)

    def _ask(self, question: Callable[[Cursor], T]) -> T | None:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = database.connect(
                        self._settings.database_url, "muster-probe", options="-c statement_timeout=2000"
                    )
                with database.transaction(self._connection) as cursor:
                    return question(cursor)
            except psycopg.Error as error:
                _log.warning("probe_failed", error=type(error).__name__)
                if self._connection is not None:
                    self._connection.close()
                self._connection = None
                return None

    def redis_answers(self) -> bool:
        """Whether Redis does."""
        try:
            return bool(self._redis.ping())
        except redis.RedisError:
            return False

    def collect(self) -> Iterable[Metric]:
        """What the database and Valkey tell: the same in every process that is scraped, hence max() and not sum()."""
        figures = self._ask(self._of_database)
        told = [Figure("database_up", {}, figures is not None), *(figures or []), *self._of_redis(), *self._of_disks()]
        return families(told)

    def _of_database(self, cursor: Cursor) -> list[Figure]:
        backlog = journal.backlog(cursor)
        found = [
            Figure("journal_pending", {}, backlog.pending),
            Figure("journal_oldest_seconds", {}, backlog.oldest_seconds),
            Figure("waiting", {}, backlog.waiting), Figure("set_aside", {}, backlog.set_aside),
            *watch.ours(cursor), *watch.postgres(cursor),
        ]  # fmt: skip
        if self._settings.list_metrics:
            found += watch.of_lists(cursor, self._settings.list_metrics)
        return found

    def _of_redis(self) -> list[Figure]:
        try:
            told: Any = self._redis.info()
            with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.scard(RUNG)
                for queue in (QUEUE, JOBS):
                    pipeline.llen(f"{NAMESPACE}:{queue}")
                    pipeline.llen(f"{NAMESPACE}:{queue}.DQ")
                    pipeline.zcard(f"{NAMESPACE}:{queue}.XQ")
                counts = [float(count) for count in pipeline.execute()]
        except redis.RedisError:
            return [Figure("redis_up", {}, False)]
        found = [Figure("redis_up", {}, True), Figure("lanes_rung", {}, counts[0])]
        for number, queue in enumerate((QUEUE, JOBS)):
            for place, state in enumerate(("ready", "delayed", "dead")):
                found.append(
                    Figure("queued_messages", {"queue": queue, "state": state}, counts[1 + 3 * number + place])
                )
        return found + [Figure(name, {}, float(told[key])) for key, name in _OF_INFO.items()]

    def _of_disks(self) -> list[Figure]:
        found = []
        for folder in self._settings.disks():
            try:
                usage = shutil.disk_usage(folder)
            except OSError:
                continue
            found.append(Figure("disk_free_bytes", {"folder": folder}, usage.free))
            found.append(Figure("disk_bytes", {"folder": folder}, usage.total))
        return found


_OF_INFO = {
    "used_memory": "redis_memory_bytes", "maxmemory": "redis_memory_max_bytes", "connected_clients": "redis_clients",
    "evicted_keys": "redis_evicted_keys_total", "total_commands_processed": "redis_commands_total",
}  # fmt: skip


def families(figures: Iterable[Figure]) -> Iterable[Metric]:
    """Figures by their names, each with its text."""
    found: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
    for name, labels, value in figures:
        if name not in found:
            family = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            found[name] = family(f"muster_{name}", READ_AT_SCRAPE[name], labels=list(labels))
        found[name].add_metric(list(labels.values()), float(value))
    return found.values()


def serve(host: str, port: int, ready: Ready, collectors: Iterable[Collector] = ()) -> ThreadingHTTPServer:
    """Answer on the internal port, in threads of its own, for as long as the process lives."""
    collectors = list(collectors)

    class Answer(BaseHTTPRequestHandler):
        """GET of three paths."""

        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:  # noqa: N802 - named by http.server
            """The page at the path."""
            match self.path.partition("?")[0]:
                case "/metrics":
                    self._send(200, metrics.exposition(collectors), CONTENT_TYPE_LATEST)
                case "/live":
                    self._send(200, b"alive\n")
                case "/ready":
                    fine, why = ready()
                    self._send(200 if fine else 503, f"{why}\n".encode())
                case _:
                    self._send(404, b"/metrics, /live and /ready\n")

        def _send(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: a probe every second is not news."""

    server = ThreadingHTTPServer((host, port), Answer)
    threading.Thread(target=server.serve_forever, name="internal", daemon=True).start()
    _log.info("internal_port_open", host=host, port=port)
    return server


def ingress_ready(settings: Settings, probe: Probe) -> Ready:
    """Ready when a worker process answers on the public port, and the database too."""

    def ready() -> tuple[bool, str]:
        if probe.backlog() is None:
            return False, "the database does not answer"
        if addresses.status(settings.host, settings.port, "/") is None:
            return False, "no process answers on the public port"
        # Without Redis changes are accepted and the sweep finds them: late is not down.
        return True, "ready" if probe.redis_answers() else "ready, without Redis"

    return ready


def workers_ready(probe: Probe) -> Ready:
    """Ready when both things that a drain needs answer."""

    def ready() -> tuple[bool, str]:
        if probe.backlog() is None:
            return False, "the database does not answer"
        return (True, "ready") if probe.redis_answers() else (False, "Redis does not answer")

    return ready


def worker_server() -> None:
    """What Dramatiq runs beside its workers, once they are up (`--fork-function`)."""
    from ops import settings as loader

    settings = loader.load()
    probe = Probe(settings)
    serve(settings.internal_host, settings.internal_port or 0, workers_ready(probe), [probe])
    threading.Event().wait()
