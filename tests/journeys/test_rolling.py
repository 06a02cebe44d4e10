"""All ingress hosts behind an nginx are restarted, one after the other, and no client has a request fail."""

import itertools
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from ops.addresses import status
from tests.factories import patch, replace, user
from tests.journeys.doors import free_port
from tests.journeys.system import ROOT, STOP_WITHIN, Muster, NewList
from tests.journeys.test_proxy import TEMPORARY, nginx
from tests.journeys.waiting import eventually

pytestmark = [pytest.mark.journey, pytest.mark.needs("nginx")]

CLIENTS, HOSTS = 4, 2
# What docs/containers.md says of nginx before several hosts. With max_fails a host that is restarted would be left out
# for ten seconds, and with the next one gone there would be nobody; a request that was sent is not sent again.
CONFIG = """
daemon off; master_process off; pid nginx.pid; error_log error.log;
events {{ worker_connections 256; }}
http {{
    access_log off; {temporary}
    upstream ingress {{ {servers} {kept} }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://ingress;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_connect_timeout 2s;
            proxy_next_upstream error timeout;
        }}
    }}
}}
"""
# Connections that are kept: nginx gives up those that rest for a second, and each answer of a host that leaves is the
# last of its connection. After two seconds none is left over which a request could be on its way.
KEPT, DELAY = "keepalive 8; keepalive_timeout 1s;", "2"


class Host:
    """A `muster ingress` at a port that it keeps."""

    def __init__(self, muster: Muster, delay: str) -> None:
        self.port, self._internal = free_port(), free_port()
        self._log = (muster.folder / f"host-{self.port}.txt").open("a")
        self._environment = muster.environment(
            MUSTER_PORT=str(self.port), MUSTER_INTERNAL_PORT=str(self._internal), MUSTER_INGRESS_PROCESSES="2",
            MUSTER_STOP_DELAY=delay, MUSTER_SERVE="scim",
        )  # fmt: skip
        self.process = self._started()

    def _started(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "ops.cli", "ingress"],
            cwd=ROOT, env=self._environment, stdout=self._log, stderr=self._log,
        )  # fmt: skip

    def ready(self) -> int | None:
        """What its readiness probe sees."""
        return status("127.0.0.1", self._internal, "/ready")

    def until_ready(self) -> None:
        eventually(lambda: self.ready() == 200, 30, f"a host at {self.port}")

    def restart(self) -> list[int | None]:
        """End it, look at its readiness meanwhile, start its successor; returns what was seen."""
        seen = []
        self.process.terminate()
        while self.process.poll() is None:
            seen.append(self.ready())
        assert self.process.returncode == 0
        self.process = self._started()
        self.until_ready()
        return seen

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(STOP_WITHIN)
        self._log.close()


@dataclass
class Client:
    """Creates users, changes them and looks them up, one request after the other, and writes down what failed."""

    root: str
    target: NewList
    number: int
    failed: list[str] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)  # by id
    requests: int = 0

    def run(self, over: threading.Event) -> None:
        headers = {"Authorization": f"Bearer {self.target.token}"}
        with httpx.Client(base_url=self.root, headers=headers, timeout=30, trust_env=False) as http:
            for turn in itertools.count():
                if over.is_set():
                    return
                self._turn(http, turn)

    def _turn(self, http: httpx.Client, turn: int) -> None:
        made = self._ask(http, "POST", "/Users", 201, user(f"{self.number}-{turn}@north.example"))
        if made is None:
            return
        path = f"/Users/{made.json()['id']}"
        if self._ask(http, "PATCH", path, 200, patch(replace("title", f"Title {turn}"))):
            self.titles[made.json()["id"]] = f"Title {turn}"
        self._ask(http, "GET", path, 200)

    def _ask(
        self, http: httpx.Client, method: str, path: str, expected: int, body: object = None
    ) -> httpx.Response | None:
        self.requests += 1
        try:
            answer = http.request(method, path, json=body) if body else http.request(method, path)
        except httpx.TransportError as error:
            self.failed.append(f"{method}: {error!r}")
            return None
        if answer.status_code != expected:
            self.failed.append(f"{method}: {answer.status_code} {answer.text[:200]}")
            return None
        return answer


@contextmanager
def under_load(root: str, target: NewList) -> Iterator[list[Client]]:
    """Several clients that do not rest."""
    over = threading.Event()
    clients = [Client(f"{root}/scim/v2/{target.list_id}", target, number) for number in range(CLIENTS)]
    threads = [threading.Thread(target=client.run, args=[over]) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield clients
    finally:
        over.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize(("kept", "delay"), [("", "0"), (KEPT, DELAY)], ids=["fresh connections", "kept connections"])
def test_a_rolling_restart_fails_no_request(muster: Muster, kept: str, delay: str) -> None:
    target, port = muster.new_list(), free_port()
    with ExitStack() as ending:
        hosts = [Host(muster, delay) for _ in range(HOSTS)]
        for host in hosts:
            ending.callback(host.close)
            host.until_ready()
        servers = "".join(f"server 127.0.0.1:{host.port} max_fails=0; " for host in hosts)
        root = f"http://127.0.0.1:{port}"
        ending.enter_context(nginx(CONFIG.format(temporary=TEMPORARY, servers=servers, kept=kept, port=port), root))
        with under_load(root, target) as clients:
            seen = [host.restart() for host in hosts]
        failed = [one for client in clients for one in client.failed]
        titles = {user_id: title for client in clients for user_id, title in client.titles.items()}

    assert failed == []
    assert sum(client.requests for client in clients) > 20
    for statuses in seen:  # told to stop it is not ready, and does not become so again
        assert 200 not in list(itertools.dropwhile(lambda one: one == 200, statuses))
        assert delay == "0" or 503 in statuses
    muster.settled(target.list_id)
    assert {one["identity_id"]: one["fields"].get("Job Title") for one in muster.people(target.list_id)} == titles
