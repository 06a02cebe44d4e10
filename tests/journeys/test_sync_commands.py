"""A list that is pulled by hand, in real processes: the key of `muster up` seals, and its workers open."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from ops.simulators.graph import Directory, GraphServer
from tests.journeys.system import Muster, clean_environment, running

pytestmark = [pytest.mark.journey, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def directory() -> Directory:
    return Directory(users=300, groups=3)


@pytest.fixture(scope="module")
def stack(directory: Directory) -> Iterator[Muster]:
    """A stack that is offered the directory."""
    with GraphServer(directory) as server, running("--no-demo", MUSTER_GRAPH_SIMULATOR=server.url) as own:
        yield own


def muster(stack: Muster, *arguments: str, stdin: str = "") -> Any:
    """What a command prints that finds the stack by its folder."""
    done = subprocess.run(
        [sys.executable, "-m", "ops.cli", *arguments, "--json", "--data", str(stack.folder / "d")],
        env=clean_environment(), input=stdin, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_list_is_pulled_with_nothing_but_the_data_folder_named(stack: Muster, directory: Directory) -> None:
    ids = ("--tenant", directory.tenant_id, "--client", directory.client_id, "--cloud", "simulated")
    muster(stack, "directory", "add", "North", *ids, stdin=directory.client_secret)
    staff = muster(stack, "list", "create", "Staff", "--no-connect")["list_id"]
    muster(stack, "sync", "connect", "Staff", "--directory", "North", "--every", "1h")
    run = muster(stack, "sync", "run", "Staff")

    assert (run["state"], run["created"]) == ("done", 300)
    assert len(stack.people(staff, "active")) == 300
    directory.remove_user(directory.user_ids()[0])
    again = muster(stack, "sync", "run", "Staff")
    assert (again["seen"], again["plan"]["deactivated"]) == (1, 1)
    assert len(stack.people(staff, "active")) == 299
