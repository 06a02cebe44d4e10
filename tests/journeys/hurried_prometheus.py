"""A Prometheus of a test's own with the project's rules, in a hurry."""

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from ops.addresses import free_port
from tests.journeys.waiting import eventually

FOLDER = Path(__file__).parents[2] / "ops" / "prometheus"
READY_WITHIN, FIRING_WITHIN = 20, 30  # seconds until a test gives up
SECONDS = "1s"


class Prometheus:
    """One that runs, asked over its API."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def close(self) -> None:
        """Give the connection up."""
        self._http.close()

    def ask(self, what: str) -> Any:
        """What the API answers."""
        return self._http.get(f"/api/v1/{what}").raise_for_status().json()["data"]

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            return self._http.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def sees(self) -> set[str]:
        """The jobs of ours whose targets answer."""
        found = self.ask("targets")["activeTargets"]
        return {one["labels"]["job"] for one in found if one["health"] == "up"} & {"muster-ingress", "muster-workers"}

    def firing(self) -> set[tuple[str, str]]:
        """Names of the alerts that fire, each with its window or, without one, its severity."""
        firing = [one["labels"] for one in self.ask("alerts")["alerts"] if one["state"] == "firing"]
        return {(labels["alertname"], labels.get("window", labels["severity"])) for labels in firing}

    def awaits(self, *wanted: tuple[str, str]) -> None:
        """Wait until all of these alerts fire."""
        eventually(lambda: set(wanted) <= self.firing(), FIRING_WITHIN, f"firing {wanted}")

    def rules(self) -> list[dict[str, Any]]:
        """Every rule, with its health and when it was worked out."""
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]


@contextmanager
def running_prometheus(folder: Path, targets: Mapping[str, Sequence[str]]) -> Iterator[Prometheus]:
    """One that asks these addresses, by job, once a second."""
    hurried(folder, targets)
    address = f"127.0.0.1:{free_port()}"
    arguments = {"config.file": "prometheus.yml", "storage.tsdb.path": "data", "web.listen-address": address}
    command = ["prometheus", *(f"--{name}={value}" for name, value in arguments.items()), "--log.level=error"]
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    running = Prometheus(f"http://{address}")
    try:
        eventually(running.is_ready, READY_WITHIN, "Prometheus")
        eventually(lambda: running.sees() == set(targets), READY_WITHIN, "answers of everybody")
        yield running
    finally:
        running.close()
        process.terminate()
        process.wait(READY_WITHIN)


def hurried(folder: Path, targets: Mapping[str, Sequence[str]]) -> None:
    """The project's files as they are, but for how long things take.

    - everything is asked and worked out once a second, and names are addresses;
    - an alert waits for a second (`for`), however long it would;
    - in an alert's expression minutes are seconds, five at least: "in the last 5 minutes" is the last 5 seconds.
    Expressions, thresholds and recorded windows stay, so that hours and days see what there is.
    """
    config = (FOLDER / "prometheus.yml").read_text()
    config = re.sub(r"((?:scrape|evaluation)_(?:interval|timeout)): \w+", rf"\1: {SECONDS}", config)
    config = re.sub(r"    dns_sd_configs:\n(?: {6,}.*\n)+", "", config)
    for job, addresses in targets.items():
        static = f"    static_configs: [{{targets: {list(addresses)}}}]\n"
        config = config.replace(f"  - job_name: {job}\n", f"  - job_name: {job}\n{static}")
    (folder / "prometheus.yml").write_text(config)
    recorded = (FOLDER / "rules.yml").read_text()
    (folder / "rules.yml").write_text(re.sub(r"^    interval: \w+", f"    interval: {SECONDS}", recorded, flags=re.M))
    alerts = re.sub(r"^( +for): \w+", rf"\1: {SECONDS}", (FOLDER / "alerts.yml").read_text(), flags=re.M)
    alerts = re.sub(r"\[(\d+)m\]", lambda found: f"[{max(5, int(found[1]))}s]", alerts)
    (folder / "alerts.yml").write_text(alerts)
