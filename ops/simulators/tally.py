"""What a run counted."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from ops.simulators.schemas import Document

REPEAT = "repeat"  # a request sent again; 409 or 404 is then a good answer


@dataclass
class Tally:
    """What one run counted. Not shared between threads: each has its own, added up at the end."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Take over what another counted."""
        self.statuses.update(other.statuses)
        self.failures.extend(other.failures)
        for step, seconds in other.seconds.items():
            self.seconds[step].extend(seconds)

    def steps(self) -> list[Document]:
        """One row a step: requests, failures, latencies in milliseconds."""
        rows = []
        for step, seconds in self.seconds.items():
            ordered = sorted(seconds)
            bad = sum(
                count
                for (name, status), count in self.statuses.items()
                if name == step and not fine(status) and not (step == REPEAT and 400 <= status < 500)
            )
            rows.append(
                {
                    "step": step,
                    "requests": len(ordered),
                    "failed": bad,
                    "p50_ms": _milliseconds(ordered, 0.50),
                    "p99_ms": _milliseconds(ordered, 0.99),
                    "worst_ms": _milliseconds(ordered, 1.0),
                }
            )
        return rows


def fine(status: int) -> bool:
    """Whether a request did what it was to do."""
    return 200 <= status < 300


def _milliseconds(ordered: list[float], share: float) -> float:
    return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)
