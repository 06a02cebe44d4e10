"""One database server for the whole run, emptied after each test that asks for it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from models import database, migrations
from ops import embedded
from ops.embedded import OWNING, SERVING, Postgres

START_WITHIN = 20  # seconds
SWEPT_UP_TO = 256 * 1024  # bytes of a table, its dead rows included; a larger one begins anew
LONGEST_NAME = 20  # characters of a parameter that is its own name
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


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Long texts are numbered: a secret that was made for the occasion would have another name in each process."""
    return argname if isinstance(val, str | bytes) and len(val) > LONGEST_NAME else None


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


class Serving(psycopg.Connection[tuple[Any, ...]]):
    """A connection of the serving role. A lone query of a test's own about rows, which names no lists, is executed as
    the owner, for whom there is no row-level security; whatever Muster's code executes is subject to it."""

    owner: database.Connection

    def execute(self, query: Any, params: Any = None, **options: Any) -> "psycopg.Cursor[tuple[Any, ...]]":
        by_a_test = sys._getframe(1).f_globals["__name__"].startswith("tests.")
        lone = self.info.transaction_status == TransactionStatus.IDLE
        if by_a_test and lone and _about_rows(str(query)):
            return self.owner.execute(query, params, **options)
        return super().execute(query, params, **options)


def _about_rows(query: str) -> bool:
    """Whether it is none about the connection, the roles or the server itself."""
    return query.lstrip().startswith(("select", "insert", "update", "delete", "with")) and "pg_" not in query


@pytest.fixture
def connection(postgres: Postgres, database_url: str, owner_url: str) -> Iterator[database.Connection]:
    """A connection as the serving role; everything that a test committed is deleted after it."""
    with (
        database.connect(database_url, "test", kind=Serving) as serving,
        database.connect(owner_url, "test owner") as owner,
    ):
        assert isinstance(serving, Serving)
        serving.owner = owner
        yield serving
    _empty(postgres.url("postgres"))


def _empty(url: str) -> None:
    """As the superuser: without row-level security, and with triggers and foreign keys silenced in any order."""
    with psycopg.connect(url, autocommit=True) as superuser, superuser.transaction():
        rows = superuser.execute(
            "select quote_ident(relname), pg_relation_size(oid) from pg_class where relkind = 'r'"
            " and relnamespace = 'public'::regnamespace and relname <> 'alembic_version' and pg_relation_size(oid) > 0"
        ).fetchall()
        superuser.execute("set local session_replication_role = replica")
        if max((size for _, size in rows), default=0) > SWEPT_UP_TO:
            superuser.execute(f"truncate {', '.join(name for name, _ in rows)} cascade".encode())
        else:
            # A file emptied by TRUNCATE is a new one, and so is each of its indexes': ten times the work of a few rows.
            superuser.execute("; ".join(f"delete from {name}" for name, _ in rows).encode())
