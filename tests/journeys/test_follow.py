"""`muster log --follow` beside an identity provider at work."""

import json
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.factories import user
from tests.journeys.idp import Idp
from tests.journeys.system import ROOT, Muster

pytestmark = pytest.mark.journey
WITHIN = 20  # seconds until a test gives up


@pytest.fixture
def followed(muster: Muster, staff: Idp) -> Iterator["queue.Queue[dict[str, Any]]"]:
    """The entries of the list as they are printed, the first of them from before."""
    staff.create(user("before@north.example"))
    staff.create(user("just@north.example"))
    muster.settled(staff.list_id)
    process = subprocess.Popen(
        [sys.executable, "-m", "ops.cli", "log", staff.list_id, "--limit", "1", "--follow", "--json"],
        cwd=ROOT, env=muster.environment(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    lines: queue.Queue[dict[str, Any]] = queue.Queue()
    assert process.stdout

    def read(stream: Any) -> None:
        for line in stream:
            lines.put(json.loads(line))

    reader = threading.Thread(target=read, args=[process.stdout], daemon=True)
    reader.start()
    yield lines
    process.terminate()
    process.wait(WITHIN)
    reader.join(WITHIN)
    process.stdout.close()


def test_ctrl_c_ends_it_without_a_word(muster: Muster, staff: Idp) -> None:
    staff.create(user("ada@north.example"))
    muster.settled(staff.list_id)
    process = subprocess.Popen(
        [sys.executable, "-m", "ops.cli", "log", staff.list_id, "--follow"],
        cwd=ROOT, env=muster.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    try:
        lines = [process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        told, complaints = process.communicate(timeout=WITHIN)
    finally:
        process.kill()

    assert "ada@north.example" in lines[1]
    assert (process.returncode, told, complaints) == (0, "", "")


def test_entries_are_printed_as_they_come_and_once(
    muster: Muster, staff: Idp, followed: "queue.Queue[dict[str, Any]]"
) -> None:
    first = followed.get(timeout=WITHIN)
    staff.create(user("ada@north.example"))
    second = followed.get(timeout=WITHIN)
    staff.create(user("bo@north.example"))
    third = followed.get(timeout=WITHIN)

    assert [one["user_name"] for one in (first, second, third)] == [
        "just@north.example", "ada@north.example", "bo@north.example",
    ]  # fmt: skip
