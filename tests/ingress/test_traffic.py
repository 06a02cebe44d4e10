"""Requests counted by list and minute."""

import pytest

from ingress import traffic
from ingress.traffic import Traffic


def test_requests_are_counted_by_list_and_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingress.traffic.time.time", lambda: 1_800_000_017.5)
    counted = Traffic()
    for method, status in (("GET", 200), ("GET", 404), ("POST", 201), ("PATCH", 404), ("POST", 409)):
        counted.count("one", method, status, 0.25)
    counted.count("other", "DELETE", 204, 0.5)

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
    counted.count("one", "GET", 200, 0.1)

    early = counted.due()
    now[0] += traffic.EVERY_SECONDS

    assert early == []
    assert [one.requests for one in counted.due()] == [1]
