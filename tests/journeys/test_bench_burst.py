"""The burst suite on a small scale: everything is sent, counted and found in the log."""

import pytest

from ops.bench import burst, burst_shown, lateness, traffic
from ops.bench.figures import STEADY_SHARE
from ops.bench.lateness import Backlog
from ops.bench.load import Tally
from ops.bench.system import System
from tests.journeys.waiting import eventually

pytestmark = pytest.mark.journey


def test_paces_and_a_flood_are_answered_applied_and_timed(system: System) -> None:
    found = burst.measure(system, seconds=0.4, tenants=3, rates=(60.0, 120.0), creates=200, say=lambda _: None)

    told = burst_shown.table(found)
    first, second = found.paces
    assert burst_shown.wrong(found) == [], told
    assert (len(first.answers.seconds), len(second.answers.seconds)) == (24, 48)
    assert (first.accepted, second.accepted) == (12, 24)
    assert first.late.count == 12
    assert 0 < first.late.p50_ms <= first.late.p99_ms <= first.late.worst_ms
    assert found.flood.answers.statuses == {201: 200}
    assert found.flood.late.count == 200
    assert found.flood.trickle.count == found.flood.trickle_answers.statuses[201] >= 1
    assert found.flood.leaving.count == found.flood.leaving_answers.statuses[200] >= 1
    verdicts = {line.what: line.verdict for line in burst_shown.lines(found)}
    assert verdicts["120 requests a second: errors"] == verdicts["burst: errors"] == "met", told


def test_the_growth_of_a_backlog_is_judged_by_what_was_accepted(system: System) -> None:
    list_id, _ = system.new_list()
    late = lateness.since(system, [list_id], lateness.now(system))
    samples = [(float(second), second * 30.0) for second in range(21)]
    one = burst.Pace(2_500, 20, Tally(), 25_000, late, samples, 0.0, [])

    growth, limit = next(
        (line.value, line.limit) for line in burst_shown._kept_up(one) if line.what.endswith("growth of the backlog")
    )
    assert (late.count, late.p99_ms) == (0, 0.0)
    assert growth == pytest.approx(30)
    assert limit == pytest.approx(STEADY_SHARE * 1_250)


def test_how_much_waits_is_looked_at_again_and_again(system: System) -> None:
    with system.workers_paused(), Backlog(system, every=0.001) as backlog:
        traffic.seed(system.new_list()[1], 5)
        eventually(lambda: backlog.samples and backlog.samples[-1][1] == 5, what="a sample of five")
    system.emptied()

    assert backlog.samples[-1][1] == 5
    assert backlog.samples == sorted(backlog.samples)
