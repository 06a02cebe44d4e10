"""A minute of `muster chaos`: whatever dies, nothing that was acknowledged is lost, doubled or out of order."""

import json
import subprocess
import sys
from typing import Any

import pytest

from ops.chaos.faults import FAULTS
from tests.journeys.system import ROOT, clean_environment

pytestmark = [pytest.mark.journey, pytest.mark.timeout(400)]

# In whatever order: a run is ended by the clock, and what comes late may not come at all.
LONG = ("slow-valkey", "slow-database", "stall-valkey", "roll-workers", "kill-workers-master", "empty-valkey")


def chaos(*options: str) -> tuple[int, dict[str, Any]]:
    """The exit code of a run, and what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "ops.cli", "chaos", "--json", *options],
        cwd=ROOT, env=clean_environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout, done.stderr[-4000:]
    return done.returncode, json.loads(done.stdout)


def test_nothing_acknowledged_is_lost_whatever_dies() -> None:
    kinds = [f"--only={kind}" for kind in FAULTS if kind not in LONG]

    code, told = chaos("--minutes", "1", "--seed", "9", *kinds)

    failings = ("lost", "doubled", "out_of_order", "stale", "isolation_breaches")
    assert [told[name] for name in failings] == [0] * 5, told["findings"]
    assert (code, told["findings"]) == (0, [])
    assert told["acknowledged"] > 1_000
    assert told["retried"] > 0
    assert len(told["faults"]) >= 8, told


@pytest.mark.long
@pytest.mark.timeout(2_400)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_half_an_hour_of_everything(seed: int) -> None:
    code, told = chaos("--minutes", "30", "--seed", str(seed))

    assert (code, told["findings"]) == (0, [])
    assert min(fault["count"] for fault in told["faults"]) >= 5
