"""The bench's own Muster: its processes are known, its workers can be paused, and it leaves nothing behind."""

import http.client
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from ops.account import Unusable
from ops.bench import traffic
from ops.bench.processes import clean_environment, memory, seconds
from ops.bench.system import COMPONENTS, System
from tests.journeys.system import ROOT

pytestmark = pytest.mark.journey
WITHIN = 30  # seconds until a test gives up


def people(system: System, list_id: str) -> int:
    [(count,)] = system.rows("select count(*) from person where list_id = %s", list_id)
    return int(count)


def test_every_component_of_it_has_spent_time_and_holds_memory(system: System) -> None:
    spent = system.cpu()

    assert set(spent) == set(COMPONENTS)
    assert all(spent[name] > 0 for name in ("ingress", "workers", "postgres"))  # Valkey: less than a tick
    assert all(one.pss > 0 for name in COMPONENTS for one in system.memory(name))
    assert len(system.memory("postgres")) > 5  # backends as well
    assert system.memory("ingress")[0].private >= system.memory("ingress")[-1].private


def test_while_its_workers_are_paused_what_is_accepted_waits(system: System) -> None:
    list_id, target = system.new_list()
    with system.workers_paused():
        traffic.seed(target, 20)
        states = {process.status() for root in system.roots["workers"] for process in [psutil.Process(root)]}
        waiting = system.rows("select count(*) from journal where list_id = %s", list_id)
        assert people(system, list_id) == 0
    system.emptied()

    assert states == {psutil.STATUS_STOPPED}
    assert waiting == [(20,)]
    assert people(system, list_id) == 20


def test_workers_that_the_bench_did_not_start_are_not_paused(system: System) -> None:
    somebodys = System(system.database_url, system.owner_url, system.redis_url, "", "", system.roots)

    with pytest.raises(Unusable, match="started for the bench"), somebodys.workers_paused():
        pass


def test_a_component_that_has_ended_is_not_measured(system: System) -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    lost = System(system.database_url, system.owner_url, system.redis_url, "", "", {"ingress": [done.pid]})

    with pytest.raises(Unusable, match="ingress ended"):
        lost.cpu()


def test_processor_time_of_children_that_have_ended_is_counted() -> None:
    before = seconds([os.getpid()])
    subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)

    assert seconds([os.getpid()]) - before >= 0.01


def test_a_process_that_has_ended_holds_nothing() -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()

    assert memory(done.pid).pss == 0


def test_a_measurement_that_is_interrupted_takes_its_muster_down(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ops.cli", "bench", "--data", str(tmp_path / "none")]
    process = subprocess.Popen(
        command, cwd=ROOT, env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stderr
        said = [process.stderr.readline(), process.stderr.readline()]
        started = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        assert process.wait(WITHIN) != 0

    assert "starting a Muster" in said[0]
    assert len(started) > 8
    assert [each for each in started if each.is_running()] == []


def test_a_list_of_the_bench_is_connected(system: System) -> None:
    _, target = system.new_list()
    line = http.client.HTTPConnection(*target.address)
    line.request("GET", f"{target.path}/Users", headers={"Authorization": f"Bearer {target.token}"})
    answer = json.loads(line.getresponse().read())
    line.close()

    assert answer["totalResults"] == 0
