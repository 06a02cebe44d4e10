"""One database server for the whole run, emptied after each test that asks for it."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from models import database, migrations
from ops import embedded
from ops.embedded import OWNING, SERVING, Postgres

START_WITHIN = 20  # seconds
ABSENT = "needs the system package of "
REFUSED = "the machine refuses "


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose system programs are missing; on CI, where they are installed first, fail it."""
    for marker in item.iter_markers("needs"):
        missing = [str(program) for program in marker.args if shutil.which(str(program)) is None]
        if missing and os.environ.get("CI") == "true":
            pytest.fail(f"{ABSENT}{', '.join(missing)}, and CI must have installed it")
        if missing:
            pytest.skip(f"{ABSENT}{', '.join(missing)}")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The closing lines: which tests did not run because of the machine."""
    for reason, because in ((ABSENT, "a system package is absent"), (REFUSED, "the machine refuses something")):
        skipped = [
            f"{report.nodeid} ({report.longrepr[2].partition(reason)[2]})"
            for report in terminalreporter.stats.get("skipped", [])
            if isinstance(report.longrepr, tuple) and reason in report.longrepr[2]
        ]
        if skipped:
            terminalreporter.write_line(f"Skipped, {because}: {'; '.join(skipped)}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """An embedded PostgreSQL that forgets a power cut, with roles and migrations applied."""
    folder = Path(tempfile.mkdtemp(prefix="mt", dir="/tmp"))  # short: socket paths end at 107 bytes
    folder.chmod(0o711)  # as root, PostgreSQL runs as another user
    account = embedded.account_for(folder)
    cluster = Postgres(folder / "pg", account.own(folder / "s"), account, durable=False)
    cluster.make()
    server = embedded.start(cluster.command(), account, folder / "postgres.log")
    try:
        _wait(cluster, server, folder / "postgres.log")
        migrations.upgrade(cluster.url(OWNING), SERVING)
        yield cluster
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(START_WITHIN)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(cluster: Postgres, server: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + START_WITHIN
    while not cluster.is_ready():
        if server.poll() is not None or time.monotonic() > end:
            raise AssertionError(f"PostgreSQL did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.02)


@pytest.fixture(scope="session")
def database_url(postgres: Postgres) -> str:
    """The database as the role that serves."""
    return postgres.url(SERVING)


@pytest.fixture(scope="session")
def owner_url(postgres: Postgres) -> str:
    """The database as the role that owns the tables."""
    return postgres.url(OWNING)


@pytest.fixture
def connection(database_url: str, owner_url: str) -> Iterator[database.Connection]:
    """A connection as the serving role; everything that a test committed is deleted after it."""
    with database.connect(database_url, "test") as serving:
        yield serving
    _empty(owner_url)


def _empty(owner_url: str) -> None:
    with psycopg.connect(owner_url, autocommit=True) as owner, owner.transaction():
        # Without row-level security (FORCE binds the owner too) and in any order.
        rows = owner.execute(
            "select tablename from pg_tables t join pg_class c on c.relname = t.tablename and c.relkind in ('r', 'p')"
            " where schemaname = 'public' and not c.relispartition and tablename <> 'alembic_version'"
        )
        names = ", ".join(f'"{name}"' for (name,) in rows)
        if names:
            owner.execute(f"truncate {names}")
