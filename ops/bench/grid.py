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
    """Answers and lateness; processor time; everything else that is spent."""
    return "\n\n".join((_answers(results), _processor(results), _other(results)))


def _answers(results: Iterable[Measured]) -> str:
    heads = (
        "hosts", "round trip ms", "connections", "phase", "req/s", "p50 ms", "p99 ms", "to list p50 ms",
        "to list p99 ms", "backlog", "empty after s", "wrong",
    )  # fmt: skip
    rows = []
    for one in results:
        if one.phase != spread.REST:
            names = ("rate", "p50_ms", "p99_ms", "list_p50_ms", "list_p99_ms", "backlog")
            rows.append(
                [_hosts(one), f"{one.figures['round_trip_ms']:.2f}", str(one.connections), one.phase]
                + [f"{one.figures[name]:.0f}" for name in names]
                + [f"{one.figures['emptied_s']:.2f}", f"{spread.wrong([one.figures]):.0f}"]
            )
    return text_table(heads, rows)


def _processor(results: Iterable[Measured]) -> str:
    heads = ("hosts", "each way ms", "connections", "phase", *_CPU, "all", "the load itself")
    rows = []
    for one in results:
        spent = [one.figures[f"cpu.{component}"] for component in _CPU]
        rows.append(_of(one) + [f"{value:.3f}" for value in (*spent, sum(spent), one.figures["cpu.load"])])
    return "CPU seconds per 1,000 requests (at rest: per 1,000 seconds)\n\n" + text_table(heads, rows)


def _other(results: Iterable[Measured]) -> str:
    heads = (
        "hosts", "each way ms", "connections", "phase", "WAL MB", "journal rows", "write transactions",
        "read transactions", "drains", "Valkey commands", "MB to and from the servers",
        "connections of an ingress", "of a worker host", "journal at most MB",
    )  # fmt: skip
    rows = []
    for one in results:
        f = one.figures
        rows.append(
            _of(one)
            + [f"{f['wal_kb'] / 1000:.2f}", f"{f['journal_rows']:.0f}", f"{f['transactions.writes']:.0f}"]
            + [f"{f['transactions.reads']:.0f}", f"{f['transactions.drains']:.0f}", f"{f['valkey_commands']:.0f}"]
            + [f"{f['wire_kb.servers'] / 1000:.2f}", *(_count(f, kind) for kind in ("ingress", "workers"))]
            + [f"{f['journal_mb']:.0f}" if "journal_mb" in f else ""]
        )
    return "Per 1,000 requests (at rest: per 1,000 seconds)\n\n" + text_table(heads, rows)


def _count(figures: spread.Figures, kind: str) -> str:
    return f"{figures[f'connections.{kind}']:.0f}" if f"connections.{kind}" in figures else ""


def _hosts(one: Measured) -> str:
    return f"{one.shape.ingress}+{one.shape.workers}"


def _of(one: Measured) -> list[str]:
    return [_hosts(one), f"{one.shape.delay_ms:g}", str(one.connections), one.phase]


def text_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows as Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
