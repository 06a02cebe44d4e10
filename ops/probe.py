"""What PostgreSQL, Valkey and the disks are asked when somebody looks: by probes, and by a scrape."""

import os
import platform
import shutil
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, TypeVar

import psycopg
import redis
import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from models import database, journal, watch
from models.database import Connection, Cursor
from models.watch import Figure
from ops.bell import JOBS, NAMESPACE, QUEUE, RUNG
from ops.metrics import READ_AT_SCRAPE
from ops.settings import Settings

T = TypeVar("T")
VERSIONS = {"version": version("muster"), "python": platform.python_version()}
PATIENCE = 2  # seconds for a dependency to answer
_log = structlog.get_logger()


class Probe(Collector):
    """One connection to the database, kept for probes and for the figures that are read at scrape."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._redis = redis.Redis.from_url(settings.redis_url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)

    def close(self) -> None:
        """Give the connections up."""
        if self._connection is not None:
            self._connection.close()
        self._redis.close()

    def database_answers(self) -> bool:
        """Whether PostgreSQL does, on this connection or a new one."""
        return self._ask(lambda cursor: bool(cursor.execute("select 1"))) is not None

    def _ask(self, question: Callable[[Cursor], T]) -> T | None:
        if not self._lock.acquire(timeout=PATIENCE):
            return None  # somebody else waits for the database already
        try:
            if self._connection is None:
                self._connection = database.connect(
                    self._settings.database_url, "muster-probe",
                    connect_timeout=PATIENCE, options=f"-c statement_timeout={PATIENCE}s",
                )  # fmt: skip
            with _at_most(self._connection, PATIENCE + 0.5), database.transaction(self._connection) as cursor:
                return question(cursor)
        except psycopg.Error as error:
            _log.warning("probe_failed", error=type(error).__name__)
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            return None
        finally:
            self._lock.release()

    def redis_answers(self) -> bool:
        """Whether Redis does."""
        try:
            return bool(self._redis.ping())
        except redis.RedisError:
            return False

    def collect(self) -> Iterable[Metric]:
        """What the database and Valkey tell: the same in every process that is scraped, hence max() and not sum()."""
        figures = self._ask(self._of_database)
        told = [Figure("build_info", VERSIONS, 1), Figure("database_up", {}, figures is not None)]
        return families([*told, *(figures or []), *self._of_redis(), *self._of_disks()])

    def _of_database(self, cursor: Cursor) -> list[Figure]:
        backlog = journal.backlog(cursor)
        found = [
            Figure("journal_pending", {}, backlog.pending),
            Figure("journal_oldest_seconds", {}, backlog.oldest_seconds),
            Figure("waiting", {}, backlog.waiting), Figure("set_aside", {}, backlog.set_aside),
            *watch.ours(cursor), *watch.syncs(cursor), *watch.postgres(cursor),
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


@contextmanager
def _at_most(connection: Connection, seconds: float) -> Iterator[None]:
    """Hang up on a server that does not answer: one that is frozen does not keep its own time limits."""
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        limit = threading.Timer(seconds, line.shutdown, [socket.SHUT_RDWR])
        limit.start()
        try:
            yield
        finally:
            limit.cancel()


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
