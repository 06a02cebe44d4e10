"""`muster bench --suite hosts`: several hosts measure, keep everything in order, and leave nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from ops.bench import background, grid, network, spread
from ops.bench import bytes as sizes
from ops.bench.hosts import Shape, running
from ops.bench.spread import Measured, Suite
from tests.conftest import REFUSED
from tests.journeys.system import ROOT, clean_environment
from tests.journeys.waiting import eventually

pytestmark = pytest.mark.journey
WITHIN = 30  # seconds until a test gives up


@pytest.fixture
def namespaces() -> None:
    """Skips, by name, where the machine has no network namespaces for us."""
    why = network.refusal()
    if why is not None:
        pytest.skip(f"{REFUSED}network namespaces: {why}")


def quietly(_: str) -> None:
    """Says nothing."""


def names_of(pid: int) -> list[str]:
    """The namespaces that a process made and that are there yet."""
    return sorted(path.name for path in Path("/run/netns").glob(f"muster-{pid}-*"))


@pytest.mark.needs("ip")
@pytest.mark.usefixtures("namespaces")
def test_what_two_ingress_hosts_accept_two_worker_hosts_apply_once_and_in_order() -> None:
    shape = Shape(2, 2)
    with running(shape, say=quietly) as one:
        suite = Suite(one, say=quietly, users=40)
        mix = suite.run("mix", 32, 0.5)
        grown = sizes.grow(suite, one.admin_url, "create", 32, 0.5)

    told = grid.tables([Measured(shape, 32, "mix", mix), Measured(shape, 32, "create", grown.figures)])
    assert spread.wrong([mix, grown.figures]) == 0, told
    for figures in (mix, grown.figures):
        assert figures["rate"] > 0
        assert figures["list_p50_ms"] > 0
        assert all(figures[f"cpu.{component}"] > 0 for component in ("ingress", "workers", "postgres")), told
        assert 1 <= figures["connections.ingress"] <= 8
        assert 1 <= figures["connections.workers"] <= 4
    assert grown.figures["journal_rows"] == pytest.approx(1000)
    assert "| identity |" in sizes.tables([grown])
    assert names_of(os.getpid()) == []


@pytest.mark.needs("ip")
@pytest.mark.usefixtures("namespaces")
def test_what_the_sweep_and_scrapes_ask_is_timed() -> None:
    results = background.measure(lists=20, waiting=1000, say=quietly)

    assert [one.what for one in results] == [what for what, _, _ in background.QUESTIONS]
    assert all(one.quiet_ms > 0 and one.waiting_ms > 0 for one in results), background.table(results)


@pytest.mark.needs("ip")
@pytest.mark.usefixtures("namespaces")
def test_a_measurement_that_is_interrupted_takes_its_hosts_down() -> None:
    shape = ["--ingress-hosts", "1", "--worker-hosts", "1", "--delay", "0.25"]
    command = [sys.executable, "-m", "ops.cli", "bench", "--suite", "hosts", *shape]
    process = subprocess.Popen(
        command, cwd=ROOT, env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        eventually(lambda: f"muster-{process.pid}-ingress1" in names_of(process.pid), WITHIN, "hosts with servers")
        started = psutil.Process(process.pid).children(recursive=True)

        process.send_signal(signal.SIGINT)

        assert process.wait(WITHIN) != 0
        assert len(started) > 3
        assert [each for each in started if each.is_running()] == []
        assert names_of(process.pid) == []
    finally:
        process.terminate()  # killed, it would leave its hosts behind
        process.wait()


def test_where_there_is_no_iproute2_a_sentence_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ops.cli", "bench", "--suite", "hosts", "--json"],
        cwd=ROOT, env=clean_environment() | {"PATH": "/nowhere"}, capture_output=True, text=True, timeout=WITHIN,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (2, "")
    assert "install the system package iproute2" in done.stderr
