"""Scheduled runs: whose time has come, and beginning them."""

from datetime import UTC, datetime

from models import connection as connections
from models.database import Cursor
from models.directory import runs, syncs
from models.errors import Refused
from models.organisation import DIRECTORY

BY = "schedule"


def due(cursor: Cursor) -> list[str]:
    """The lists whose time has come, of any organisation."""
    cursor.execute("select * from muster_due_syncs()")
    return [row[0] for row in cursor.fetchall()]


def begin(cursor: Cursor, list_id: str) -> str | None:
    """Begin the scheduled run of a list, and set the time of the next one: after now, so that missed ones are one.

    None where nothing is begun: a run is at work, or the plan does not include it (any more): the list's page says so.
    """
    sync = syncs.of_list(cursor, list_id, lock=True)
    if sync is None or sync.next_at is None or sync.next_at > datetime.now(UTC):
        return None
    next_at = sync.schedule.next_after(datetime.now(UTC), list_id)
    cursor.execute("update directory_sync set next_at = %s where list_id = %s", (next_at, list_id))
    try:
        connections.check_connected(cursor, list_id, DIRECTORY)
    except Refused:
        return None
    return runs.begin(cursor, list_id, BY)
