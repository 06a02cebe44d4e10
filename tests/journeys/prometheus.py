"""A real Prometheus beside a running stack, with the project's own configuration and rules, in a hurry."""

import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from ops.addresses import LOOPBACK, free_port, local_root, status
from ops.dashboards import asking
from tests.journeys.system import Muster
from tests.journeys.waiting import eventually

FOLDER = Path(__file__).parents[2] / "ops" / "prometheus"
FIRING_WITHIN, STOP_WITHIN = 30, 20  # seconds until a test gives up
STEP = 1  # seconds between two scrapes, and between two evaluations


class Watch:
    """What Prometheus knows of a stack since it was started."""

    def __init__(self, url: str) -> None:
        self.url, self.started = url, time.time()
        self._http = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def close(self) -> None:
        """Give the connection up."""
        self._http.close()

    def ask(self, what: str) -> Any:
        """What the API answers."""
        return self._http.get(f"/api/v1/{what}").raise_for_status().json()["data"]

    def sees(self) -> set[str]:
        """The addresses that answer."""
        found = self.ask("targets")["activeTargets"]
        return {one["labels"]["instance"] for one in found if one["health"] == "up"}

    def scraped(self) -> None:
        """Wait until every process has been scraped from now on, twice: one scrape may have begun already."""
        count = 'min(count_over_time(up{job=~"muster-.*"}[1h]))'
        wanted = self.value(count) + 2
        eventually(lambda: self.value(count) >= wanted, what="a scrape of every process")

    def until_now(self) -> asking.Prometheus:
        """Everything so far, by the second."""
        return asking.Prometheus(self.url, self.started, time.time(), step=float(STEP), window="10s")

    def value(self, expression: str) -> float:
        """The only value of an expression; 0 where there is none yet."""
        found: list[dict[str, Any]] = self.until_now().instant(expression)
        return float(found[0]["value"][1]) if found else 0.0

    def rules(self) -> list[dict[str, Any]]:
        """Every rule, with its health and when it was worked out."""
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def firing(self) -> set[tuple[str, str]]:
        """Names of the alerts that fire, each with its window or, without one, its severity."""
        firing = [one["labels"] for one in self.ask("alerts")["alerts"] if one["state"] == "firing"]
        return {(labels["alertname"], labels.get("window", labels["severity"])) for labels in firing}

    def awaits(self, *wanted: tuple[str, str]) -> None:
        """Wait until all of these alerts fire."""
        eventually(lambda: set(wanted) <= self.firing(), FIRING_WITHIN, f"firing {wanted}")


@contextmanager
def watching(muster: Muster, folder: Path) -> Iterator[Watch]:
    """Prometheus on the loopback, with its data in this folder, once it has scraped every process."""
    urls = {"muster-ingress": [muster.ready["metrics_url"]], "muster-workers": muster.ready["worker_metrics_urls"]}
    targets = {job: [urlsplit(url).netloc for url in several] for job, several in urls.items()}
    hurried(folder, targets)
    port = free_port()
    arguments = {
        "config.file": "prometheus.yml", "storage.tsdb.path": "tsdb", "web.listen-address": f"{LOOPBACK}:{port}",
        "query.lookback-delta": "15s", "log.level": "error",
    }  # fmt: skip
    command = ["prometheus", *(f"--{name}={value}" for name, value in arguments.items())]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    watch = Watch(local_root(LOOPBACK, port))
    try:
        eventually(lambda: status(LOOPBACK, port, "/-/ready") == 200, what="Prometheus")
        everybody = {address for addresses in targets.values() for address in addresses}
        eventually(lambda: watch.sees() >= everybody, what="a scrape of every process")
        yield watch
    finally:
        watch.close()
        process.terminate()
        process.wait(STOP_WITHIN)


def hurried(folder: Path, targets: Mapping[str, Sequence[str]]) -> None:
    """The project's files as they are, but for how long things take.

    - everything is asked and worked out once a second, and names are addresses;
    - an alert waits for a second (`for`), however long it would;
    - in an alert's expression minutes are seconds, five at least: "in the last 5 minutes" is the last 5 seconds.
    Expressions, thresholds and recorded windows stay, so that hours and days see what there is.
    """
    step = rf"\1: {STEP}s"
    config = (FOLDER / "prometheus.yml").read_text()
    config = re.sub(r"((?:scrape|evaluation)_(?:interval|timeout)): \w+", step, config)
    config = re.sub(r"    dns_sd_configs:\n(?: {6,}.*\n)+", "", config)
    for job, addresses in targets.items():
        static = f"    static_configs: [{{targets: {list(addresses)}}}]\n"
        config = config.replace(f"  - job_name: {job}\n", f"  - job_name: {job}\n{static}")
    (folder / "prometheus.yml").write_text(config)
    recorded = (FOLDER / "rules.yml").read_text()
    (folder / "rules.yml").write_text(re.sub(r"^( +interval): \w+", step, recorded, flags=re.M))
    alerts = re.sub(r"^( +for): \w+", step, (FOLDER / "alerts.yml").read_text(), flags=re.M)
    alerts = re.sub(r"\[(\d+)m\]", lambda found: f"[{max(5, int(found[1]))}s]", alerts)
    (folder / "alerts.yml").write_text(alerts)
