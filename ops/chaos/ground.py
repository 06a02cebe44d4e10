"""The Muster that is broken: servers of its own, proxies between them and Muster's processes, and `muster up`."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import psutil
import redis

from models import database
from ops.account import Unusable
from ops.addresses import LOOPBACK, lasting_port, local_root, status
from ops.bench.processes import clean_environment, family
from ops.chaos.proxy import Proxy
from ops.embedded import DATABASE, OWNING, SERVING
from ops.servers import ROOT, Servers
from ops.state import Folder
from ops.supervisor import Child, Supervisor, kill_group

UP_WITHIN, WHOLE_WITHIN, STOP_WITHIN = 90.0, 60.0, 20.0  # seconds
DISK = "3g"  # of the small disk; memory, as far as it is written to
INGRESS, WORKERS = 2, 2


class Ground:
    """One stack. `database`, `bell` and `front` are the proxies before PostgreSQL, Valkey and ingress."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._up: subprocess.Popen[bytes] | None = None
        self._ending = contextlib.ExitStack()
        self._supervisor = Supervisor(lambda _: None)
        self.disk: Path | None = None  # where the database is, when that is a small disk of its own
        self.undisked = ""

    @classmethod
    @contextlib.contextmanager
    def made(cls) -> Iterator[Self]:
        """A stack in a folder of its own, gone afterwards."""
        folder = Path(tempfile.mkdtemp(prefix="mc", dir="/tmp"))  # short: socket paths end at 107 bytes
        folder.chmod(0o711)
        ground = cls(folder)
        try:
            with ground._ending:
                ground._start()
                yield ground
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _start(self) -> None:
        servers_folder = self.folder / "servers"
        servers_folder.mkdir(mode=0o711)
        self._small_disk(servers_folder)
        self._servers = Servers(servers_folder, None, None, None)
        self._ending.callback(self._servers.close)
        self._ending.callback(self._stop_servers)
        self._servers.start(self._supervisor)
        watching = threading.Thread(target=self._supervisor.watch, daemon=True)
        watching.start()
        self._ending.callback(watching.join)
        self._ending.callback(self._supervisor.end_watch)
        sockets = self._servers.sockets
        self.database = self._ending.enter_context(Proxy.to_socket(f"{sockets}/.s.PGSQL.5432"))
        self.bell = self._ending.enter_context(Proxy.to_socket(f"{sockets}/valkey.sock"))
        self.port = lasting_port()
        self.front = self._ending.enter_context(Proxy.to_port(self.port))
        self._ending.callback(self._stop_up)
        self.start_up()

    def _small_disk(self, folder: Path) -> None:
        """Put the servers' folder on a disk that can be filled."""
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0711", "tmpfs", str(folder)]
        if shutil.which("mount") is None:
            self.undisked = "there is no mount command"
            return
        mounted = subprocess.run(command, capture_output=True, text=True)
        if mounted.returncode:
            self.undisked = f"mounting is refused: {mounted.stderr.strip()}"
            return
        self.disk = folder
        self._ending.callback(subprocess.run, ["umount", "-l", str(folder)], capture_output=True)

    def resize_disk(self, size: str) -> None:
        """Give the small disk another size: what is used already makes it a full one."""
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self.disk)], check=True, capture_output=True)

    def _stop_servers(self) -> None:
        self._supervisor.stop(("valkey", "postgres"), 10)

    def start_up(self) -> None:
        """Start `muster up` on the proxies, and wait until it is ready."""
        at = f"{LOOPBACK}:{self.database.port}/{DATABASE}?sslmode=disable"
        more = {
            "MUSTER_DATABASE_URL": f"postgresql://{SERVING}@{at}",
            "MUSTER_OWNER_URL": f"postgresql://{OWNING}@{at}",
            "MUSTER_REDIS_URL": f"redis://{LOOPBACK}:{self.bell.port}",
            "MUSTER_LOG_LEVEL": "warning",
        }
        options = ["--json", "--no-demo", "--port", str(self.port), "--data", str(self.folder / "d")]
        processes = ["--ingress", str(INGRESS), "--workers", str(WORKERS)]
        with (self.folder / "log").open("ab") as errors:
            self._up = subprocess.Popen(
                [sys.executable, "-m", "ops.cli", "up", *options, *processes], cwd=ROOT, start_new_session=True,
                env=clean_environment() | more, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
            )  # fmt: skip
        assert self._up.stdout
        with self._up.stdout as told:
            if not told.readline():
                raise Unusable(f"muster up did not come up: {self.told()[-1500:]}")

    def told(self) -> str:
        """What the processes have written down."""
        return (self.folder / "log").read_text(errors="replace").strip()

    def kill_up(self) -> None:
        """SIGKILL to `muster up` alone: what it started lives on, without anybody who watches it."""
        assert self._up
        self._up.kill()
        self._up.wait()

    def _stop_up(self) -> None:
        if self._up is None or self._up.poll() is not None:
            return
        self._up.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._up.wait(STOP_WITHIN)
        if self._up.poll() is None:
            kill_group(self._up.pid)
            Folder(self.folder / "d").end_leftovers()

    @property
    def root(self) -> str:
        """Where providers push to: ingress, behind its proxy."""
        return local_root(LOOPBACK, self.front.port)

    @property
    def database_url(self) -> str:
        """The database past the proxy, as the role that serves."""
        return self._servers.urls.database_url

    def connect(self) -> database.Connection:
        """A connection past the proxy."""
        return database.connect_patiently(self.database_url, "muster-chaos")

    def redis(self) -> "redis.Redis":
        """Valkey past the proxy."""
        return redis.Redis.from_url(self._servers.urls.redis_url, socket_timeout=5)

    def server(self, name: str) -> Child:
        """PostgreSQL or Valkey."""
        return next(child for child in self._supervisor.children if child.name == name)

    def master(self, kind: str) -> psutil.Process | None:
        """The first process of `ingress` or `workers`."""
        state = Folder(self.folder / "d").read()
        pids = [child["pid"] for child in state.get("children", []) if child["name"] == kind]
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(pids[0]) if pids else None
        return None

    def forks(self, kind: str) -> list[psutil.Process]:
        """The processes that a master of a kind has forked: those that do the work, and one for their metrics."""
        master = self.master(kind)
        with contextlib.suppress(psutil.NoSuchProcess):
            born = sorted(master.children(), key=lambda one: one.pid) if master else []
            return [one for one in born if one.status() != psutil.STATUS_ZOMBIE]
        return []

    def family(self, kind: str) -> list[int]:
        """All processes of a kind."""
        master = self.master(kind)
        return [process.pid for process in family([master.pid])] if master else []

    def is_whole(self) -> bool:
        """Whether everything is there, and answers."""
        urls = Folder(self.folder / "d").read().get("metrics_urls", [])
        servers = self._servers_answer()
        counted = len(self.forks("ingress")) > INGRESS and len(self.forks("workers")) > WORKERS
        ready = [status(LOOPBACK, urlsplit(url).port or 0, "/ready") == 200 for url in urls]
        return servers and counted and len(ready) == 2 and all(ready)

    def _servers_answer(self) -> bool:
        children = self._supervisor.children
        return len(children) == 2 and all(child.alive() for child in children) and self._servers.answer()

    def until(self, condition: Callable[[], Any], what: str, within: float = WHOLE_WITHIN) -> None:
        """Wait; Unusable when it will not be."""
        end = time.monotonic() + within
        while not condition():
            if time.monotonic() > end:
                raise Unusable(f"{what} was not seen within {within:.0f} s: {self.told()[-1500:]}")
            time.sleep(0.02)

    def until_whole(self, after: str) -> None:
        """Wait until everything is back."""
        self.until(self.is_whole, f"a whole Muster after {after}")


def send(pids: list[int], number: signal.Signals) -> None:
    """A signal to processes, some of which may be gone."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
