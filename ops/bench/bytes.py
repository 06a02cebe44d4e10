"""The bytes suite: what creates, and PATCHes, leave in each table, and whether the journal stays small."""

import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import psycopg

from ops.bench.grid import text_table
from ops.bench.hosts import Shape, running
from ops.bench.spread import Figures, Say, Suite

PHASES = ("create", "patch")
LOOKS = 12  # at the tables, evenly over a phase
_SIZES = (
    "select coalesce(p.relname, c.relname), sum(pg_table_size(c.oid)), sum(pg_indexes_size(c.oid)), sum(s.n_dead_tup),"
    " sum(s.autovacuum_count) from pg_class c join pg_stat_user_tables s on s.relid = c.oid"
    " left join pg_inherits i on i.inhrelid = c.oid left join pg_class p on p.oid = i.inhparent"
    " where c.relkind = 'r' group by 1"
)


@dataclass(frozen=True)
class Size:
    """A table, its partitions together."""

    table: int
    indexes: int
    dead_rows: int
    vacuums: int


Sizes = dict[str, Size]


@dataclass(frozen=True)
class Grown:
    """A phase: what it was, the sizes before and after, and the looks in between (seconds, sizes)."""

    phase: str
    figures: Figures
    before: Sizes
    after: Sizes
    looks: list[tuple[float, Sizes]]


def measure(shape: Shape, *, say: Say, seconds: float, connections: int) -> list[Grown]:
    """Each phase for so many seconds."""
    with running(shape, say) as one:
        suite = Suite(one, say)
        return [grow(suite, one.admin_url, phase, connections, seconds) for phase in PHASES]


def grow(suite: Suite, admin_url: str, phase: str, connections: int, seconds: float) -> Grown:
    """One phase of a running installation."""
    before, looks, over = _sizes(admin_url), list[tuple[float, Sizes]](), threading.Event()
    began = time.monotonic()

    def look() -> None:
        while not over.wait(seconds / LOOKS):
            looks.append((time.monotonic() - began, _sizes(admin_url)))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        figures = suite.run(phase, connections, seconds)
    finally:
        over.set()
        thread.join()
    return Grown(phase, figures, before, _sizes(admin_url), looks)


def _sizes(admin_url: str) -> Sizes:
    with psycopg.connect(admin_url) as admin:
        return {str(row[0]): Size(*map(int, row[1:])) for row in admin.execute(_SIZES)}


def tables(results: Sequence[Grown]) -> str:
    """What 1,000 operations leave, and the journal over time."""
    return "\n\n".join((_per_thousand(results), _over_time(results)))


def _per_thousand(results: Sequence[Grown]) -> str:
    rows = []
    for one in results:
        thousands = one.figures["requests"] / 1000
        for name, after in sorted(one.after.items()):
            before = one.before[name]
            table, indexes = (after.table - before.table, after.indexes - before.indexes)
            if table + indexes > thousands * 1000:  # less than a byte an operation is nothing
                each = [f"{grown / 1000 / thousands:.0f}" for grown in (table, indexes, table + indexes)]
                rows.append([one.phase, f"{one.figures['requests']:.0f}", name, *each])
    return text_table(("phase", "operations", "table", "KB per 1,000: rows", "indexes", "both"), rows)


def _over_time(results: Sequence[Grown]) -> str:
    heads = (
        "phase",
        "after s",
        "journal MB",
        "its dead rows",
        "its vacuums",
        "identity MB",
        "its dead rows",
        "person MB",
    )
    rows = []
    for one in results:
        for seconds, sizes in one.looks:
            journal, identity, person = (sizes[name] for name in ("journal", "identity", "person"))
            rows.append(
                [one.phase, f"{seconds:.0f}", _mb(journal), str(journal.dead_rows), str(journal.vacuums)]
                + [_mb(identity), str(identity.dead_rows), _mb(person)]
            )
    return text_table(heads, rows)


def _mb(size: Size) -> str:
    return f"{(size.table + size.indexes) / 1e6:.1f}"


def as_json(results: Sequence[Grown]) -> list[dict[str, Any]]:
    """For `--json`."""
    return [asdict(one) for one in results]
