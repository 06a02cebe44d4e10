"""Whether memory grows, from samples of it."""

import pytest

from ops.bench.holding import Grown, growth
from ops.bench.processes import Memory


@pytest.mark.parametrize(
    ("values", "grown"),
    [
        ([50.0, 80.0, 90, 90, 90, 90, 90, 90, 90, 90, 90, 90], 0.0),  # warming up
        ([float(value) for value in range(80, 100)], 10.0),
        ([90.0, 90, 90, 90, 90, 90, 90, 120], 0.0),  # one look that was out of the ordinary: the lower middle
        ([90.0], 0.0),
        ([90.0, 95.0], 0.0),
    ],
)
def test_growth_is_from_the_second_quarter_to_the_last(values: list[float], grown: float) -> None:
    assert growth(values) == grown


def test_what_is_noise_depends_on_the_size() -> None:
    assert Grown([(1, Memory(60, 50, 20))], 0).flat_mb == 4.0
    assert Grown([(1, Memory(300, 200, 20))], 0).flat_mb == 10.0
