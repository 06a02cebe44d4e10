"""Directories that change at random while runs are begun, stopped, killed and put off: in the end the list is as
the directory.

MUSTER_RANDOM_SEEDS is how many histories there are (3 where it is not set), MUSTER_RANDOM_FIRST the first one's seed.
"""

import os
from typing import Any

import pytest

from ops.simulators.graph import Directory
from tests.workers.directory.history import History
from tests.workers.directory.oracle import Outcome

FIRST, SEEDS = int(os.environ.get("MUSTER_RANDOM_FIRST") or 1), int(os.environ.get("MUSTER_RANDOM_SEEDS") or 3)


@pytest.mark.parametrize("unique_identifier", ["userName", "employeeNumber", "email"])
@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_the_list_becomes_as_the_directory(
    make_pulled: Any, directory: Directory, unique_identifier: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History(make_pulled(unique_identifier), directory, seed, monkeypatch)

    history.happen(60)
    history.come_to_rest()

    wrong = Outcome(history).wrong()
    assert not wrong, "\n".join([*history.told, *wrong])
