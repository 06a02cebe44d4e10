"""How late what was accepted is in the list, and how much waits meanwhile."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from models import database
from ops.bench.figures import quantile
from ops.bench.system import System
from ops.bench.watching import Watching

SAMPLE_EVERY = 0.25  # seconds
# Both times are the database server's clock: the row's writing into the journal, and the log entry's, right before
# the COMMIT that shows both. The histogram `muster_accept_to_list_seconds` includes the COMMIT, but has only buckets.
_LATE = (
    "select (extract(epoch from applied_at - at) * 1000)::float8 from log_entry where list_id = any(%s)"
    " and at >= to_timestamp(%s) and applied_at is not null and (%s::text is null or operation = %s)"
)


@dataclass(frozen=True)
class Lateness:
    """From acceptance to the list, milliseconds, of so many operations."""

    count: int
    p50_ms: float
    p99_ms: float
    worst_ms: float


def now(system: System) -> float:
    """The database server's clock, in seconds."""
    [(seconds,)] = system.rows("select extract(epoch from clock_timestamp())::float8")
    return float(seconds)


def since(system: System, list_ids: Sequence[str], began: float, operation: str | None = None) -> Lateness:
    """Of what was accepted for these lists since then, by the log."""
    late = [row[0] for row in system.rows(_LATE, list(list_ids), began, operation, operation)]
    return Lateness(len(late), quantile(late, 0.5), quantile(late, 0.99), max(late, default=0.0))


class Backlog(Watching):
    """Looks, every quarter of a second while it is entered, how many operations wait: (seconds, operations)."""

    def __init__(self, system: System, every: float = SAMPLE_EVERY) -> None:
        self.samples: list[tuple[float, float]] = []
        self._url, self._every = system.owner_url, every
        super().__init__()

    def _run(self) -> None:
        began = time.monotonic()
        with database.connect(self._url, "muster-bench") as opened:
            while not self._over.wait(self._every):
                row = opened.execute("select count(*) from journal").fetchone()
                assert row
                self.samples.append((round(time.monotonic() - began, 3), float(row[0])))
