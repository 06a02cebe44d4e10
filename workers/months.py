"""Makes the log's months before they are needed, and drops those that no list keeps any more."""

import time
from collections.abc import Callable

import structlog
from psycopg import errors

from models import database, log_retention, provisioning_log
from models.database import Connection, Cursor

EVERY = 3_600.0  # seconds
AGAIN = 60.0  # where somebody reads the log for long: months are made two ahead, so there is time

_log = structlog.get_logger()


class Months:
    """Looked after once an hour; what finds the log in use gives up at once, and is tried again in a minute."""

    def __init__(self) -> None:
        self._at = -EVERY

    def some(self, connection: Connection) -> None:
        """Look after them if it is time."""
        if time.monotonic() < self._at:
            return
        kept = [
            _attempt(connection, step) for step in (provisioning_log.ensure_partitions, log_retention.drop_empty_months)
        ]
        self._at = time.monotonic() + (EVERY if all(kept) else AGAIN)


def _attempt(connection: Connection, step: Callable[[Cursor], None]) -> bool:
    try:
        with database.transaction(connection) as cursor:
            step(cursor)
    except (errors.LockNotAvailable, errors.QueryCanceled) as error:
        _log.warning("log_months_wait", error=str(error).partition("\n")[0], again_in_seconds=AGAIN)
        return False
    return True
