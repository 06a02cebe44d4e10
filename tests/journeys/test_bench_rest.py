"""The suites group, memory, csv, sessions, api, hostile and overload on a small scale."""

import pytest

from ops.bench import api, group, holding, hostile, overload, overload_shown, people_csv, scale, sessions, slow
from ops.bench.system import System, running

pytestmark = pytest.mark.journey


def test_one_member_more_is_timed_in_a_small_group_and_a_large_one(system: System) -> None:
    found = group.measure(system, members=40, times=6, say=lambda _: None)

    assert found.wrong == []
    assert len(found.small_ms) == len(found.large_ms) == 6
    assert found.ratio > 0
    assert "40" in group.table(found)
    assert [line.unit for line in group.lines(found)] == ["times", ""]


def test_members_that_are_gone_are_told(system: System) -> None:
    list_id, target = system.new_list()
    line = scale.Line(target)
    _, made = line.send("POST", "/Groups", {"displayName": "Empty"})
    line.close()

    assert group._differences(system, list_id, {made["id"]: 3}) == ["a group of 3 has 0 members"]


def test_memory_is_looked_at_while_requests_are_answered_and_applied(system: System) -> None:
    found = holding.measure(system, requests=200, events=150, people=8, settle=0, say=lambda _: None)

    told = holding.table(found)
    assert found.worker.unexpected == 0, told
    assert found.ingress.samples[-1][0] == 200
    assert found.worker.samples[-1][0] == 150
    assert set(found.idle) == {"ingress", "workers", "postgres", "valkey", "up"}
    assert all(one.pss > 0 for one in found.idle.values())
    assert found.idle_mb > found.ingress.last.private > 0
    assert [line.what for line in holding.lines(found)][-2] == "memory: the idle stack in all, PSS"


@pytest.mark.long
def test_what_is_made_to_cost_much_holds_no_bystander_up(system: System) -> None:
    found = hostile.measure(system, say=lambda _: None)

    assert len(found) == len(list(hostile.bombs("")))
    assert [one.what for one in found if one.status >= 500] == []
    assert "bystander" in hostile.table(found)


def test_people_go_in_out_and_in_again(system: System) -> None:
    found = people_csv.measure(system, 300, lambda _: None)

    assert [one.wrong for one in found] == [[]] * 10
    assert {one.rows for one in found} == {300}
    assert "export as CSV" in people_csv.table(found)
    assert len(people_csv.as_json(found)) == 10


def test_a_script_reads_pages_and_changes_people_with_one_key() -> None:
    with running(lambda _: None) as own:  # which lets a key send as much as it can
        found = api.measure(own, 450, lambda _: None, seconds=0.2, connections=4)

    assert [one.connections for one in found] == [1] * 5 + [4] * 5
    assert [one.wrong for one in found] == [0] * 10
    assert all(one.rate > 0 and one.p99_ms >= one.p50_ms > 0 for one in found)
    assert "patch a person" in api.table(found)
    assert len(api.as_json(found)) == 10


def test_a_session_is_taken_compared_and_deleted(system: System) -> None:
    found = sessions.measure(system, 1_200, say=lambda _: None)

    assert [one.what for one in found][:2] == ["snapshot", "comparison at once, counted"]
    assert all(one.seconds > 0 and one.peak > 0 for one in found)
    assert "snapshot" in sessions.table(found)


def test_a_flood_and_slow_clients_lose_nothing_that_was_acknowledged(system: System) -> None:
    found = overload.measure(system, say=lambda _: None, seconds=1.5, connections=200)

    told = overload_shown.table(found)
    assert found.wrong == 0, told
    assert [one.name for one in found.phases] == ["alone", "usual", "flood", "slow"]
    assert (found.lost, found.acknowledged > 0) == (0, True)
    assert found.slow.opened == dict.fromkeys(found.slow.opened, slow.EACH)
    assert found.slow.ended["a huge head"] == slow.EACH
    assert found.slow.ended["half a head"] == 0  # its time is not up
    assert len(overload_shown.lines(found)) == 5
