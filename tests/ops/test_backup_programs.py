"""Which pg_dump and pg_restore are used: the server's own major version, else a newer one that does."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from ops import backup, embedded
from ops.cli import main
from ops.embedded import postgres_program

PROGRAMS = ("pg_dump", "pg_restore")
NEW = "postgresql://muster_owner@/muster?sslmode=prefer"


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that alone is on the PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(backup, "DEBIAN", str(tmp_path / "{major}"))
    return tmp_path


def install(folder: Path, major: int, reads: str = "0") -> None:
    """Programs of a version; `reads` is what pg_restore --list exits with."""
    folder.mkdir(exist_ok=True)
    for name in PROGRAMS:
        version, other = f'echo "{name} (PostgreSQL) {major}.2"', f'echo "of {major}" >&2; exit {reads}'
        script = f"case $1 in --version) {version};; *) {other};; esac"
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_servers_own_version_is_preferred_to_the_embedded_newer_one(on_path: Path, name: str) -> None:
    install(on_path, 17)

    assert backup.programs(name, 17, NEW) == [str(on_path / name), str(postgres_program(name))]
    assert backup.programs(name, 18, NEW) == [str(postgres_program(name))]


def test_one_of_the_servers_version_is_found_where_debian_puts_it(on_path: Path) -> None:
    install(on_path, 15)
    install(on_path / "17", 17)

    assert backup.programs("pg_dump", 17, NEW)[0] == str(on_path / "17" / "pg_dump")


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_the_embedded_programs_which_know_no_tls_are_not_used_where_it_is_asked_for(on_path: Path, mode: str) -> None:
    install(on_path, 18)

    assert backup.programs("pg_dump", 17, f"{NEW}&sslmode={mode}") == [str(on_path / "pg_dump")]


def test_without_one_that_is_new_enough_the_package_is_named(on_path: Path) -> None:
    install(on_path, 17)

    with pytest.raises(backup.Failed, match="pg_dump of PostgreSQL 99 or newer is not here: .*postgresql-client-99"):
        backup.programs("pg_dump", 99, NEW)


def test_a_backup_is_read_by_a_newer_program_where_the_servers_own_cannot(
    on_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(on_path, 17, reads="1")
    install(on_path / "new", 18)
    monkeypatch.setattr(embedded, "postgres_program", lambda name: on_path / "new" / name)
    (on_path / "dump").touch()

    assert backup.reader(17, NEW, on_path / "dump") == str(on_path / "new" / "pg_restore")


def test_what_none_of_them_reads_is_refused_in_the_newest_ones_words(on_path: Path) -> None:
    install(on_path, 19, reads="1")
    (on_path / "dump").touch()

    with pytest.raises(backup.Failed, match="pg_restore failed: of 19"):
        backup.reader(19, NEW, on_path / "dump")


def test_a_file_that_is_there_is_kept_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner_url: str
) -> None:
    monkeypatch.setenv("MUSTER_DATABASE_URL", owner_url)
    (tmp_path / "muster.dump").write_text("the only one")

    refused = CliRunner().invoke(main, ["backup", str(tmp_path / "muster.dump")])
    kept = (tmp_path / "muster.dump").read_text()
    forced = CliRunner().invoke(main, ["backup", "--force", str(tmp_path / "muster.dump")])

    assert (refused.exit_code, kept) == (2, "the only one")
    assert "muster.dump is there already: choose another name, or replace it with --force" in refused.stderr
    assert forced.exit_code == 0, forced.output
    assert (tmp_path / "muster.dump").read_bytes().startswith(b"PGDMP")
