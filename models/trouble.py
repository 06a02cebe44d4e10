"""Lanes that are rung and rung and do not move: what the sweep remembers of them, in Postgres."""

from typing import NamedTuple

from models import journal
from models.database import Cursor
from models.journal import Lane

RINGS_BEFORE_SINGLE = 3
# Of a worker that is killed, or a connection that breaks, nobody can say whether the row was to blame. While whole
# components fall it happened twice to an innocent one; three times one after the other is the row.
SINGLES_BEFORE_ASIDE = 3
# Lanes that one pass rings again: with 1,000,000 late ones it took 8.5 s, more than a statement may.
MOST_LATE = 10_000
# Lanes that may be taken for stuck. In a long queue most do not move because nobody has come to them yet: taken alone,
# one row at a time, they slowed 3,300 rows a second down to 120. What is stuck grows old, and comes among these.
MOST_DOUBTED = 64


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
        """Whether its oldest row has killed or hung every attempt at it alone."""
        return self.attempts >= SINGLES_BEFORE_ASIDE


def note_late_lanes(cursor: Cursor, older_seconds: float) -> list[Stuck]:
    """Count one more ring for the lanes whose oldest rows are the oldest of all, and older than this; forget those
    that are not late any more. Returns late lanes, the oldest first."""
    cursor.execute(
        "select * from muster_note_late_lanes(make_interval(secs => %s), %s, %s, %s)",
        (older_seconds, MOST_LATE, MOST_DOUBTED, RINGS_BEFORE_SINGLE),
    )
    found = [Stuck(Lane(row[0], row[1]), *row[2:]) for row in cursor.fetchall()]
    return sorted(found, key=lambda stuck: stuck.oldest_seq)


def note_attempt(cursor: Cursor, lane: Lane) -> bool:
    """Count an attempt at a lane alone before it is made; False while another drain holds the lane.

    Written first, because the attempt may kill its process; what ends in any other way than that, than hanging or than
    by a broken connection, takes it back with `forgive`.
    """
    if not journal.lock(cursor, [lane]):
        return False
    cursor.execute("update lane_trouble set attempts = attempts + 1 where list_id = %s and lane = %s", lane)
    return True


def forgive(cursor: Cursor, lane: Lane) -> None:
    """Take the attempt back: it ended, and the row is not to blame."""
    cursor.execute(
        "update lane_trouble set attempts = attempts - 1 where list_id = %s and lane = %s and attempts > 0", lane
    )
