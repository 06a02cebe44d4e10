"""Lanes that are rung and rung and do not move: what the sweep remembers of them, in Postgres."""

from typing import NamedTuple

from models import journal
from models.database import Cursor
from models.journal import Lane

RINGS_BEFORE_SINGLE = 3
SINGLES_BEFORE_ASIDE = 2


class Stuck(NamedTuple):
    """A lane with rows that are late, how often its oldest was rung for, and tried alone."""

    lane: Lane
    oldest_seq: int
    rings: int
    attempts: int

    @property
    def single(self) -> bool:
        """Whether only the sweep may take this lane, one row at a time."""
        return self.rings > RINGS_BEFORE_SINGLE

    @property
    def hopeless(self) -> bool:
        """Whether its oldest row has killed or hung both attempts at it alone."""
        return self.attempts >= SINGLES_BEFORE_ASIDE


def note_late_lanes(cursor: Cursor, older_seconds: float) -> list[Stuck]:
    """Count one more ring for every lane whose oldest row is older than this, and forget the others."""
    cursor.execute(
        "with late as (select list_id, lane, oldest_seq from muster_lanes(make_interval(secs => %s)))"
        ", well as (delete from lane_trouble t where not exists (select from late l"
        " where l.list_id = t.list_id and l.lane = t.lane))"
        " insert into lane_trouble as t (list_id, lane, oldest_seq, rings, single, rung_at)"
        " select list_id, lane, oldest_seq, 1, false, clock_timestamp() from late order by list_id, lane"
        " on conflict (list_id, lane) do update set oldest_seq = excluded.oldest_seq,"
        " rings = case when t.oldest_seq = excluded.oldest_seq then t.rings + 1 else 1 end,"
        " attempts = case when t.oldest_seq = excluded.oldest_seq then t.attempts else 0 end,"
        " single = t.oldest_seq = excluded.oldest_seq and t.rings >= %s, rung_at = excluded.rung_at"
        # Every worker process sweeps; a lane is counted once a second all the same.
        " where t.rung_at < excluded.rung_at - interval '0.9 seconds'"
        " returning list_id, lane, oldest_seq, rings, attempts",
        (older_seconds, RINGS_BEFORE_SINGLE),
    )
    return [Stuck(Lane(row[0], row[1]), *row[2:]) for row in cursor.fetchall()]


def note_attempt(cursor: Cursor, lane: Lane) -> bool:
    """Count an attempt at a lane alone before it is made; False while another drain holds the lane.

    Written first, because the attempt may kill its process; what ends in any other way than that,
    or than hanging, takes it back with `forgive`.
    """
    if not journal.lock(cursor, [lane]):
        return False
    cursor.execute("update lane_trouble set attempts = attempts + 1 where list_id = %s and lane = %s", lane)
    return True


def forgive(cursor: Cursor, lane: Lane) -> None:
    """Take the attempt back: it ended, and the row is not to blame."""
    cursor.execute("update lane_trouble set attempts = attempts - 1 where list_id = %s and lane = %s", lane)
