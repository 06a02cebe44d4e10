"""What an image must be able to do: migrate, serve, apply, stop."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx
import psutil

from ops import addresses
from tests.factories import user
from tests.journeys.doors import free_port
from tests.journeys.waiting import eventually
from tests.ops.neighbours import Urls, neighbours

WITHIN = 40  # seconds until a test gives up
STOPS_WITHIN = 10  # the compose file and Kubernetes give more


class Launch(Protocol):
    """Starts `muster` with arguments and variables."""

    def __call__(self, *arguments: str, **variables: str) -> "subprocess.Popen[str]": ...


def go_through(launch: Launch, folder: Path) -> dict[str, Any]:
    """One user from the request to the list, by ingress and workers of the image; figures of it."""
    figures: dict[str, Any] = {}
    assert "Usage: muster" in _said(launch("--help"))
    with neighbours() as urls:
        variables = urls.variables()
        started = time.perf_counter()
        assert json.loads(_said(launch("migrate", "--json", **variables)))["revision"]
        figures["migrate seconds"] = round(time.perf_counter() - started, 1)
        assert _sees_everybody(urls)
        with _serving(launch, "scim", urls, folder) as scim, _serving(launch, "console", urls, folder) as console:
            figures["ready after seconds"] = {"ingress": scim.seconds, "console": console.seconds}
            with _running(launch, "workers", variables, folder) as workers:
                figures["ready after seconds"]["workers"] = workers.seconds
                _push(launch, scim.root, variables)
                page = httpx.get(f"{console.root}/login", trust_env=False)
                assert page.status_code == 200, page.text
                assert "<form" in page.text
                figures["MB"] = {each.name: each.megabytes() for each in (scim, console, workers)}
                figures["database connections"] = _connections(urls)
        figures["stopped after seconds"] = {each.name: each.stopped for each in (scim, console, workers)}
    return figures


def _push(launch: Launch, root: str, variables: dict[str, str]) -> None:
    made = json.loads(_said(launch("list", "create", "Staff", "--json", **variables)))
    token = json.loads(_said(launch("token", "issue", "Staff", "--json", **variables)))["token"]
    url = f"{root}/scim/v2/{made['list_id']}/Users"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}
    answer = httpx.post(url, json=user("mila@north.example"), headers=headers, trust_env=False)
    assert answer.status_code == 201, answer.text

    def people() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(_said(launch("people", "Staff", "--json", **variables)))
        return found

    [person] = eventually(people, WITHIN, "a person in the list")
    assert (person["uid"], person["active"]) == ("mila@north.example", True)


class Running:
    """One of the image's processes."""

    def __init__(self, name: str, process: "subprocess.Popen[str]", root: str, seconds: float) -> None:
        self.name, self.process, self.root, self.seconds = name, process, root, seconds
        self.stopped = 0.0

    def megabytes(self) -> int:
        """What it and its children use, shared pages counted by share."""
        first = psutil.Process(self.process.pid)
        return sum(each.memory_full_info().pss for each in (first, *first.children(recursive=True))) // 1_000_000


@contextmanager
def _serving(launch: Launch, part: str, urls: Urls, folder: Path) -> Iterator[Running]:
    port = str(free_port())
    variables = urls.variables() | {"MUSTER_PORT": port, "MUSTER_SERVE": part}
    del variables["MUSTER_OWNER_URL"]
    with _running(launch, "ingress", variables, folder) as running:
        running.name = part
        running.root = f"http://127.0.0.1:{port}"
        yield running


@contextmanager
def _running(launch: Launch, kind: str, variables: dict[str, str], folder: Path) -> Iterator[Running]:
    internal = free_port()
    started = time.perf_counter()
    process = launch(kind, **variables, MUSTER_INTERNAL_PORT=str(internal))
    try:
        eventually(
            lambda: process.poll() is not None or addresses.status("127.0.0.1", internal, "/ready") == 200,
            WITHIN, f"muster {kind}",
        )  # fmt: skip
        assert process.poll() is None, process.communicate()
        assert addresses.status("127.0.0.1", internal, "/live") == 200
        page = httpx.get(f"http://127.0.0.1:{internal}/metrics", trust_env=False).text
        assert "muster_journal_oldest_seconds" in page
        running = Running(kind, process, "", round(time.perf_counter() - started, 1))
        yield running
        ended = time.perf_counter()
        process.terminate()
        process.wait(STOPS_WITHIN)
        running.stopped = round(time.perf_counter() - ended, 1)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _connections(urls: Urls) -> dict[str, int]:
    import psycopg

    with psycopg.connect(urls.owner_url) as connection:
        rows = connection.execute(
            "select application_name, count(*) from pg_stat_activity where usename = 'muster_app' group by 1 order by 1"
        ).fetchall()
    return {str(name): int(count) for name, count in rows}


def _sees_everybody(urls: Urls) -> bool:
    import psycopg

    with psycopg.connect(urls.database_url) as connection:
        row = connection.execute("select pg_has_role(current_user, 'pg_read_all_stats', 'usage')").fetchone()
    return row == (True,)


def _said(process: "subprocess.Popen[str]") -> str:
    output, errors = process.communicate(timeout=WITHIN)
    assert process.returncode == 0, errors
    return output
