"""What processes and all that they started have spent and hold: seconds of processor time, memory."""

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

_OURS = ("MUSTER_", "PROMETHEUS_", "PG")


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that would lead a Muster, or PostgreSQL, elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}


def family(roots: Iterable[int]) -> list[psutil.Process]:
    """These processes and their descendants, as far as they live."""
    found: dict[int, psutil.Process] = {}
    for root in roots:
        with contextlib.suppress(psutil.NoSuchProcess):
            first = psutil.Process(root)
            found |= {process.pid: process for process in (first, *first.children(recursive=True))}
    return list(found.values())


def seconds(roots: Iterable[int]) -> float:
    """Processor time of these processes and all that they started, the dead ones included."""
    total = 0.0
    for process in family(roots):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


@dataclass(frozen=True)
class Memory:
    """Megabytes. `pss`: shared pages counted by their share, so that processes add up; `private`: what would be free
    if the process ended; `shared`: pages that others have as well, counted whole."""

    pss: float = 0.0
    private: float = 0.0
    shared: float = 0.0

    def __add__(self, other: "Memory") -> "Memory":
        return Memory(self.pss + other.pss, self.private + other.private, self.shared + other.shared)


def memory(pid: int) -> Memory:
    """Of one process (Linux: smaps_rollup); nothing of one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError):
        return Memory()
    sizes = {name: int(value.split()[0]) / 1024 for name, _, value in (line.partition(":") for line in lines)}
    return Memory(
        sizes["Pss"],
        sizes["Private_Clean"] + sizes["Private_Dirty"],
        sizes["Shared_Clean"] + sizes["Shared_Dirty"],
    )
