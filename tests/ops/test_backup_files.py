"""The dump that Compose and Kubernetes make: by the same script, on servers that are made as Compose makes them."""

import os
import subprocess
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from models import database, master_list, migrations, organisation
from ops.backup import LEFT_OUT
from ops.embedded import SERVING, postgres_program
from tests.ops.dockerfile import ROOT
from tests.ops.neighbours import neighbours
from tests.ops.yamls import services

SCRIPT = ROOT / "ops" / "postgres" / "backup.sh"
LONG_AGO = 1_000_000_000


def run(words: list[str], owner_url: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """A command of the container with its variables, on a database of a test's own."""
    parts = {key: str(value) for key, value in conninfo_to_dict(owner_url).items()}
    told = services()["backup"]["environment"] | {
        "PATH": f"{postgres_program('pg_dump').parent}:/usr/bin:/bin",
        "PGHOST": parts["host"], "PGPORT": parts["port"], "PGPASSWORD": parts["password"],
    }  # fmt: skip
    return subprocess.run(words, env=told | variables, capture_output=True, text=True, timeout=60)


def test_a_dump_is_made_and_brings_the_lists_back_into_an_empty_database(tmp_path: Path) -> None:
    for name in ("muster-old.dump", "muster-cut-off.dump.partial", "notes.txt"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (LONG_AGO, LONG_AGO))
    with neighbours() as urls:
        migrations.upgrade(urls.owner_url, SERVING)
        with database.connect(urls.database_url) as serving, database.transaction(serving) as cursor:
            master_list.create(cursor, organisation.ensure(cursor, "North", "business"), "Staff")
        done = run(["sh", str(SCRIPT)], urls.owner_url, BACKUPS=str(tmp_path))
    [dump] = tmp_path.glob("*.dump")

    assert done.returncode == 0, done.stderr
    assert {each.name for each in tmp_path.iterdir()} == {dump.name, "notes.txt"}
    assert dump.stat().st_mode & 0o077 == 0

    # As docs/backup.md has it.
    options = "--single-transaction --exit-on-error --no-owner --no-privileges --dbname=muster"
    with neighbours() as urls:
        restored = run(["pg_restore", *options.split(), str(dump)], urls.owner_url)
        assert restored.returncode == 0, restored.stderr
        migrations.upgrade(urls.owner_url, SERVING)
        with database.connect(urls.database_url) as serving, database.transaction(serving) as cursor:
            assert [name for _, name in master_list.names(cursor)] == ["Staff"]
    assert options in (ROOT / "docs" / "backup.md").read_text()


def test_a_dump_that_fails_leaves_no_file_and_says_so(tmp_path: Path) -> None:
    done = run(["sh", str(SCRIPT)], "postgresql://x:y@127.0.0.1:1/muster", BACKUPS=str(tmp_path))

    assert done.returncode != 0
    assert "connection" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("table", LEFT_OUT)
def test_the_script_leaves_out_what_muster_backup_leaves_out(table: str) -> None:
    assert SCRIPT.read_text().count("--exclude-table-data") == len(LEFT_OUT)
    assert f"--exclude-table-data={table}" in SCRIPT.read_text()
