"""Numbers of numbers: quantiles, slopes, and what is said of them."""

from collections.abc import Sequence

STEADY_SHARE = 0.02  # of what is accepted: a backlog that grows by less is noise


def quantile(values: Sequence[float], share: float) -> float:
    """The least value that this share of them does not exceed (nearest rank); 0 of none."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)] if ordered else 0.0


def second_half(samples: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """Of samples (seconds, value) in order of time, those after the middle of the time."""
    middle = (samples[0][0] + samples[-1][0]) / 2 if samples else 0.0
    return [sample for sample in samples if sample[0] >= middle]


def slope(samples: Sequence[tuple[float, float]]) -> float:
    """By how much the value grows a second: least squares over (seconds, value); 0 of fewer than two."""
    if len(samples) < 2:
        return 0.0
    seconds = sum(at for at, _ in samples) / len(samples)
    value = sum(one for _, one in samples) / len(samples)
    spread = sum((at - seconds) ** 2 for at, _ in samples)
    return sum((at - seconds) * (one - value) for at, one in samples) / spread if spread else 0.0
