"""Schema migrations: Alembic, run as the role that owns the tables.

They run beside traffic. Whoever waits for a table's lock has everybody else wait behind it, so that a revision gives up
after a second (`lock_timeout`, its first statement), lets traffic pass, and is tried again.
"""

from collections.abc import Callable
from pathlib import Path

import psycopg
import structlog
import tenacity
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from models import database
from models.errors import Unavailable
from models.migrations import roles

# One upgrade at a time, however many processes start at once.
UPGRADE_LOCK = 7_310_201
PATIENCE = 120.0  # seconds in which revisions are tried again
PAUSE = 5.0  # seconds between two tries, at most
_MET = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
HELD = (
    "a transaction that has been open for long holds a table that is to be changed: end it (select pid, xact_start,"
    " application_name from pg_stat_activity order by xact_start), then migrate again; what was done is kept, and"
    " nothing is half done"
)
_log = structlog.get_logger()


class Held(Unavailable):
    """Somebody held a table for longer than we tried."""


def config(owner_url: str) -> Config:
    """Alembic's configuration for the database at `owner_url` (a libpq URL)."""
    alembic = Config()
    alembic.set_main_option("script_location", str(Path(__file__).parent))
    alembic.attributes["url"] = owner_url
    return alembic


def upgrade(owner_url: str, app_role: str | None = None) -> None:
    """Bring the schema to the newest revision and let `app_role` serve from it, or the roles of each kind of process.
    TooOld where the server is, Held where somebody has a table."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        database.require_version(connection)
        connection.execute("select pg_advisory_lock(%s)", (UPGRADE_LOCK,))
        _patiently(lambda: command.upgrade(config(owner_url), "head"))
        with connection.transaction():  # nobody ever sees what is granted with all tables and taken back
            apart = roles.grant_apart(connection)
            if app_role and app_role not in apart:
                roles.grant(connection, app_role)


def _patiently(change: Callable[[], None]) -> None:
    """Try until nobody is in the way."""
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_delay(PATIENCE),
        wait=tenacity.wait_random_exponential(multiplier=0.5, max=PAUSE),
        retry=tenacity.retry_if_exception(_was_met),
        before_sleep=lambda state: _log.warning("migration_waits", tries=state.attempt_number),
        sleep=_pause,
        reraise=True,
    )
    try:
        retrying(change)
    except DBAPIError as error:
        if not _was_met(error):
            raise
        raise Held(HELD) from error


def _pause(seconds: float) -> None:
    tenacity.nap.sleep(seconds)


def _was_met(error: BaseException) -> bool:
    return isinstance(error, DBAPIError) and isinstance(error.orig, _MET)


def current(connection: psycopg.Connection[tuple[object, ...]]) -> tuple[str | None, str]:
    """The database's revision and the newest one."""
    newest = ScriptDirectory(str(Path(__file__).parent)).get_current_head()
    row = connection.execute("select version_num from alembic_version").fetchone()
    return (str(row[0]) if row else None, newest or "")
