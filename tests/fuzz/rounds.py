"""Examples for as long as a target runs: MUSTER_FUZZ_SECONDS, 10 where it is not set."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase

from tests.fuzz.world import World

SECONDS = float(os.environ.get("MUSTER_FUZZ_SECONDS") or 10)
SHRINKING = 60  # seconds at most for making a failing example small
TIMEOUT = SECONDS + SHRINKING + 120
ROUND = 300  # examples until the tables are emptied
T = TypeVar("T")


def keep_at(world: World, strategy: st.SearchStrategy[T], act: Callable[[World, T], None]) -> None:
    """Act on examples, each from the same beginning, until the time is over or one fails.

    A failing one is kept in .hypothesis and comes first the next time; its blob is printed besides.
    """
    until, failed = time.monotonic() + SECONDS, False

    @settings(
        max_examples=ROUND, deadline=None, derandomize=False, print_blob=True,
        suppress_health_check=list(HealthCheck), database=_database(act),
        phases=[Phase.reuse, Phase.generate, Phase.shrink],
    )  # fmt: skip
    @given(strategy)
    def one_round(example: T) -> None:
        nonlocal failed
        if time.monotonic() >= until and not failed:
            # Hypothesis lets a skip through at once; after a mere return it would make up the rest of the round.
            raise pytest.skip.Exception("the time is over")
        world.begin()
        try:
            act(world, example)
            world.check_consistent()
        except BaseException:
            failed = True  # and it has to fail again, whatever the time is then
            raise

    with pytest.MonkeyPatch.context() as patch:
        # Five minutes otherwise; there is no setting for it.
        patch.setattr("hypothesis.internal.conjecture.engine.MAX_SHRINKING_SECONDS", SHRINKING)
        while time.monotonic() < until:
            world.renew()
            with suppress(pytest.skip.Exception):
                one_round()


def _database(act: Callable[..., None]) -> DirectoryBasedExampleDatabase:
    # A target's own: inside `keep_at` all of them are one function to hypothesis.
    return DirectoryBasedExampleDatabase(Path(".hypothesis") / "fuzz" / f"{act.__module__}.{act.__name__}")
