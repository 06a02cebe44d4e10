"""The hosts suite over many shapes, and its results as tables for docs/scale.md."""

from collections.abc import Iterable, Iterator, Sequence

from ops.bench import spread
from ops.bench.hosts import Shape
from ops.bench.spread import Measured, Say

HOSTS = ((1, 1), (2, 1), (2, 2), (4, 4))  # ingress, workers
DELAYS = (0.0, 0.25, 1.0)  # milliseconds each way
CONNECTIONS = (64, 256)
_CPU = ("ingress", "workers", "postgres", "valkey")


def measure(*, say: Say, seconds: float, runs: int, phases: Sequence[str]) -> Iterator[Measured]:
    """Every number of hosts at every distance."""
    for delay_ms in DELAYS:
        for ingress, workers in HOSTS:
            yield from spread.measure(
                Shape(ingress, workers, delay_ms),
                say=say, seconds=seconds, connections=CONNECTIONS, runs=runs, phases=phases,
            )  # fmt: skip


def tables(results: Sequence[Measured]) -> str:
    """Answers, lateness and processor time; then everything else that is spent."""
    return "\n\n".join((_answers(results), _other(results)))


def _answers(results: Iterable[Measured]) -> str:
    """Processor time in seconds per 1,000 requests; at rest, per 1,000 seconds."""
    heads = (
        "hosts", "round trip ms", "connections", "phase", "req/s", "p50 ms", "p99 ms", "to list p50 ms",
        "to list p99 ms", "backlog", *(f"CPU s: {component}" for component in _CPU), "all", "wrong",
    )  # fmt: skip
    rows = []
    for one in results:
        spent = [one.figures[f"cpu.{component}"] for component in _CPU]
        rows.append(
            [_hosts(one), _shown(one, "round_trip_ms", 2), str(one.connections), one.phase]
            + [_shown(one, name) for name in ("rate", "p50_ms", "p99_ms", "list_p50_ms", "list_p99_ms", "backlog")]
            + [f"{value:.3f}" for value in (*spent, sum(spent))]
            + [f"{spread.wrong([one.figures]):.0f}"]
        )
    return text_table(heads, rows)


def _other(results: Iterable[Measured]) -> str:
    """Per 1,000 requests, but for connections and the journal; at rest, per 1,000 seconds."""
    heads = (
        "hosts", "round trip ms", "connections", "phase", "WAL MB", "journal rows", "write transactions",
        "read transactions", "drains", "Valkey commands", "MB to and from the servers",
        "connections of an ingress", "of a worker host", "journal at most MB",
    )  # fmt: skip
    rows = []
    for one in results:
        spent = ("journal_rows", "transactions.writes", "transactions.reads", "transactions.drains", "valkey_commands")
        rows.append(
            [_hosts(one), _shown(one, "round_trip_ms", 2), str(one.connections), one.phase]
            + [f"{one.figures['wal_kb'] / 1000:.2f}", *(_shown(one, name) for name in spent)]
            + [f"{one.figures['wire_kb.servers'] / 1000:.2f}"]
            + [_shown(one, name) for name in ("connections.ingress", "connections.workers", "journal_mb")]
        )
    return text_table(heads, rows)


def _shown(one: Measured, name: str, digits: int = 0) -> str:
    """A figure; nothing where the phase has none."""
    return f"{one.figures[name]:.{digits}f}" if one.figures.get(name) is not None else ""


def _hosts(one: Measured) -> str:
    return f"{one.shape.ingress}+{one.shape.workers}"


def text_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows as Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
