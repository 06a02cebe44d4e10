"""The arithmetic of measurements."""

import pytest

from ops.bench.figures import quantile, second_half, slope


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1.0), (0.5, 50.0), (0.99, 99.0), (0.991, 100.0), (1.0, 100.0)])
def test_a_quantile_is_the_value_that_this_share_does_not_exceed(share: float, expected: float) -> None:
    values = [float(number) for number in range(100, 0, -1)]

    assert quantile(values, share) == expected


def test_few_values_have_quantiles_and_none_have_zero() -> None:
    assert quantile([7.0], 0.99) == 7.0
    assert quantile([1.0, 2.0], 0.5) == 1.0
    assert quantile([], 0.5) == 0.0


def test_a_slope_is_growth_a_second_whenever_the_samples_were_taken() -> None:
    assert slope([(10.0, 5.0), (10.5, 6.0), (13.0, 11.0)]) == pytest.approx(2.0)
    assert slope([(0.0, 4.0), (1.0, 4.0)]) == 0.0
    assert slope([(3.0, 4.0)]) == slope([]) == slope([(1.0, 2.0), (1.0, 9.0)]) == 0.0


def test_only_the_second_half_of_the_time_tells_whether_a_backlog_grows() -> None:
    filling_up = [(second, min(second, 10.0) * 100) for second in map(float, range(31))]

    assert second_half(filling_up)[0][0] == 15.0
    assert slope(filling_up) > 0
    assert slope(second_half(filling_up)) == 0.0
    assert second_half([]) == []
