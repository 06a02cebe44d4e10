"""How `muster ingress` and `muster workers` begin: what ends them at once, in a sentence, and what they wait for."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from models import database, migrations
from ops import addresses, doctor, embedded
from ops.commands.beginning import need_bell, need_welcome
from ops.embedded import DATABASE, OWNING, SERVING, Postgres
from tests.journeys.system import ROOT, clean_environment
from tests.journeys.waiting import eventually
from tests.ops.neighbours import APP_PASSWORD, neighbours
from tests.valkey import running_valkey

WITHIN = 30  # seconds until a test gives up
AWAY = "postgresql://muster_app@/muster?host=/nowhere"
BOTH = pytest.mark.parametrize("command", ["ingress", "workers"])


COMMAND = [sys.executable, "-m", "ops.cli"]


def environment(**settings: str) -> dict[str, str]:
    """Ports that are free unless told otherwise, and these settings."""
    ports = {name: str(addresses.free_port()) for name in ("MUSTER_PORT", "MUSTER_INTERNAL_PORT")}
    return clean_environment() | ports | settings


def refused(command: str, **settings: str) -> str:
    """The one line that it says before it ends with exit code 2."""
    done = subprocess.run(
        [*COMMAND, command], cwd=ROOT, env=environment(**settings), capture_output=True, text=True, timeout=WITHIN
    )
    assert done.returncode == 2, done.stderr
    [line] = [each for each in done.stderr.splitlines() if not each.startswith("{")]
    return line


def events(log: Path) -> dict[str, dict[str, object]]:
    """What a process logged, by the event's name."""
    lines = log.read_text().splitlines()
    return {found["event"]: found for line in lines if line.startswith("{") for found in [json.loads(line)]}


@contextmanager
def listening() -> Iterator[str]:
    """A port that somebody else has."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield str(other.getsockname()[1])


@BOTH
def test_without_a_database_it_says_which_variable_is_not_set(command: str) -> None:
    assert refused(command).startswith("muster: MUSTER_DATABASE_URL is not set: ")


@BOTH
def test_an_internal_port_that_is_taken_is_named_with_its_variable(command: str) -> None:
    with listening() as port:
        said = refused(command, MUSTER_DATABASE_URL=AWAY, MUSTER_INTERNAL_PORT=port)

    assert said.startswith(f"muster: cannot listen on 127.0.0.1:{port} (Address already in use): ")
    assert "MUSTER_INTERNAL_PORT" in said


@pytest.mark.parametrize("shared", [False, True])
def test_a_public_port_that_another_ingress_has_is_not_shared(shared: bool) -> None:
    with socket.socket() as other:
        if shared:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as those of some servers are
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        said = refused("ingress", MUSTER_DATABASE_URL=AWAY, MUSTER_PORT=port)

    assert said.startswith(f"muster: cannot listen on 127.0.0.1:{port} (Address already in use): ")
    assert "MUSTER_PORT" in said


def test_a_wrong_password_is_one_sentence() -> None:
    with neighbours() as urls:
        wrong = urls.database_url.replace(APP_PASSWORD, "wrong")
        said = [refused(command, MUSTER_DATABASE_URL=wrong) for command in ("ingress", "workers")]

    for line in said:
        assert line.startswith("muster: PostgreSQL refuses MUSTER_DATABASE_URL: ")
        assert 'password authentication failed for user "muster_app"' in line


def test_a_wrong_password_of_valkey_is_said_at_the_start_and_by_doctor(tmp_path: Path) -> None:
    with running_valkey(tmp_path) as server, redis.Redis.from_url(server.url()) as client:
        client.config_set("requirepass", "right")
        wrong = f"{server.url()}?password=wrong"
        said = [
            refused(command, MUSTER_DATABASE_URL=AWAY, MUSTER_REDIS_URL=wrong) for command in ("ingress", "workers")
        ]
        without, with_wrong = doctor._redis(server.url()), doctor._redis(wrong)
        right = doctor._redis(f"{server.url()}?password=right")

    for line in said:
        assert line.startswith("muster: Redis refuses MUSTER_REDIS_URL: ")
    for finding in (without, with_wrong):
        assert (finding.ok, "refuses the name or password" in finding.detail) == (False, True)
    assert right.ok


def test_what_is_no_url_of_redis_is_refused_without_showing_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        need_bell("redis//:secret@valkey")
    need_bell("redis://127.0.0.1:1")  # away: done without

    said = capsys.readouterr().err
    assert "MUSTER_REDIS_URL is no URL of Redis's" in said
    assert "secret" not in said


@pytest.mark.parametrize(("before", "after"), [(SERVING, "nobody_here"), (f"/{DATABASE}?", "/nothing?")])
def test_a_role_or_a_database_that_is_not_there_is_a_sentence(
    database_url: str, before: str, after: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        need_welcome(database_url.replace(before, after))

    assert "does not exist" in capsys.readouterr().err


def test_what_is_no_url_is_refused_without_showing_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        need_welcome("postgres//muster_app:secret@db/muster")

    said = capsys.readouterr().err
    assert "MUSTER_DATABASE_URL is no URL of PostgreSQL's" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    "reason",
    [
        "connection to server at \"127.0.0.1\", port 5432 failed: Connection refused",
        "FATAL:  the database system is starting up",
        "FATAL:  sorry, too many clients already",
        "could not translate host name \"db\" to address: Temporary failure in name resolution",
    ],
)  # fmt: skip
def test_a_database_that_may_come_is_waited_for(monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    def away(*_: object, **__: object) -> None:
        raise database.LOST[0](reason)

    monkeypatch.setattr("models.database.connect", away)

    need_welcome(AWAY)


@contextmanager
def folder_for_servers() -> Iterator[Path]:
    """One that is short (socket paths end at 107 bytes) and that PostgreSQL's user may pass."""
    folder = Path(tempfile.mkdtemp(prefix="mb", dir="/tmp"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def begun(command: str, folder: Path, internal_port: int, **settings: str) -> Iterator[Path]:
    """The command as a process, until the end; its log."""
    log = folder / f"{command}.log"
    told = environment(MUSTER_INTERNAL_PORT=str(internal_port), **settings)
    with log.open("w") as errors:
        process = subprocess.Popen([*COMMAND, command], cwd=ROOT, env=told, stderr=errors)
    try:
        yield log
    finally:
        process.terminate()
        process.wait(WITHIN)


@contextmanager
def migrated(cluster: Postgres, log: Path) -> Iterator[None]:
    """Its server, with our schema, until the end."""
    server = embedded.start(cluster.command(), cluster.account, log)
    try:
        eventually(cluster.is_ready, WITHIN, "PostgreSQL")
        migrations.upgrade(cluster.url(OWNING), SERVING)
        yield
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(WITHIN)


@BOTH
def test_it_begins_before_the_database_and_is_ready_once_that_is_there(command: str) -> None:
    port, public = addresses.free_port(), addresses.free_port()
    with folder_for_servers() as folder, running_valkey(folder) as valkey:
        account = embedded.account_for(folder)
        cluster = Postgres(folder / "pg", account.own(folder / "s"), account, durable=False)
        cluster.make()
        urls = {"MUSTER_DATABASE_URL": cluster.url(), "MUSTER_REDIS_URL": valkey.url()}
        with begun(command, folder, port, MUSTER_PORT=str(public), **urls) as log:
            eventually(lambda: "database_away" in events(log), WITHIN, "a line about the database")
            with migrated(cluster, folder / "postgres.log"):
                eventually(lambda: addresses.status("127.0.0.1", port, "/ready") == 200, WITHIN, "readiness")
        told = events(log)

    if command == "ingress":
        assert told["serving"]["url"] == f"http://127.0.0.1:{public}"
        assert told["serving"]["serves"] == "scim,console"
