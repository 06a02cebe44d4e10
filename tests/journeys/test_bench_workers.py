"""The workers suite: what waits is what it says, and what is missing afterwards is told."""

import pytest

from ops.account import Unusable
from ops.bench import waiting, workers
from ops.bench.system import System

pytestmark = pytest.mark.journey


def test_what_waits_is_applied_and_compared_and_lone_changes_are_timed(system: System) -> None:
    found = workers.measure(system, events=400, alone=3, lists=2, connections=4, say=lambda _: None)

    assert found.wrong == [], workers.table(found)
    assert found.rate > 0
    assert set(found.cpu) == {"workers", "postgres"}
    assert len(found.created) == len(found.changed) == 3
    assert min(found.created + found.changed) > 0
    assert len(workers.lines(found)) == 5


def test_a_person_who_is_not_as_the_identity_says_and_a_missing_one_are_told(system: System) -> None:
    list_id, target = system.new_list()
    tally = waiting.accept([target], 50, 2, "w1")
    system.emptied()
    assert tally.statuses == {201: 30, 200: 20}
    assert workers.differences(system, [list_id], 50) == []

    system.rows(
        "update person set fields = fields || '{\"job_title\": \"Nobody\"}' where ctid ="
        " (select min(ctid) from person where list_id = %s and active) returning 1", list_id,
    )  # fmt: skip
    told = workers.differences(system, [list_id], 60)

    assert "1 people who differ from their identities, and there should be 0" in told
    assert "30 people, and there should be 36" in told
    assert "50 entries, and there should be 60" in told


def test_a_muster_that_the_bench_did_not_start_is_refused(system: System) -> None:
    somebodys = System(system.database_url, system.owner_url, system.redis_url, "", "", system.roots)

    with pytest.raises(Unusable, match="of its own"):
        workers.measure(somebodys, say=lambda _: None)
