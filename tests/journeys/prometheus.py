"""A real Prometheus beside a running stack: it scrapes what `muster up` names, every second."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.addresses import LOOPBACK, free_port, local_root, status
from ops.dashboards import asking
from tests.journeys.system import Muster
from tests.journeys.waiting import eventually

STOP_WITHIN = 20  # seconds


@dataclass(frozen=True)
class Watch:
    """What Prometheus knows of a stack since it was started."""

    url: str
    started: float = field(default_factory=time.time)

    def until_now(self) -> asking.Prometheus:
        """Everything so far, by the second."""
        return asking.Prometheus(self.url, self.started, time.time(), step=1.0, window="10s")

    def value(self, expression: str) -> float:
        """The only value of an expression; 0 where there is none yet."""
        found: list[dict[str, Any]] = self.until_now().instant(expression)
        return float(found[0]["value"][1]) if found else 0.0

    def scraped(self) -> None:
        """Wait until every process has been scraped from now on, twice: one scrape may have begun already."""
        count = "min(count_over_time(up[1h]))"
        wanted = self.value(count) + 2
        eventually(lambda: self.value(count) >= wanted, what="a scrape of every process")


@contextmanager
def watching(muster: Muster, folder: Path) -> Iterator[Watch]:
    """Prometheus on the loopback, with its data in this folder, once it has scraped every process."""
    port = free_port()
    urls = [muster.ready["metrics_url"], *muster.ready["worker_metrics_urls"]]
    targets = [url.removeprefix("http://").removesuffix("/metrics") for url in urls]
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [{"job_name": "muster", "static_configs": [{"targets": targets}]}],
    }
    # JSON is YAML.
    (folder / "prometheus.yml").write_text(json.dumps(config))
    log = (folder / "prometheus.log").open("w")
    process = subprocess.Popen(
        [
            "prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address={LOOPBACK}:{port}", "--query.lookback-delta=15s", "--log.level=warn",
        ],
        stdout=log, stderr=log,
    )  # fmt: skip
    try:
        watch = Watch(local_root(LOOPBACK, port))
        eventually(lambda: status(LOOPBACK, port, "/-/ready") == 200, what="Prometheus")
        eventually(lambda: watch.value("count(up == 1)") == len(targets), what="a scrape of every process")
        yield watch
    finally:
        process.terminate()
        process.wait(STOP_WITHIN)
        log.close()
