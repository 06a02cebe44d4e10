"""How long a list keeps its log (product rule L3), and what the sweep takes away afterwards."""

from models.database import Cursor
from models.errors import Refused

CHOICES = (30, 90, 180, 365)  # days
SLICE = 5_000  # entries a transaction: its locks are held for tens of milliseconds


def days(cursor: Cursor, list_id: str) -> int:
    """For how many days a list keeps its log."""
    cursor.execute("select log_days from master_list where id = %s", (list_id,))
    row = cursor.fetchone()
    return int(row[0]) if row else 0


def keep(cursor: Cursor, list_id: str, wanted: int) -> None:
    """Have a list keep its log for so many days."""
    if wanted not in CHOICES:
        raise Refused(f"the log is kept for {', '.join(map(str, CHOICES[:-1]))} or {CHOICES[-1]} days: choose one")
    cursor.execute("update master_list set log_days = %s where id = %s", (wanted, list_id))


def overdue(cursor: Cursor) -> list[str]:
    """Lists, of any organisation, with entries that are older than they are kept."""
    cursor.execute("select list_id from muster_log_overdue()")
    return [row[0] for row in cursor.fetchall()]


def purge(cursor: Cursor, list_id: str) -> bool:
    """Delete one slice of a list's oldest entries; whether there may be more.

    What waits, for an operation or for an operator, is not over; nor is what was set aside and can be retried.
    """
    cursor.execute(
        "delete from log_entry where (list_id, at, id) in (select e.list_id, e.at, e.id from log_entry e"
        " where e.list_id = %(list)s and e.at < now() - make_interval(days =>"
        " (select log_days from master_list where id = %(list)s)) and not e.waits and e.result <> 'waiting'"
        " and not exists (select from set_aside s where s.list_id = e.list_id and s.seq = e.id)"
        " order by e.at, e.id limit %(most)s)",
        {"list": list_id, "most": SLICE},
    )
    return cursor.rowcount == SLICE


def drop_empty_months(cursor: Cursor) -> None:
    """Drop the partitions of months that no list keeps any more.

    Raises LockNotAvailable where the log is in use for longer than 100 ms: nothing is dropped then.
    """
    cursor.execute("select muster_log_drop_empty()")
