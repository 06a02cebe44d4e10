"""The file that makes the database and the roles: what it refuses."""

import subprocess
from pathlib import Path

from models.database import LEAST_VERSION, connect
from ops.embedded import Postgres, postgres_program
from tests.ops.dockerfile import ROOT

TEXT = (ROOT / "ops" / "postgres" / "roles.sql").read_text()


def test_a_server_that_is_too_old_gets_neither_roles_nor_database(postgres: Postgres, tmp_path: Path) -> None:
    least = f"< {LEAST_VERSION}0000"
    assert TEXT.count(least) == 1
    # As another server would see it, and other roles than those that this one has.
    (tmp_path / "roles.sql").write_text(TEXT.replace(least, "< 990000").replace("muster_", "stranger_"))
    psql = [str(postgres_program("psql")), "-h", str(postgres.sockets), "-U", "postgres", "-d", "postgres"]

    done = subprocess.run(
        [*psql, "--no-psqlrc", "-f", str(tmp_path / "roles.sql")],
        env={"OWNER_PASSWORD": "a", "APP_PASSWORD": "b"}, capture_output=True, text=True,
    )  # fmt: skip

    with connect(postgres.url("postgres")) as superuser:
        made = superuser.execute("select rolname from pg_roles where rolname like 'stranger%'").fetchall()
    assert (done.returncode, made) == (3, [])
    assert f"Muster needs PostgreSQL {LEAST_VERSION} or newer, and this server is PostgreSQL" in done.stderr


def test_another_database_is_made_as_the_first_was() -> None:
    first, last = TEXT.index("create database"), TEXT.index("-- So that it sees")
    page = (ROOT / "docs" / "backup.md").read_text()

    assert TEXT[first:last].replace("database muster ", "database restored ") in page
