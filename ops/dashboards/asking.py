"""What a dashboard's queries answer: its panels asked of a Prometheus, as Grafana would ask them."""

import json
import math
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

PATIENCE = 30  # seconds
Document = Mapping[str, Any]


@dataclass(frozen=True)
class Series:
    """Values of one query's result, oldest first, and what a legend calls them."""

    name: str
    labels: dict[str, str]
    points: list[tuple[float, float]]

    @property
    def values(self) -> list[float]:
        """Those that are numbers: 0 / 0 is none."""
        return [value for _, value in self.points if math.isfinite(value)]


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus at a URL, asked for what lies between two moments, in seconds since 1970."""

    url: str
    start: float = 0.0
    end: float = field(default_factory=time.time)
    step: float = 15.0
    window: str = "1m"  # what $__rate_interval stands for: four scrapes

    def values_of(self, label: str, metric: str) -> list[str]:
        """The values that a label of a metric has."""
        found: list[str] = self._get(f"label/{label}/values", {"match[]": metric})
        return found

    def instant(self, expression: str) -> list[dict[str, Any]]:
        """What it is at the end."""
        found: list[dict[str, Any]] = self._get("query", {"query": expression, "time": self.end})["result"]
        return [{**one, "values": [one["value"]]} for one in found]

    def over(self, expression: str) -> list[dict[str, Any]]:
        """What it was from start to end; the end is one of its points."""
        start = self.end - (self.end - self.start) // self.step * self.step
        asked = {"query": expression, "start": start, "end": self.end, "step": self.step}
        found: list[dict[str, Any]] = self._get("query_range", asked)["result"]
        return found

    def answers(self, target: Document, chosen: Mapping[str, str]) -> list[Series]:
        """What one of a panel's queries answers, its variables filled in."""
        expression = filled(target["expr"], {**self._given(), **chosen})
        found = self.instant(expression) if target["instant"] else self.over(expression)
        return [
            Series(
                legend(target["legendFormat"], one["metric"]),
                one["metric"],
                [(float(moment), float(value)) for moment, value in one["values"]],
            )
            for one in found
        ]

    def _given(self) -> dict[str, str]:
        return {"__rate_interval": self.window, "__range": f"{max(1, round(self.end - self.start))}s"}

    def _get(self, path: str, asked: Mapping[str, Any]) -> Any:
        # A proxy of the environment must not stand between us and a Prometheus in the next room.
        opener = build_opener(ProxyHandler({}))
        with opener.open(f"{self.url}/api/v1/{path}?{urlencode(asked)}", timeout=PATIENCE) as answer:
            return json.load(answer)["data"]


def filled(expression: str, values: Mapping[str, str]) -> str:
    """The expression with its variables filled in; KeyError for one that has no value."""
    return re.sub(r"\$(\w+)", lambda found: values[found[1]], expression)


def legend(pattern: str, labels: Mapping[str, str]) -> str:
    """What Grafana calls a series."""
    if pattern == "__auto":
        return ", ".join(labels.values())
    return re.sub(r"{{\s*(\w+)\s*}}", lambda found: labels.get(found[1], ""), pattern)


def panels(document: Document) -> Iterator[Document]:
    """A dashboard's panels, without the headings."""
    return (panel for panel in document["panels"] if panel["type"] != "row")
