"""The bloat suite: millions of rows through the journal, and whether it stays small and its claims fast.

Rows are written by `journal.append` and taken by `journal.claim` and `settle`, as ingress and drains do, with nothing
in between: in a database of its own, with autovacuum as it is configured.
"""

import importlib
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

import msgspec
import psycopg

from models import database, journal
from models.database import Connection
from models.journal import LANES, Entry, Lane
from models.text import new_id
from ops.bench.backends import spent
from ops.bench.grid import text_table
from ops.bench.hosts import Shape, running
from ops.bench.spread import Say
from ops.bench.traffic import user

LISTS = 10
BATCH = 128  # rows of an append, as ingress writes them
TAKEN, ROWS = 64, 500  # lanes and rows of a claim, as drains take them
DRAINS = 2
WAITING = 20_000  # rows that wait at most, then the writer waits; of fewer than half the drains wait
PARTS = 20  # of the run that are told apart
_SIZES = (
    "select pg_table_size(s.relid), pg_indexes_size(s.relid), s.n_dead_tup, s.autovacuum_count"
    " from pg_stat_user_tables s where relname = 'journal'"
)


@dataclass(frozen=True)
class Claim:
    """One claim with rows: how many had been settled before it, seconds, and of its backend's processor."""

    settled: int
    rows: int
    seconds: float
    cpu: float


@dataclass(frozen=True)
class Part:
    """A part of the run, and the journal at its end."""

    rows: int  # settled so far
    seconds: float
    table_mb: float
    indexes_mb: float
    dead_rows: int
    vacuums: int
    claim_ms: float  # the median
    worst_ms: float
    cpu_us: float  # of its backend for each row that was claimed


@dataclass
class Flow:
    """What writers and drains share."""

    database_url: str
    total: int
    written: int = 0
    settled: int = 0
    claims: list[Claim] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    failed: list[BaseException] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether everything came through, or somebody failed."""
        return self.settled >= self.total or bool(self.failed)

    def write(self) -> None:
        """Append until all is written, no further ahead than `WAITING`."""
        chance, document = random.Random(1), msgspec.json.encode(user("bloat.1")).decode()  # noqa: S311
        with self._open("muster-commit", importlib.import_module("ingress.batches").OPTIONS) as opened:
            while self.written < self.total and not self.failed:
                if self.written - self.settled > WAITING:
                    time.sleep(0.002)
                    continue
                count = min(BATCH, self.total - self.written)
                entries = [
                    Entry(f"bloat{chance.randrange(LISTS)}", new_id(), "update", document, None, None, "bloat", None)
                    for _ in range(count)
                ]
                with database.transaction(opened, {one.list_id for one in entries}) as cursor:
                    journal.append(cursor, entries)
                self.written += count

    def drain(self) -> None:
        """Claim and settle until nothing comes any more."""
        chance = random.Random()  # noqa: S311
        lanes = [Lane(f"bloat{number}", lane) for number in range(LISTS) for lane in range(LANES)]
        with self._open("muster-drain", importlib.import_module("workers.app").DRAIN_OPTIONS) as opened:
            while not self.over:
                if self.written < self.total and self.written - self.settled < WAITING // 2:
                    time.sleep(0.002)
                    continue
                one = self._claim(opened, chance.sample(lanes, TAKEN))
                with self.lock:
                    self.settled += one.rows
                    self.claims += [one] if one.rows else []

    def _claim(self, opened: Connection, lanes: list[Lane]) -> Claim:
        settled = self.settled
        with database.transaction(opened, {lane.list_id for lane in lanes}) as cursor:
            held = journal.lock(cursor, lanes)
            began, before = time.perf_counter(), spent(opened.info.backend_pid) or 0.0
            events = journal.claim(cursor, held, ROWS)
            taken, after = time.perf_counter() - began, spent(opened.info.backend_pid) or 0.0
            if events:
                journal.settle(cursor, events)
        return Claim(settled, len(events), taken, after - before)

    def _open(self, application: str, options: str) -> Connection:
        return database.connect(self.database_url, application, options=options)

    def part(self, admin: "psycopg.Connection[tuple[int, ...]]", number: int, began: float) -> Part:
        """How the part before this number went, and the journal now."""
        row = admin.execute(_SIZES).fetchone()
        assert row
        share = self.total / PARTS
        with self.lock:
            claims = [one for one in self.claims if (number - 1) * share <= one.settled < number * share]
        times = [one.seconds * 1000 for one in claims] or [0.0]
        rows = sum(one.rows for one in claims) or 1
        return Part(
            self.settled, round(time.monotonic() - began, 1), row[0] / 1e6, row[1] / 1e6, row[2], row[3],
            round(median(times), 2), round(max(times), 1), round(sum(one.cpu for one in claims) / rows * 1e6, 1),
        )  # fmt: skip


def measure(total: int, *, say: Say) -> list[Part]:
    """So many rows. No other process of Muster runs."""
    with running(Shape(0, 0), say) as one:
        return flow(one.database_url, one.admin_url, total, say=say)


def flow(database_url: str, admin_url: str, total: int, *, say: Say) -> list[Part]:
    """The same in a database that there is."""
    shared, began, parts = Flow(database_url, total), time.monotonic(), list[Part]()
    threads = [
        threading.Thread(target=_guarded, args=(shared, work), daemon=True)
        for work in [shared.write, *[shared.drain] * DRAINS]
    ]
    for thread in threads:
        thread.start()
    with psycopg.connect(admin_url, autocommit=True) as admin:
        while len(parts) < PARTS and not shared.failed:
            time.sleep(0.05)
            if shared.settled >= total * (len(parts) + 1) // PARTS:
                parts.append(shared.part(admin, len(parts) + 1, began))
                say(f"{parts[-1].rows:,} rows after {parts[-1].seconds:.0f} s")
    for thread in threads:
        thread.join()
    if shared.failed:
        raise shared.failed[0]
    return parts


def _guarded(shared: Flow, work: Any) -> None:
    try:
        work()
    except BaseException as error:
        shared.failed.append(error)
        raise


def table(parts: Sequence[Part]) -> str:
    """For docs/measurements.md."""
    heads = (
        "rows settled", "after s", "table MB", "index MB", "dead rows", "vacuums", "claim p50 ms", "worst ms",
        "backend µs a row claimed",
    )  # fmt: skip
    return text_table(heads, [_row(part) for part in parts])


def _row(part: Part) -> list[str]:
    return [
        f"{part.rows:,}", f"{part.seconds:.0f}", f"{part.table_mb:.1f}", f"{part.indexes_mb:.1f}",
        f"{part.dead_rows:,}", f"{part.vacuums}", f"{part.claim_ms:.2f}", f"{part.worst_ms:.0f}", f"{part.cpu_us:.1f}",
    ]  # fmt: skip


def as_json(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """For `--json`."""
    return [asdict(one) for one in parts]
