"""Muster on several hosts: one with PostgreSQL and Valkey, some with ingress, some with workers."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import redis

from ops import addresses, embedded
from ops.account import Account, Unusable
from ops.bench.network import Network
from ops.bench.processes import clean_environment
from ops.embedded import DATABASE, OWNING, SERVING, Postgres

ROOT = Path(__file__).resolve().parents[2]
SERVERS = "servers"
PORT, INTERNAL_PORT = 8080, 9090
VALKEY_PORT = 6379
WITHIN = 60.0  # seconds until a process that is not ready never will be
MORE = {"max_connections": "500"}


@dataclass(frozen=True)
class Shape:
    """How many hosts of a kind, and how far (milliseconds each way) they are from the servers'."""

    ingress: int = 2
    workers: int = 2
    delay_ms: float = 0.0


@dataclass
class Installation:
    """Where everything is, once it runs. `roots` are the first processes of each component."""

    network: Network
    admin_url: str
    owner_url: str
    database_url: str
    redis_url: str
    ingress: dict[str, str] = field(default_factory=dict)
    workers: dict[str, str] = field(default_factory=dict)
    roots: dict[str, list[int]] = field(default_factory=dict)

    def doors(self) -> list[tuple[str, int]]:
        """Where requests go."""
        return [(address, PORT) for address in self.ingress.values()]


class _Cluster(Postgres):
    """A cluster as a database host has it: passwords over TCP; on the socket, the superuser for whoever measures."""

    def make(self) -> None:
        """initdb, and other hosts let in."""
        self._run(
            "initdb", "-D", str(self.folder), "-U", "postgres", "--auth-local=trust", "--auth-host=scram-sha-256",
            "--no-instructions", "--no-sync",
        )  # fmt: skip
        with (self.folder / "pg_hba.conf").open("a") as rules:
            rules.write("host all all all scram-sha-256\n")

    def admin_url(self, database: str = DATABASE) -> str:
        """The superuser's."""
        return f"postgresql://postgres@/{database}?host={self.sockets}"


@contextlib.contextmanager
def running(shape: Shape, say: Callable[[str], None]) -> Iterator[Installation]:
    """All of it, until this is left."""
    folder = Path(tempfile.mkdtemp(prefix="mh", dir="/tmp"))  # short: socket paths end at 107 bytes
    folder.chmod(0o711)
    try:
        with Network(shape.delay_ms) as network, contextlib.ExitStack() as kept:
            say(f"{shape.ingress} ingress hosts, {shape.workers} worker hosts, {shape.delay_ms:g} ms each way")
            one = kept.enter_context(_servers(network, folder))
            kept.enter_context(_muster(one, shape, folder))
            yield one
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _servers(network: Network, folder: Path) -> Iterator[Installation]:
    address = network.add(SERVERS, delayed=True)
    account = embedded.account_for(folder)
    owner, serving, valkey = (secrets.token_hex(8) for _ in range(3))
    with _valkey(network, address, valkey, folder) as bell, _postgres(network, address, account, folder) as cluster:
        _make_roles(cluster, owner, serving)
        at = f"@{address}/{DATABASE}"
        one = Installation(
            network, cluster.admin_url(), f"postgresql://{OWNING}:{owner}{at}",
            f"postgresql://{SERVING}:{serving}{at}", f"redis://:{valkey}@{address}:{VALKEY_PORT}/0",
        )  # fmt: skip
        one.roots = {"postgres": [cluster.pid], "valkey": [bell], "links": list(network.links().values())}
        _until(lambda: _rings(one.redis_url), "Valkey", folder / "valkey.log")
        _migrate(one)
        yield one


@dataclass
class _Running:
    pid: int
    admin_url: Callable[..., str]
    sockets: Path


@contextlib.contextmanager
def _postgres(network: Network, address: str, account: Account, folder: Path) -> Iterator[_Running]:
    cluster = _Cluster(account.own(folder / "p") / "pg", account.own(folder / "s"), account)
    cluster.make()
    more = MORE | {"listen_addresses": address}
    command = cluster.command() + [word for name, value in more.items() for word in ("-c", f"{name}={value}")]
    with network.inside(SERVERS):
        server = embedded.start(command, account, folder / "postgres.log")
    try:
        _until(cluster.is_ready, "PostgreSQL", folder / "postgres.log", server)
        yield _Running(server.pid, cluster.admin_url, cluster.sockets)
    finally:
        server.send_signal(signal.SIGQUIT)  # nothing need be kept, but its shared memory must go
        server.wait(WITHIN)


def _make_roles(cluster: _Running, owner: str, serving: str) -> None:
    psql = [str(embedded.postgres_program("psql")), "-qX", "-d", cluster.admin_url("postgres")]
    passwords = {"OWNER_PASSWORD": owner, "APP_PASSWORD": serving}
    done = subprocess.run(
        [*psql, "-f", str(ROOT / "ops" / "postgres" / "roles.sql")],
        env=embedded.environment() | passwords, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode != 0:
        raise Unusable(f"the roles could not be made: {done.stderr.strip()}")


def _migrate(one: Installation) -> None:
    # A process of its own: Alembic and SQLAlchemy would be loaded beside the generator of load.
    urls = {"MUSTER_DATABASE_URL": one.database_url, "MUSTER_OWNER_URL": one.owner_url}
    done = subprocess.run(
        [sys.executable, "-m", "ops.cli", "migrate"],
        cwd=ROOT,
        env=clean_environment() | urls,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise Unusable(f"the schema could not be made: {done.stderr.strip()}")


@contextlib.contextmanager
def _valkey(network: Network, address: str, password: str, folder: Path) -> Iterator[int]:
    settings = {
        "port": str(VALKEY_PORT), "bind": address, "requirepass": password, "dir": str(folder), "save": "",
        "appendonly": "no", "maxmemory-policy": "noeviction", "loglevel": "warning",
    }  # fmt: skip
    words = (word for name, value in settings.items() for word in (f"--{name}", value))
    with network.inside(SERVERS):
        server = embedded.start([str(embedded.valkey_program()), *words], Account(), folder / "valkey.log")
    try:
        yield server.pid
    finally:
        server.kill()
        server.wait(WITHIN)


def _rings(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


@contextlib.contextmanager
def _muster(one: Installation, shape: Shape, folder: Path) -> Iterator[None]:
    started: list[subprocess.Popen[bytes]] = []
    try:
        for kind, count, at in (("ingress", shape.ingress, one.ingress), ("workers", shape.workers, one.workers)):
            for number in range(1, count + 1):
                host = f"{kind}{number}"
                at[host] = one.network.add(host)
                started.append(_start(one, kind, host, at[host], folder))
                one.roots.setdefault(kind, []).append(started[-1].pid)
        for (host, address), process in zip((one.ingress | one.workers).items(), started, strict=True):
            _until(partial(_ready, address), host, folder / f"{host}.log", process)
        yield
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(WITHIN)


def _ready(address: str) -> bool:
    return addresses.status(address, INTERNAL_PORT, "/ready") == 200


def _start(one: Installation, kind: str, host: str, address: str, folder: Path) -> "subprocess.Popen[bytes]":
    settings = {
        "DATABASE_URL": one.database_url, "REDIS_URL": one.redis_url, "HOST": address, "PORT": str(PORT),
        "INTERNAL_HOST": address, "INTERNAL_PORT": str(INTERNAL_PORT), "SERVE": "scim", "LOG_LEVEL": "warning",
        "PUBLIC_URL": "http://muster.bench", "METRICS_DIR": str(folder / host),
    }  # fmt: skip
    environment = clean_environment() | {f"MUSTER_{name}": value for name, value in settings.items()}
    with (folder / f"{host}.log").open("wb") as log, one.network.inside(host):
        return subprocess.Popen(
            [sys.executable, "-m", "ops.cli", kind], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


def _until(
    condition: Callable[[], bool], what: str, log: Path, process: "subprocess.Popen[bytes] | None" = None
) -> None:
    end = time.monotonic() + WITHIN
    while not condition():
        if time.monotonic() > end or (process is not None and process.poll() is not None):
            raise Unusable(f"{what} did not come up: {log.read_text(errors='replace').strip()[-1000:]}")
        time.sleep(0.02)
