import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops import state
from ops.embedded import MARK
from ops.state import Folder, Running
from ops.supervisor import runs

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path / "data")
    yield made
    made.release()


def test_a_folder_is_taken_once(folder: Folder) -> None:
    folder.take()
    folder.write({"pid": 4711, "url": "http://127.0.0.1:8080"})

    with pytest.raises(Running, match=r"is running on .* at http://127\.0\.0\.1:8080 \(process 4711\)"):
        Folder(folder.path).take()

    assert folder.held()


def test_the_state_can_be_read_by_us_alone(folder: Folder) -> None:
    folder.take()
    folder.write({"pid": 1})

    assert (folder.path / "state.json").stat().st_mode & 0o777 == 0o600
    assert folder.path.stat().st_mode & 0o066 == 0


def test_recorded_processes_of_a_killed_predecessor_are_ended(folder: Folder) -> None:
    folder.take()
    left = subprocess.Popen(SLEEPER, start_new_session=True)
    folder.write({"children": [{"name": "workers", "pid": left.pid, "started": state.started(left.pid)}]})

    assert folder.end_leftovers() == [left.pid]

    assert not runs(left.pid)
    left.wait()


def test_processes_that_carry_the_folders_mark_are_ended(folder: Folder) -> None:
    folder.take()
    left = subprocess.Popen(SLEEPER, env=os.environ | {MARK: str(folder.path)})
    folder.write({"children": []})

    folder.end_leftovers()

    assert not runs(left.pid)
    left.wait()


def test_a_process_that_got_a_recorded_number_later_is_spared(folder: Folder) -> None:
    folder.take()
    stranger = subprocess.Popen(SLEEPER)
    folder.write({"children": [{"name": "workers", "pid": stranger.pid, "started": 1.0}]})

    assert folder.end_leftovers() == []

    assert runs(stranger.pid)
    stranger.kill()
    stranger.wait()
