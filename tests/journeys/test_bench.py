"""`muster bench` measures what it says: every phase is answered as it should be, beside the ceiling."""

import pytest

from ops.bench import ingress, scale
from ops.bench.traffic import Target
from ops.embedded import OWNING, SERVING
from tests.journeys.system import Muster

pytestmark = pytest.mark.journey


def test_every_phase_of_the_ingress_suite_is_answered_as_expected(muster: Muster) -> None:
    target = muster.new_list()

    results = ingress.measure(
        Target(target.base_url, target.token), seconds=0.3, connections=4, runs=1, people=40, say=lambda _: None
    )

    assert [one.phase for one in results] == ["create", "lookup", "get", "patch", "mix"]
    assert all(one.unexpected == 0 for one in results), ingress.table(results)
    assert all(one.rate > 0 and one.ceiling > 0 for one in results)


def test_every_request_of_the_scale_suite_is_answered_and_every_plan_told(muster: Muster) -> None:
    target = muster.new_list()
    owner_url = muster.ready["database_url"].replace(SERVING, OWNING)
    filled = scale.fill(muster.database, owner_url, target.list_id, 300)

    results = scale.measure(Target(target.base_url, target.token), filled, say=lambda _: None)
    plans = scale.plans(muster.ready["database_url"], target.list_id, filled)

    assert len(results) == len({one.what for one in results}) >= 25
    assert all(one.p50_ms > 0 for one in results), scale.table(results)
    assert plans.count("actual time") >= 10
