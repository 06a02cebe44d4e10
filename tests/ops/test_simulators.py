"""The simulators' pace."""

import pytest

from ops.simulators import wire


def test_requests_go_one_after_the_other_at_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now, slept = [100.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    monkeypatch.setattr("ops.simulators.wire.time.monotonic", lambda: now[0])
    monkeypatch.setattr("ops.simulators.wire.time.sleep", sleep)
    pace = wire.Pace(4)
    for _ in range(3):
        pace.wait()
    now[0] += 10  # nobody catches up for a pause
    pace.wait()
    pace.wait()

    wire.Pace().wait()
    assert slept == [0, 0.25, 0.25, 0, 0.25]
