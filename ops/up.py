"""`muster up`: everything on one machine, watched, and gone without a trace when it is stopped."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ops import addresses
from ops.addresses import LOOPBACK, free_port, local_root
from ops.embedded import MARK
from ops.note import note
from ops.secret_key import VARIABLE, handed_on
from ops.servers import ROOT, Servers, remove_sockets
from ops.settings import PREFIX, SECRETS, as_given
from ops.state import Folder, started
from ops.supervisor import Child, Failed, Supervisor

PROCESSES_WITHIN = 60.0  # seconds
STOP_PROCESSES_WITHIN, STOP_SERVERS_WITHIN = 5.0, 3.0  # seconds; together under the promised ten
GATE = "MUSTER_GATE"
SIMULATOR = "http://127.0.0.1:8765"  # where `muster simulate entra-graph` answers


@dataclass(frozen=True)
class Options:
    """The command line of `muster up`, and the servers that the environment names."""

    data: Path
    host: str
    port: int
    ingress: int
    workers: int
    demo: bool
    public_url: str | None = None
    console_url: str | None = None
    database_url: str | None = None
    owner_url: str | None = None
    redis_url: str | None = None
    internal_port: int | None = None
    graph_simulator: str | None = None


class Up:
    """One run on one data folder."""

    def __init__(self, options: Options, folder: Folder) -> None:
        self._options, self._folder = options, folder
        self._port = options.port or free_port(options.host)
        self._internal_ports = {"ingress": options.internal_port or free_port(), "workers": free_port()}
        self._local = local_root(options.host, self._port)
        self._public = (options.public_url or self._local).rstrip("/")
        self._gate_open = False
        self._simulator = options.graph_simulator or (SIMULATOR if options.demo else None)
        self._supervisor = Supervisor(self._write_down)

    def run(self, announce: Callable[[dict[str, Any]], None]) -> None:
        """Start everything, tell, and watch until a signal comes."""
        self._supervisor.stop_on_signals()
        left = self._folder.end_leftovers()
        if left:
            note("leftovers_ended", "warning", processes=len(left))
        # Only now: those of a killed predecessor listened there.
        cure = "choose another address with --host and --port (--port 0 takes a free one)"
        addresses.check_free(self._options.host, self._port, cure)
        remove_sockets(self._folder.read().get("sockets"))
        options = self._options
        self._key = handed_on(self._folder.path)
        self._servers = Servers(self._folder.path, options.database_url, options.owner_url, options.redis_url)
        try:
            announce(self._start())
            self._supervisor.watch()
        finally:
            self._end()

    def _start(self) -> dict[str, Any]:
        # They load, a second or two each, while the servers start and the schema is brought up to date.
        self._supervisor.add(*(self._ours(kind) for kind in self._internal_ports))
        self._servers.start(self._supervisor)
        if self._servers.is_current():
            self._open_gate()
            found = self._prepare(migrate=False)
        else:
            found = self._prepare(migrate=True)
            self._servers.remember_schema()
            self._open_gate()
        for kind, port in self._internal_ports.items():
            self._supervisor.until(partial(_is_ready, port), kind, PROCESSES_WITHIN)
        return self._ready_line(found)

    def _ours(self, kind: str) -> Child:
        environment = self._environment(
            **as_given("database_url", self._servers.urls.database_url),
            **as_given("redis_url", self._servers.urls.redis_url),
            MUSTER_HOST=self._options.host,
            MUSTER_PORT=str(self._port),
            MUSTER_PUBLIC_URL=self._public,
            MUSTER_INTERNAL_PORT=str(self._internal_ports[kind]),
            MUSTER_INGRESS_PROCESSES=str(self._options.ingress),
            MUSTER_WORKER_PROCESSES=str(self._options.workers),
            MUSTER_STOP_DELAY="0",  # nobody else is there to send requests to
            MUSTER_METRICS_DIR=str(self._folder.path / "metrics"),
            **self._key,
            **({"MUSTER_GRAPH_SIMULATOR": self._simulator} if self._simulator else {}),
        )

        def start() -> "subprocess.Popen[bytes]":
            waits = {} if self._gate_open else {GATE: "closed"}
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "ops.cli", kind], env=environment | waits, start_new_session=True,
                stdin=subprocess.PIPE if waits else subprocess.DEVNULL, stdout=sys.stderr.fileno(),
            )  # fmt: skip

        # When a worker dies, its master lets the others finish first, which may take seconds.
        return Child(kind, start, whole=kind == "workers")

    def _open_gate(self) -> None:
        self._gate_open = True
        for child in self._supervisor.children:
            if child.process is not None and child.process.stdin is not None:
                child.process.stdin.write(b"open\n")
                child.process.stdin.close()

    def _prepare(self, migrate: bool) -> dict[str, Any]:
        wanted = asdict(self._servers.urls) | {"demo": self._options.demo, "migrate": migrate}
        done = subprocess.run(
            [sys.executable, "-P", "-m", "ops.prepare"], input=json.dumps(wanted), text=True,
            capture_output=True, env=self._environment(), start_new_session=True,
        )  # fmt: skip
        if done.returncode != 0:
            reason = done.stderr.strip()[-1500:] or "no reason given"
            raise Failed(f"the database could not be prepared: {reason}")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def _environment(self, **more: str) -> dict[str, str]:
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        # They are told the servers that `up` found, and not the owner; of the key those alone who need it.
        servers = {PREFIX + name.upper() for name in SECRETS}
        kept = {key: value for key, value in os.environ.items() if key.removesuffix("_FILE") not in servers}
        return kept | {"PYTHONPATH": path, MARK: str(self._folder.path)} | more

    def _metrics_url(self, kind: str) -> str:
        return f"http://{LOOPBACK}:{self._internal_ports[kind]}/metrics"

    def _ready_line(self, found: dict[str, Any]) -> dict[str, Any]:
        root = f"{self._public}/scim/v2"
        members = ("list_id", "name", "unique_identifier", "scim_base_url", "token")
        lists = ({**each, "scim_base_url": f"{root}/{each['list_id']}"} for each in found["lists"])
        return {
            "console_url": (self._options.console_url or self._public).rstrip("/"),
            "scim_root": root,
            "metrics_url": self._metrics_url("ingress"),
            "worker_metrics_urls": [self._metrics_url("workers")],
            "database_url": self._servers.urls.database_url,
            "redis_url": self._servers.urls.redis_url,
            "operator": found["operator"],
            "lists": [{member: each[member] for member in members} for each in lists],
        }

    def _write_down(self, children: Sequence[Child]) -> None:
        running = [(child.name, child.process.pid) for child in children if child.process is not None]
        self._folder.write(
            {
                "pid": os.getpid(),
                "url": self._local,
                "public_url": self._public,
                "console_url": (self._options.console_url or self._public).rstrip("/"),
                "sockets": str(self._servers.sockets) if self._servers.sockets else None,
                "metrics_urls": [self._metrics_url(kind) for kind in self._internal_ports],
                "secret_key_file": self._key.get(f"{VARIABLE}_FILE"),
                "graph_simulator": self._simulator,
                "children": [{"name": name, "pid": pid, "started": started(pid)} for name, pid in running],
                **asdict(self._servers.urls),
            }
        )

    def _end(self) -> None:
        self._supervisor.stop(("ingress", "workers"), STOP_PROCESSES_WITHIN)
        self._supervisor.stop(("valkey", "postgres"), STOP_SERVERS_WITHIN)
        self._servers.close()
        self._folder.forget()


def _is_ready(port: int) -> bool:
    return addresses.status(LOOPBACK, port, "/ready") == 200
