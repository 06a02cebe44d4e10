"""What an installation on several hosts has spent: processor time by component, the database's and Valkey's work,
bytes between hosts. Read before and after; the difference is the cost."""

import math
import time
import urllib.request
from collections import defaultdict
from dataclasses import dataclass

import psycopg
import redis

from ops.bench.hosts import INTERNAL_PORT, Installation
from ops.bench.processes import seconds
from ops.bench.watching import Watching

SAMPLE_EVERY = 0.25  # seconds
Metrics = dict[tuple[str, str], float]  # name, `le`


@dataclass(frozen=True)
class Reading:
    """Everything that only grows, at one moment."""

    cpu: dict[str, float]  # seconds by component
    wire: dict[str, float]  # bytes by kind of host
    wal: float
    commands: float
    metrics: Metrics

    def since(self, before: "Reading") -> "Reading":
        """What was spent between."""
        return Reading(
            {name: value - before.cpu[name] for name, value in self.cpu.items()},
            {name: value - before.wire[name] for name, value in self.wire.items()},
            self.wal - before.wal,
            self.commands - before.commands,
            {key: value - before.metrics.get(key, 0.0) for key, value in self.metrics.items()},
        )

    def metric(self, name: str) -> float:
        """One without buckets."""
        return self.metrics.get((name, ""), 0.0)

    def quantile(self, name: str, share: float) -> float:
        """Of a histogram, as Prometheus reckons it: evenly within a bucket."""
        bounds = sorted((float(le), value) for (one, le), value in self.metrics.items() if one == f"{name}_bucket")
        if not bounds or not bounds[-1][1]:
            return 0.0
        wanted, low, under = share * bounds[-1][1], 0.0, 0.0
        for bound, count in bounds:
            if count >= wanted and count > under:
                return low if math.isinf(bound) else low + (bound - low) * (wanted - under) / (count - under)
            low, under = bound, count
        return low


def take(one: Installation) -> Reading:
    """The state of now."""
    wire: dict[str, float] = defaultdict(float)
    for host, count in one.network.bytes().items():
        wire[host.rstrip("0123456789")] += count
    with psycopg.connect(one.admin_url, autocommit=True) as admin, redis.Redis.from_url(one.redis_url) as bell:
        row = admin.execute("select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')").fetchone()
        told = bell.info("stats")
    assert row
    assert isinstance(told, dict)
    cpu = {component: seconds(roots) for component, roots in one.roots.items()}
    cpu["load"] = time.process_time()
    return Reading(cpu, dict(wire), float(row[0]), float(told["total_commands_processed"]), metrics(one))


def metrics(one: Installation) -> Metrics:
    """The counters and histograms of all processes, added up over the hosts."""
    from prometheus_client.parser import text_string_to_metric_families

    found: Metrics = defaultdict(float)
    for address in (one.ingress | one.workers).values():
        with urllib.request.urlopen(f"http://{address}:{INTERNAL_PORT}/metrics", timeout=10) as page:
            text = page.read().decode()
        for family in text_string_to_metric_families(text):
            for sample in family.samples if family.type in ("counter", "histogram") else ():
                found[sample.name, sample.labels.get("le", "")] += sample.value
    return dict(found)


class Sampler(Watching):
    """Looks at the journal and the connections while load is on; the most of each is kept."""

    def __init__(self, admin_url: str) -> None:
        self.backlog, self.journal_bytes = 0, 0
        self.connections: dict[tuple[str, str], int] = {}  # by address and application
        self._url = admin_url
        super().__init__()

    def _run(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as admin:
            while not self._over.wait(SAMPLE_EVERY):
                row = admin.execute("select count(*), pg_total_relation_size('journal') from journal").fetchone()
                assert row
                self.backlog, self.journal_bytes = max(self.backlog, row[0]), max(self.journal_bytes, row[1])
                self._connected(admin)

    def _connected(self, admin: "psycopg.Connection[tuple[int, ...]]") -> None:
        rows = admin.execute(
            "select host(client_addr), application_name, count(*) from pg_stat_activity"
            " where application_name like 'muster%' and client_addr is not null group by 1, 2"
        )
        for address, application, count in rows:
            key = str(address), str(application)
            self.connections[key] = max(self.connections.get(key, 0), int(count))
