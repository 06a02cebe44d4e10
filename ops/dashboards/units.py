"""Values as Grafana writes them in a panel's unit."""

import math
from collections.abc import Sequence

TIMES = [(86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"), (0.001, "ms"), (0.000_001, "µs")]
BYTES = [(2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B")]
COUNTS = [(1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")]
AFTER = {"reqps": " req/s", "ops": " ops/s", "Bps": "/s"}


def shown(value: float, unit: str, decimals: int | None = None) -> str:
    """A value with its unit."""
    if not math.isfinite(value):
        return "–"
    if unit == "percentunit":
        return f"{_rounded(value * 100, decimals)} %"
    if unit.startswith("suffix:"):
        return f"{_rounded(value, decimals)}{unit.removeprefix('suffix:')}"
    scales = {"s": TIMES, "bytes": BYTES, "Bps": BYTES}.get(unit, COUNTS)
    return _scaled(value, scales, decimals) + AFTER.get(unit, "")


def _scaled(value: float, scales: Sequence[tuple[float, str]], decimals: int | None) -> str:
    size = abs(value)
    if size == 0:
        return f"0 {'' if scales is COUNTS else scales[-1][1] if scales is BYTES else 's'}".rstrip()
    factor, name = next(((factor, name) for factor, name in scales if size >= factor), scales[-1])
    return f"{_rounded(value / factor, decimals)} {name}".rstrip()


def _rounded(value: float, decimals: int | None) -> str:
    """Three digits, where nobody says how many."""
    if decimals is None:
        decimals = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
        return f"{value:.{min(decimals, 3)}f}".rstrip("0").rstrip(".") if decimals else f"{value:.0f}"
    return f"{value:.{decimals}f}"


def ticks(most: float, unit: str, wanted: int = 4) -> list[float]:
    """Round values from 0 to at least `most`; whole ones of bytes are powers of two."""
    base = 1024.0 ** max(0, math.floor(math.log(most, 1024))) if unit in ("bytes", "Bps") and most >= 1 else 1.0
    rough = most / base / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999) * base
    return [step * number for number in range(math.ceil(most / step * 0.999) + 1)]
