"""Schema migrations: Alembic, run as the role that owns the tables."""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql

from models import database

# One upgrade at a time, however many processes start at once.
UPGRADE_LOCK = 7_310_201


def config(owner_url: str) -> Config:
    """Alembic's configuration for the database at `owner_url` (a libpq URL)."""
    alembic = Config()
    alembic.set_main_option("script_location", str(Path(__file__).parent))
    alembic.attributes["url"] = owner_url
    return alembic


def upgrade(owner_url: str, app_role: str | None = None) -> None:
    """Bring the schema to the newest revision and let `app_role` serve from it. TooOld where the server is."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        database.require_version(connection)
        connection.execute("select pg_advisory_lock(%s)", (UPGRADE_LOCK,))
        command.upgrade(config(owner_url), "head")
        if app_role:
            _grant(connection, app_role)


def current(connection: psycopg.Connection[tuple[object, ...]]) -> tuple[str | None, str]:
    """The database's revision and the newest one."""
    newest = ScriptDirectory(str(Path(__file__).parent)).get_current_head()
    row = connection.execute("select version_num from alembic_version").fetchone()
    return (str(row[0]) if row else None, newest or "")


def _grant(connection: psycopg.Connection[tuple[object, ...]], role: str) -> None:
    name = sql.Identifier(role)
    for statement in (
        "grant usage on schema public to {}",
        "grant select, insert, update, delete on all tables in schema public to {}",
        "grant usage, select on all sequences in schema public to {}",
        "grant execute on all functions in schema public to {}",
        # VACUUM of the journal by the sweep, ANALYZE of rows that were staged by the thousand.
        "grant maintain on journal, import_row to {}",
    ):
        connection.execute(sql.SQL(statement).format(name))
