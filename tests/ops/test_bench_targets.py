"""Targets: what is met, what is missed, and what nobody measured."""

import pytest

from ops.bench.targets import Line, table, tally

LINES = [
    Line("ratio", 0.6, 0.61, "", at_least=True),
    Line("latency", 25, 31.27, "ms"),
    Line("slowest page", 50, 12, "ms", note="people"),
    Line("beside the peer", 8, None, "times", at_least=True, note="no --peer-url"),
]


@pytest.mark.parametrize(
    ("limit", "value", "at_least", "met"),
    [(2, 2, True, True), (2, 1.99, True, False), (2, 2, False, True), (2, 2.01, False, False), (0, 1, False, False)],
)
def test_a_limit_itself_keeps_the_target(limit: float, value: float, at_least: bool, met: bool) -> None:
    assert Line("x", limit, value, "", at_least).met is met


def test_the_table_has_target_measurement_and_verdict_of_every_line() -> None:
    rows = table(LINES).splitlines()[2:]

    assert rows == [
        "| ratio | ≥ 0.6 | 0.61 | met |",
        "| latency | ≤ 25 ms | 31.3 ms | missed |",
        "| slowest page | ≤ 50 ms | 12 ms (people) | met |",
        "| beside the peer | ≥ 8 times | no --peer-url | not measured |",
    ]
    assert tally(LINES) == "2 met, 1 missed, 1 not measured"
