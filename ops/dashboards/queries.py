"""PromQL in the few forms that the dashboards need."""

EVERY = "$__rate_interval"
SHOWN = "$__range"


def rate(metric: str, by: str = "", where: str = "", over: str = EVERY) -> str:
    """A counter's growth per second, over all processes."""
    return _together("sum", by, f"rate({_of(metric, where)}[{over}])")


def growth(metric: str, by: str = "", where: str = "", over: str = EVERY) -> str:
    """A counter's growth over a while, over all processes."""
    return _together("sum", by, f"increase({_of(metric, where)}[{over}])")


def quantile(share: float, histogram: str, by: str = "", where: str = "", over: str = EVERY) -> str:
    """Below what this share of a histogram's observations are."""
    buckets = rate(f"{histogram}_bucket", f"le, {by}" if by else "le", where, over)
    return f"histogram_quantile({share:g}, {buckets})"


def quantiles(histogram: str, where: str = "", over: str = EVERY) -> dict[str, str]:
    """The usual one, and the slow ones, by their names in a legend."""
    shares = {"median": 0.5, "95 %": 0.95, "99 %": 0.99}
    return {name: quantile(share, histogram, where=where, over=over) for name, share in shares.items()}


def within(bound: str, histogram: str, where: str = "", over: str = EVERY) -> str:
    """The share of observations up to a bucket's bound, as the page at /metrics writes it.

    Clamped, for Prometheus extrapolates the two by factors of their own where their series are young.
    """
    part = rate(f"{histogram}_bucket", where=", ".join(filter(None, (where, f'le="{bound}"'))), over=over)
    return f"clamp_max({part} / {rate(f'{histogram}_count', where=where, over=over)}, 1)"


def total(metric: str, by: str = "", where: str = "") -> str:
    """A gauge that every process has a part of."""
    return _together("sum", by, _of(metric, where))


def latest(metric: str, by: str = "", where: str = "") -> str:
    """A gauge that is read at scrape: every process tells the same."""
    return _together("max", by, _of(metric, where))


def lowest(metric: str, by: str = "") -> str:
    """The same, of what one process may see worse than others."""
    return _together("min", by, metric)


def latest_rate(metric: str) -> str:
    """The growth per second of a counter that is read at scrape."""
    return f"max(rate({metric}[{EVERY}]))"


def sizes(histogram: str, over: str = EVERY) -> dict[str, str]:
    """The mean and the large ones of what comes in whole numbers: one is not a half, as between 0 and 1."""
    mean = f"{rate(f'{histogram}_sum', over=over)} / {rate(f'{histogram}_count', over=over)}"
    return {"mean": mean, "95 %": f"ceil({quantile(0.95, histogram, over=over)})"}


def or_none(expression: str, label: str) -> str:
    """Zero under the name of "none" where no value of the label has been seen."""
    return f'{expression} or on() label_replace(vector(0), "{label}", "none", "", "")'


def or_zero(expression: str) -> str:
    """Zero where there is nothing yet, because nothing has gone wrong yet."""
    return f"{expression} or vector(0)"


def _of(metric: str, where: str) -> str:
    return f"{metric}{{{where}}}" if where else metric


def _together(how: str, by: str, what: str) -> str:
    return f"{how} by ({by}) ({what})" if by else f"{how}({what})"
