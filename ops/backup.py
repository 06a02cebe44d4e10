"""Backup and restore of everything that Muster keeps: PostgreSQL's own pg_dump and pg_restore around one database.

For point-in-time recovery, base backups and write-ahead log are PostgreSQL's business (docs/backup.md).
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from models import database, migrations
from ops import embedded
from ops.account import Unusable

# What is of no use to whoever restores: who was signed in, and counts of the running minutes.
LEFT_OUT = ("operator_session", "traffic")
DEBIAN = "/usr/lib/postgresql/{major}/bin"  # where its packages put each version's programs
_WITH_TLS = ("require", "verify-ca", "verify-full")
# libpq's variables: a password in the arguments would be everybody's to read.
_VARIABLES = {
    "host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD",
    "dbname": "PGDATABASE", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY", "passfile": "PGPASSFILE", "options": "PGOPTIONS",
}  # fmt: skip


class Failed(Exception):
    """Why it could not be done, and what to do."""


@dataclass(frozen=True)
class Report:
    """What was written or read."""

    file: str
    bytes: int
    seconds: float
    revision: str


def backup(owner_url: str, file: Path) -> Report:
    """Write a consistent copy to a file that only its owner may read; a backup that fails leaves none."""
    started = time.perf_counter()
    with database.connect(owner_url, "muster-backup") as connection:
        revision, _ = migrations.current(connection)
        major = connection.info.server_version // 10000
    partial = file.with_name(f".{file.name}.partial")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
    try:
        skipped = [f"--exclude-table-data={table}" for table in LEFT_OUT]
        options = ["--format=custom", "--no-owner", "--no-privileges", *skipped]
        _run(programs("pg_dump", major, owner_url)[0], owner_url, [*options, f"--file={partial}"])
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    return Report(str(file), file.stat().st_size, round(time.perf_counter() - started, 3), revision or "")


def restore(owner_url: str, database_url: str, file: Path) -> Report:
    """Put a backup into a database that holds no list, then bring it to the newest schema.

    What fails leaves the database empty, with the newest schema.
    """
    started = time.perf_counter()
    if not file.is_file():
        raise Failed(f"there is no file {file}: name the one that `muster backup` wrote")
    with database.connect(owner_url, "muster-restore") as connection:
        database.require_version(connection)
        major = connection.info.server_version // 10000
        try:
            row = connection.execute("select count(*) from master_list").fetchone()
        except psycopg.errors.UndefinedTable:
            row = None
    if row and row[0]:
        raise Failed(
            f"this database has {row[0]} lists already: restore into an empty one, such as a new data folder"
            " (`muster up --no-demo --data …`)"
        )
    program = reader(major, owner_url, file)
    options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    try:
        with database.connect(owner_url, "muster-restore") as connection:
            # The backup's schema may be an older one: of a newer one nothing may be left.
            connection.execute(_EMPTY)
        _run(program, owner_url, [*options, f"--dbname={_name(owner_url)}", str(file)])
    finally:
        migrations.upgrade(owner_url, _role(database_url))
    with database.connect(owner_url, "muster-restore") as connection:
        revision, _ = migrations.current(connection)
        connection.execute("analyze")
    return Report(str(file), file.stat().st_size, round(time.perf_counter() - started, 3), revision or "")


# Functions first: one that returns a table's rows goes with the table, and cannot be named any more.
_EMPTY = """
do $$ declare found record; begin
  for found in select format('drop function if exists %s cascade', p.oid::regprocedure) as doing from pg_proc p
      where p.pronamespace = 'public'::regnamespace and p.proname like 'muster\\_%'
    union all select format('drop table if exists %s cascade', c.oid::regclass) from pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    union all select format('drop sequence if exists %s cascade', c.oid::regclass) from pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relkind = 'S'
    union all select format('drop extension if exists %I cascade', e.extname) from pg_extension e
      where e.extnamespace = 'public'::regnamespace and e.extname in ('pg_trgm', 'btree_gin')
  loop execute found.doing; end loop; end $$
"""


def _role(url: str) -> str | None:
    name = conninfo_to_dict(url).get("user")
    return str(name) if name else None


def _name(url: str) -> str:
    return str(conninfo_to_dict(url).get("dbname") or "muster")


def _run(program: str, url: str, options: Sequence[str]) -> None:
    given = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    environment = os.environ | {_VARIABLES[key]: value for key, value in given.items() if key in _VARIABLES}
    done = subprocess.run(
        [program, "--no-password", *options], env=environment, capture_output=True, text=True,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode != 0:
        raise Failed(_reason(program, done))


def _reason(program: str, done: "subprocess.CompletedProcess[str]") -> str:
    return f"{Path(program).name} failed: {done.stderr.strip()[-1000:] or done.returncode}"


def reader(major: int, url: str, file: Path) -> str:
    """The pg_restore that reads this backup: an older one than the pg_dump that wrote it may not."""
    reason = ""
    for program in programs("pg_restore", major, url):
        done = subprocess.run([program, "--list", str(file)], capture_output=True, text=True)
        if done.returncode == 0:
            return program
        reason = _reason(program, done)
    raise Failed(reason)


def programs(name: str, major: int, url: str) -> list[str]:
    """Clients that are no older than the server, the nearest first: what a newer one says, the server may not know."""
    debian = f"{DEBIAN.format(major=major)}/{name}"
    found = {
        candidate: version
        for candidate in filter(None, (shutil.which(name), shutil.which(debian), _embedded(name, url)))
        if (version := _version(candidate)) >= major
    }
    if not found:
        package = f"postgresql-client-{major}"
        raise Failed(f"{name} of PostgreSQL {major} or newer is not here: install the package {package}")
    return sorted(found, key=lambda candidate: found[candidate])


def _version(program: str) -> int:
    told = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    version = re.search(r"(\d+)", told)
    return int(version[1]) if version else 0


def _embedded(name: str, url: str) -> str | None:
    if conninfo_to_dict(url).get("sslmode") in _WITH_TLS:
        return None  # it is built without
    try:
        return str(embedded.postgres_program(name))
    except Unusable:
        return None
