"""Which lists wait for workers, and whose sessions they wait for."""

from collections.abc import Iterable
from typing import NamedTuple

from models.database import Cursor, lock_key
from models.journal import LANES

MOST = 10  # lists that are told, the longest waiting first


class Late(NamedTuple):
    """A list with operations that are not applied yet; at most 10,000 are counted."""

    list_id: str
    name: str
    pending: int
    oldest_seconds: float


class Blocker(NamedTuple):
    """A session that workers wait for; what the serving role may not see of it is None."""

    pid: int
    user: str | None
    application: str | None
    state: str | None
    open_seconds: float | None  # how long its transaction is open


# From each drain that waits for a lock to those whom nobody blocks in turn; then by the lanes that the drain holds.
_BLOCKERS = """
with recursive waiting as (
  select distinct a.pid from pg_locks l join pg_stat_activity a on a.pid = l.pid
  where not l.granted and a.datname = current_database() and a.application_name in ('muster-drain', 'muster-sweep')),
chain (drain, pid) as (
  select pid, pid from waiting
  union select c.drain, b.pid from chain c cross join lateral unnest(pg_blocking_pids(c.pid)) b (pid)),
lane as (
  select l.pid, (l.classid::int8 << 32) | l.objid::int8 as key from pg_locks l
  where l.locktype = 'advisory' and l.objsubid = 1 and l.granted and l.pid in (select pid from waiting))
select distinct asked.list_id, c.pid, a.usename, nullif(a.application_name, ''), a.state,
  round(extract(epoch from clock_timestamp() - coalesce(a.xact_start, a.state_change)), 3)::float8
from unnest(%b::text[], %b::int8[]) asked (list_id, key) join lane using (key)
join chain c on c.drain = lane.pid and c.pid <> c.drain left join pg_stat_activity a on a.pid = c.pid
where cardinality(pg_blocking_pids(c.pid)) = 0 order by c.pid
"""


def lists(cursor: Cursor, most: int = MOST) -> list[Late]:
    """The lists that have waited the longest, over all organisations."""
    cursor.execute("select list_id, coalesce(name, ''), pending, oldest from muster_backlog_lists(%s)", (most,))
    return [Late(row[0], row[1], row[2], max(0.0, row[3])) for row in cursor.fetchall()]


def blockers(cursor: Cursor, list_ids: Iterable[str]) -> dict[str, list[Blocker]]:
    """Who blocks drains of these lists at this moment. A drain waits for a second at most, then again after a while:
    one look may find nobody."""
    keys = [(list_id, lock_key("lane", list_id, number)) for list_id in list_ids for number in range(LANES)]
    cursor.execute(_BLOCKERS, ([list_id for list_id, _ in keys], [key for _, key in keys]))
    found: dict[str, list[Blocker]] = {}
    for list_id, *told in cursor.fetchall():
        found.setdefault(list_id, []).append(Blocker(*told))
    return found


def worker_processes(cursor: Cursor) -> int:
    """How many live: the sweep of each has a connection, also of one that has had nothing to drain yet."""
    cursor.execute(
        "select count(*) filter (where application_name = 'muster-sweep'), count(*) from pg_stat_activity"
        " where datname = current_database() and application_name in ('muster-sweep', 'muster-drain')"
    )
    row = cursor.fetchone()
    assert row
    # A sweep that has failed connects again within a second.
    return int(row[0] or min(1, row[1]))
