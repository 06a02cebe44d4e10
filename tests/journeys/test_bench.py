"""`muster bench` measures what it says: every phase is answered as it should be, beside the ceiling."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ops.bench import growth, ingress, ingress_shown, scale
from ops.bench.system import System
from ops.bench.traffic import Target
from ops.embedded import OWNING, SERVING
from tests.journeys.system import ROOT, Muster, clean_environment

pytestmark = pytest.mark.journey


def test_every_phase_of_the_ingress_suite_is_answered_as_expected_beside_another_server(
    system: System, muster: Muster
) -> None:
    other = muster.new_list()

    found = ingress.measure(
        system, seconds=0.1, connections=4, runs=1, people=40, peer=Target(other.base_url, other.token),
        say=lambda _: None,
    )  # fmt: skip

    told = ingress_shown.table(found)
    assert [one.phase for one in found.phases] == ["create", "lookup", "get", "patch", "mix"]
    for one in found.phases:
        assert one.unexpected == one.peer_unexpected == 0, told
        assert one.ratio > 0
        assert one.peer_ratio is not None
    assert found.wrong == found.peer_wrong == []
    assert found.echoed.rate > 0
    assert len(found.alone) == 1
    assert found.workers.startswith("paused")
    assert "paused" in told
    assert {line.what for line in ingress_shown.lines(found)} >= {"create: of the ceiling", "mix: beside the peer"}


def test_every_request_of_the_scale_suite_is_answered_and_every_plan_told(muster: Muster) -> None:
    target = muster.new_list()
    owner_url = muster.ready["database_url"].replace(SERVING, OWNING)
    filled = scale.fill(owner_url, target.list_id, 300)

    results = scale.measure(Target(target.base_url, target.token), filled, say=lambda _: None)
    plans = scale.plans(muster.ready["database_url"], target.list_id, filled)

    assert len(results) == len({one.what for one in results}) >= 25
    assert all(one.p50_ms > 0 for one in results), scale.table(results)
    assert plans.count("actual time") >= 10


def test_the_command_measures_the_muster_of_a_data_folder_and_draws(muster: Muster, tmp_path: Path) -> None:
    words = ["--data", str(muster.folder / "d"), "--suite", "group", "--users", "12", "--json", "--draw", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "ops.cli", "bench", *words],
        cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["members"], len(found["large_ms"]), found["wrong"]) == (12, 12, [])
    assert "starting a Muster" not in done.stderr
    assert (tmp_path / "targets.svg").exists()


def test_the_growth_suite_asks_both_lists_everything_and_finds_them_again(
    muster: Muster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"SMALL": (120, 200), "TIMES": 4, "BLOCK": 2, "FAR": 8}.items():
        monkeypatch.setattr(growth, name, value)
    url = muster.ready["database_url"]
    urls = url, url.replace(SERVING, OWNING)
    said: list[str] = []
    filled = growth.lists(*urls, 600, 900, say=said.append)
    again = growth.lists(*urls, 600, 900, say=said.append)
    root = muster.ready["scim_root"]
    both = growth.sides(url, again, 600, lambda one: f"{root}/{one}", muster.ready["console_url"], say=said.append)

    results = growth.measure(url, *both, say=said.append, times=4)

    assert filled == again
    assert sum(one.startswith("filling") for one in said) == 2
    assert [one.what for one in results] == [
        "create", "lookup by userName", "PATCH", "first page", "cursor page 8", "log page", "log page, all time",
    ]  # fmt: skip
    assert all(one.small_ms > 0 and one.large_ms > 0 and one.small_cpu and one.large_cpu for one in results)
    assert "| PATCH |" in growth.table(results, 600)
