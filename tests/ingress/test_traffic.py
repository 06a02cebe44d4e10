"""Requests counted by list and minute."""

import pytest
from prometheus_client import Histogram

from ingress import traffic
from ingress.traffic import Answered, Traffic
from ops import metrics


def answered(list_id: str | None, method: str, status: int, seconds: float) -> Answered:
    return Answered("get_user", method, status, "", "okta", list_id, 1_800_000_017.5, seconds)


def test_requests_are_counted_by_list_and_second() -> None:
    counted = Traffic()
    for method, status in (("GET", 200), ("GET", 404), ("POST", 201), ("PATCH", 404), ("POST", 409)):
        counted.note(answered("one", method, status, 0.25))
    counted.note(answered("other", "DELETE", 204, 0.5))
    counted.note(answered(None, "GET", 401, 0.5))
    counted.count()

    one, other = counted.due(everything=True)

    assert (one.list_id, one.requests, one.changes, one.failed) == ("one", 5, 1, 2)
    assert (one.answer_seconds, one.slowest_seconds) == (1.25, 0.25)
    assert (one.per_second[17 + 1_800_000_000 % 60], sum(one.per_second)) == (5, 5)
    assert (other.list_id, other.changes) == ("other", 1)
    assert counted.due(everything=True) == []


def test_counts_are_handed_on_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("ingress.traffic.time.monotonic", lambda: now[0])
    counted = Traffic()
    counted.note(answered("one", "GET", 200, 0.1))
    counted.count()

    early = counted.due()
    now[0] += traffic.EVERY_SECONDS

    assert early == []
    assert [one.requests for one in counted.due()] == [1]


def test_many_observations_at_once_are_what_they_are_one_by_one() -> None:
    values = [0.0, 0.0005, 0.001, 0.0011, 0.25, 3.0, 60.0, 60.0]
    one_by_one, at_once = (metrics.HTTP_SECONDS.labels("test", name) for name in ("one by one", "at once"))
    for value in values:
        one_by_one.observe(value)

    metrics.observe_all(at_once, values)

    assert samples(at_once) == samples(one_by_one)


def samples(histogram: Histogram) -> list[tuple[str, dict[str, str], float]]:
    return [(one.name, one.labels, one.value) for one in histogram._child_samples() if one.name != "_created"]
