"""What the whole stack costs a machine while nobody calls."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journeys.system import running

pytestmark = pytest.mark.journey

LIMIT_MB = 400


def _proportional_kb(pid: int) -> int:
    """A process's memory, shared pages counted by their share (Linux: smaps_rollup); none of one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


@pytest.mark.skipif(sys.platform != "linux", reason="smaps_rollup exists on Linux only")
def test_the_idle_stack_stays_under_400_mb(record_property: Callable[[str, object], None]) -> None:
    with running() as stack:
        sizes = {process.pid: _proportional_kb(process.pid) for process in stack.processes()}

    total = sum(sizes.values()) / 1024
    record_property("idle_megabytes", round(total, 1))
    assert total < LIMIT_MB
