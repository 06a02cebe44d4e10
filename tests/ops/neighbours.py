"""The other containers: PostgreSQL and Valkey over TCP with passwords, made the way docker-compose.yml makes them."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import redis
import yaml

from ops import embedded
from ops.account import Account
from ops.embedded import Postgres
from tests.journeys.doors import free_port
from tests.journeys.waiting import eventually
from tests.ops.dockerfile import ROOT

OWNER_PASSWORD, APP_PASSWORD, VALKEY_PASSWORD = "0f0f0f0f", "a1a1a1a1", "7e7e7e7e"
WITHIN = 30  # seconds until a test gives up


class Urls(NamedTuple):
    """Where they are."""

    database_url: str
    owner_url: str
    redis_url: str

    def variables(self) -> dict[str, str]:
        """As Muster reads them."""
        return {f"MUSTER_{name.upper()}": value for name, value in self._asdict().items()}


class Bare(Postgres):
    """A cluster with a superuser and nothing else; passwords over TCP, none on the socket."""

    def make(self) -> None:
        """initdb, as the official image does it."""
        self._run("initdb", "-D", str(self.folder), "-U", "postgres", "--auth-local=trust", "--auth-host=scram-sha-256")


def compose_command(service: str) -> list[str]:
    """The command of a service in docker-compose.yml, as the container sees it."""
    command: list[str] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"][service]["command"]
    return [word.replace("$$", "$") for word in command]


@contextmanager
def neighbours() -> Iterator[Urls]:
    """Both servers, on ports of their own, until the end."""
    folder = Path(tempfile.mkdtemp(prefix="mc", dir="/tmp"))
    folder.chmod(0o711)
    account = embedded.account_for(folder)
    postgres_port, valkey_port = free_port(), free_port()
    try:
        with _postgres(folder, account, postgres_port), _valkey(folder, valkey_port):
            at = f"@127.0.0.1:{postgres_port}/muster"
            yield Urls(
                f"postgresql://muster_app:{APP_PASSWORD}{at}",
                f"postgresql://muster_owner:{OWNER_PASSWORD}{at}",
                f"redis://:{VALKEY_PASSWORD}@127.0.0.1:{valkey_port}/0",
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _postgres(folder: Path, account: Account, port: int) -> Iterator[None]:
    cluster = Bare(account.own(folder / "p") / "pg", account.own(folder / "s"), account, durable=False)
    cluster.make()
    # The file's own settings come last and count, but for where the server listens.
    command = [*cluster.command(), *compose_command("postgres")[1:]]
    command += ["-c", "listen_addresses=127.0.0.1", "-c", f"port={port}", "-c", "shared_buffers=64MB"]
    server = embedded.start(command, account, folder / "postgres.log")
    try:
        psql = [str(embedded.postgres_program("psql")), "-h", str(cluster.sockets), "-p", str(port), "-U", "postgres"]
        eventually(lambda: _ran([*psql, "-c", "select 1"]), WITHIN, "PostgreSQL")
        # As the official image runs the files of /docker-entrypoint-initdb.d.
        roles = [*psql, "-v", "ON_ERROR_STOP=1", "--no-psqlrc", "-f", str(ROOT / "ops/postgres/roles.sql")]
        passwords = {"OWNER_PASSWORD": OWNER_PASSWORD, "APP_PASSWORD": APP_PASSWORD}
        assert _ran(roles, **passwords), "roles.sql failed"
        yield
    finally:
        server.terminate()
        server.wait(WITHIN)


def _ran(command: list[str], **variables: str) -> bool:
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"} | variables
    return subprocess.run(command, capture_output=True, env=environment).returncode == 0


@contextmanager
def _valkey(folder: Path, port: int) -> Iterator[None]:
    (folder / "bin").mkdir()
    (folder / "bin" / "valkey-server").symlink_to(embedded.valkey_program())
    *shell, script = compose_command("valkey")
    environment = {"PATH": f"{folder}/bin:{os.environ['PATH']}", "VALKEY_PASSWORD": VALKEY_PASSWORD}
    script = script.replace("valkey-server -", f"valkey-server - --bind 127.0.0.1 --port {port}")
    with (folder / "valkey.log").open("w") as log:
        server = subprocess.Popen([*shell, script], env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        with redis.Redis(port=port, password=VALKEY_PASSWORD) as client:
            eventually(lambda: _answers(client), WITHIN, "Valkey")
        yield
    finally:
        server.terminate()
        server.wait(WITHIN)


def _answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
