"""The Muster that is measured: one of the bench's own, started for it and gone after it, or one that runs already."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models import connection, database, master_list, organisation, token
from ops.account import Unusable
from ops.addresses import LOOPBACK, free_port, local_root
from ops.bench.processes import Memory, clean_environment, family, memory, seconds
from ops.bench.traffic import Target
from ops.state import Folder
from ops.supervisor import kill_group, runs
from ops.vault import new_key

ROOT = Path(__file__).resolve().parents[2]
UNLIMITED = 1_000_000_000  # requests of an API key a minute
STOP_WITHIN, EMPTY_WITHIN = 20.0, 600.0  # seconds
COMPONENTS = ("ingress", "workers", "postgres", "valkey")
_PENDING = (
    "select exists (select from unnest(%s::text[]) k (list_id)"
    " where exists (select from journal j where j.list_id = k.list_id))"
)
_DRAINING = (
    "select count(*) filter (where state = 'active'), count(*) filter (where state like 'idle in%')"
    " from pg_stat_activity where application_name in ('muster-drain', 'muster-sweep')"
)


@dataclass
class System:
    """Where it is. `roots` are the first processes of each component; none where they are not known."""

    database_url: str
    owner_url: str
    redis_url: str
    public_root: str
    console_root: str
    roots: dict[str, list[int]] = field(default_factory=dict)
    supervisor: int = 0  # the process of `muster up`, which is part of none
    ours: bool = False  # whether it was started for the bench: then its workers may be stopped
    lists: list[str] = field(default_factory=list)  # that the bench has made
    graph_port: int = 0  # where its workers look for a simulated directory
    secret_key: str = ""  # that its workers open credentials with

    @classmethod
    def of_state(cls, state: dict[str, Any], ours: bool = False) -> "System":
        """The `muster up` that wrote this state down."""
        roots = {child["name"]: [child["pid"]] for child in state["children"]}
        urls = state["database_url"], state["owner_url"], state["redis_url"], state["public_url"]
        return cls(*urls, state["console_url"], roots, state["pid"], ours)

    def new_list(self) -> tuple[str, Target]:
        """The id of a new connected list, and how its IdP reaches it."""
        name = f"Bench {time.time_ns()}"
        with database.connect(self.database_url, "muster-bench") as opened, database.transaction(opened) as cursor:
            list_id = master_list.create(cursor, organisation.ensure(cursor, "Bench"), name)
            database.allow(cursor, [list_id])
            connection.connect(cursor, list_id, "userName", "bench")
            issued = token.issue(cursor, list_id, "bench", None, "bench")
        self.lists.append(list_id)
        return list_id, Target(f"{self.public_root}/scim/v2/{list_id}", issued.token)

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a query, as the owner of the tables."""
        with database.connect(self.owner_url, "muster-bench") as opened:
            return opened.execute(sql.encode(), parameters).fetchall()

    def open_tables(self) -> None:
        """Do without row-level security, to see what it costs."""
        with database.connect(self.owner_url, "muster-bench") as opened:
            for (table,) in opened.execute("select distinct quote_ident(tablename) from pg_policies").fetchall():
                opened.execute(f"alter table {table} disable row level security".encode())

    def cpu(self) -> dict[str, float]:
        """Processor time by component, in seconds, backends and other children included."""
        return {name: seconds(self._living(name)) for name in COMPONENTS if name in self.roots}

    def memory(self, component: str) -> list[Memory]:
        """What each process of a component holds, the largest first."""
        sizes = [memory(process.pid) for process in family(self._living(component))]
        return sorted(sizes, key=lambda one: one.private, reverse=True)

    def _living(self, component: str) -> list[int]:
        """Its first processes. Where one is gone, and another in its place, nothing that was read before counts."""
        if not all(map(runs, self.roots[component])):
            raise Unusable(f"a process of {component} ended while it was measured")
        return self.roots[component]

    def emptied(self, look_every: float = 0.05, lists: Sequence[str] = (), within: float = EMPTY_WITHIN) -> float:
        """Wait until nothing waits in these lists of the bench, or all, any more; the seconds that it took."""
        began = time.monotonic()
        with database.connect(self.owner_url, "muster-bench") as opened:
            while opened.execute(_PENDING, (list(lists) or self.lists,)).fetchall() != [(False,)]:
                if time.monotonic() > began + within:
                    raise Unusable(f"the journal is not empty after {within:.0f} s: do workers run?")
                time.sleep(look_every)
        return time.monotonic() - began

    @contextlib.contextmanager
    def workers_paused(self) -> Iterator[None]:
        """The workers stopped between two transactions, and going on afterwards."""
        self._stop_workers()
        try:
            yield
        finally:
            self.resume_workers()

    def _stop_workers(self) -> None:
        if not self.ours:
            raise Unusable("only workers that were started for the bench are paused")
        end = time.monotonic() + 10
        while time.monotonic() < end:
            self._signal_workers(signal.SIGSTOP)
            if not self._draining():
                return
            # In the midst of a transaction they would hold locks and keep PostgreSQL from vacuuming.
            self.resume_workers()
            time.sleep(0.02)
        raise Unusable("the workers were never seen at rest")

    def resume_workers(self) -> None:
        """Let stopped workers go on."""
        self._signal_workers(signal.SIGCONT)

    def _signal_workers(self, number: signal.Signals) -> None:
        for process in family(self.roots["workers"]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)

    def _draining(self) -> bool:
        """Whether a stopped worker holds a transaction; statements that were sent before it stopped may end."""
        with database.connect(self.database_url, "muster-bench") as opened:
            while True:
                [(active, between)] = opened.execute(_DRAINING).fetchall()
                if between or not active:
                    return bool(between)
                time.sleep(0.002)


@contextlib.contextmanager
def running(say: Callable[[str], None], workers: int = 1) -> Iterator[System]:
    """`muster up` on a data folder and ports of its own, with PostgreSQL's fsync on as always, until this is left."""
    say("starting a Muster for the measurement")
    folder = Path(tempfile.mkdtemp(prefix="mb", dir="/tmp"))  # short: socket paths end at 107 bytes
    folder.chmod(0o711)
    data, log = folder / "d", folder / "log"
    graph_port, secret_key = free_port(), new_key()
    more = {
        "MUSTER_LOG_LEVEL": "warning",
        "MUSTER_GRAPH_SIMULATOR": local_root(LOOPBACK, graph_port),
        "MUSTER_SECRET_KEY": secret_key,
        "MUSTER_API_RATE": str(UNLIMITED),
    }
    command = [sys.executable, "-m", "ops.cli", "up", "--json", "--no-demo", "--data", str(data), "--port", "0"]
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [*command, "--workers", str(workers)], cwd=ROOT, env=clean_environment() | more,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True,
        )  # fmt: skip
    try:
        with process, contextlib.ExitStack() as ending:
            ending.callback(_stop, process, data)
            assert process.stdout
            if not process.stdout.readline():
                raise Unusable(f"muster up did not come up: {log.read_text(errors='replace').strip()[-1000:]}")
            system = System.of_state(Folder(data).read(), ours=True)
            system.graph_port, system.secret_key = graph_port, secret_key
            ending.callback(system.resume_workers)  # or they would not hear that they are to stop
            yield system
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _stop(process: "subprocess.Popen[bytes]", data: Path) -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_WITHIN)
    if process.poll() is None:
        kill_group(process.pid)
        Folder(data).end_leftovers()
