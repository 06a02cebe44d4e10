"""The servers of one `muster up`: embedded ones, unless the environment names others."""

import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

from ops import embedded
from ops.account import Account
from ops.embedded import OWNING, SOCKETS_PREFIX, Postgres, Valkey
from ops.supervisor import Child, Supervisor, end_all, runs

ROOT = Path(__file__).resolve().parents[1]
START_WITHIN = 60.0  # seconds; crash recovery takes its time
LARGEST_LOG = 10_000_000  # bytes; a larger one of an earlier run is moved aside


@dataclass(frozen=True)
class Urls:
    """Where the servers are."""

    database_url: str
    owner_url: str
    redis_url: str


class Servers:
    """PostgreSQL and Valkey in a data folder, with their sockets in a folder of this run's own."""

    def __init__(self, folder: Path, database_url: str | None, owner_url: str | None, redis_url: str | None) -> None:
        self.sockets: Path | None = None
        self._folder = folder
        self._postgres: Postgres | None = None
        self._valkey: Valkey | None = None
        self._account = Account()
        if not (database_url and redis_url):
            self._account = embedded.account_for(folder)
            self.sockets = embedded.socket_folder(self._account)
        if self.sockets and not database_url:
            self._postgres = Postgres(folder / "postgres", self.sockets, self._account)
            database_url, owner_url = self._postgres.url(), self._postgres.url(OWNING)
        if self.sockets and not redis_url:
            self._valkey = Valkey(folder / "valkey", self.sockets)
            redis_url = self._valkey.url()
        self.urls = Urls(database_url or "", owner_url or database_url or "", redis_url or "")

    def answer(self) -> bool:
        """Whether those that are embedded do."""
        return all(server.is_ready() for server in (self._valkey, self._postgres) if server)

    def start(self, supervisor: Supervisor) -> None:
        """Start them at once, the cluster made first if need be, and wait until they answer."""
        conditions: list[tuple[str, Callable[[], bool]]] = []
        logs = self._folder / "logs"
        logs.mkdir(mode=0o700, exist_ok=True)
        if self._valkey:
            self._account.own(self._valkey.folder)
            log = _fresh(logs / "valkey.log")
            supervisor.add(Child("valkey", partial(embedded.start, self._valkey.command(), self._account, log)))
            conditions.append(("Valkey", self._valkey.is_ready))
        if self._postgres:
            self._postgres.make()
            supervisor.add(_watched(self._postgres, self._account, _fresh(logs / "postgres.log")))
            conditions.append(("PostgreSQL", self._postgres.is_ready))
        for name, condition in conditions:
            supervisor.until(condition, name, START_WITHIN)
        if self._postgres:
            self._postgres.grant()

    @property
    def _schema(self) -> Path | None:
        # In the cluster's folder, so that it goes where the cluster goes.
        return self._postgres.folder / "muster.schema" if self._postgres else None

    def is_current(self) -> bool:
        """Whether the embedded cluster has seen these very migrations: then Alembic need not be loaded."""
        return self._schema is not None and self._schema.exists() and self._schema.read_text() == _schema_digest()

    def remember_schema(self) -> None:
        """The migrations were applied."""
        if self._schema:
            self._schema.write_text(_schema_digest())

    def close(self) -> None:
        """Remove the sockets."""
        remove_sockets(str(self.sockets) if self.sockets else None)


def remove_sockets(folder: str | None) -> None:
    """Remove the sockets of a run that has ended."""
    if folder and Path(folder).name.startswith(SOCKETS_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)


def _schema_digest() -> str:
    files = sorted((ROOT / "models" / "migrations").rglob("*.py"))
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _watched(postgres: Postgres, account: Account, log: Path) -> Child:
    def start() -> "subprocess.Popen[bytes]":
        # What a killed postmaster left behind would refuse its successor the shared memory, or its name.
        end_all(postgres.orphans())
        _unlock(postgres)
        return embedded.start(postgres.command(), account, log)

    # SIGINT is a fast shutdown: clients are cut off, and everything is written.
    return Child("postgres", start, stop_signal=signal.SIGINT, orphans=postgres.orphans)


def _unlock(postgres: Postgres) -> None:
    """Remove a dead postmaster's pid file. PostgreSQL itself takes a zombie for alive, and in a
    container whose first process reaps nobody a zombie stays. We hold the data folder's lock."""
    file = postgres.folder / "postmaster.pid"
    if file.exists() and not runs(int(file.read_text().split()[0])):
        file.unlink()


def _fresh(log: Path) -> Path:
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".old.log"))
    return log
