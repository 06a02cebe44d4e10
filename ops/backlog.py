"""What waits, list by list, and who blocks it: for `muster backlog` and `muster doctor`."""

import time

from models import blocked, database
from models.blocked import Blocker, Late
from models.database import Connection

LATE_SECONDS = 2.0  # younger ones are on their way
LOOK_FOR, LOOK_EVERY = 2.5, 0.1  # seconds; the sweep tries a lane that is stuck once a second, and waits for a second

Seen = list[tuple[Late, list[Blocker]]]


def by_list(connection: Connection) -> Seen:
    """The lists that have waited the longest, and who blocks those that are late.

    Drains wait in turns, so that it is looked again and again until each late list is explained, or time is up.
    """
    with database.transaction(connection) as cursor:
        waiting = blocked.lists(cursor)
        workers = blocked.worker_processes(cursor)
    late = {one.list_id for one in waiting if one.oldest_seconds > LATE_SECONDS}
    found: dict[str, list[Blocker]] = {}
    ends = time.monotonic() + LOOK_FOR
    while workers and late - found.keys():
        with database.transaction(connection) as cursor:
            found |= blocked.blockers(cursor, late - found.keys())
        if time.monotonic() > ends:
            break
        time.sleep(LOOK_EVERY)
    return [(one, found.get(one.list_id, [])) for one in waiting]


def who(one: Blocker) -> str:
    """A blocker in words."""
    if one.user is None and one.application is None:
        return f"pid {one.pid}" if one.pid else "a prepared transaction"
    told = f"pid {one.pid}: {one.application or 'no name'} of {one.user}"
    if one.state is None:
        return f"{told}, which pg_read_all_stats would tell more of"
    return f"{told}, {one.state}, open for {one.open_seconds or 0:.0f} s"
