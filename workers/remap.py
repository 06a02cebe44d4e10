"""Map a list's people again after its mappings changed: in the background, in slices, lane by lane (product rule M4).

Only mapped fields change, by the same merge as in drains; activity, UIDs and holders stay, and the log is not
written. A worker that is killed loses nothing: its page is begun again, and what is mapped does not differ any more.
"""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace

import structlog
from psycopg import errors

from models import connection as connections
from models import database, journal, person, remapping
from models import job as jobs
from models.connection import Roster
from models.database import Connection, Cursor
from models.job import Job
from models.journal import Lane
from models.mapping import Value
from models.resource import Document

SECONDS = 1.0  # a run's share: then it gives its place back (I9)
BUSY = (errors.LockNotAvailable, *database.CLASHES)

_log = structlog.get_logger()


class Overtaken(Exception):
    """Newer mappings were saved, the list was disconnected, or another worker has the job."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` people, `changed` of them; a page began after the id `after`, with `passed` people done."""

    version: int
    total: int
    done: int = 0
    changed: int = 0
    after: str | None = None
    passed: int = 0


@dataclass(slots=True)
class Run:
    """One worker at a job, for its share of time."""

    connection: Connection
    rosters: dict[str, Roster]
    ring: Callable[[Iterable[Lane]], object]
    job: Job
    progress: Progress

    def transaction(self) -> AbstractContextManager[Cursor]:
        """A transaction for the list."""
        return database.transaction(self.connection, [self.job.list_id])

    def beat(self, cursor: Cursor, progress: Progress) -> None:
        """Keep the progress that this transaction makes."""
        if not jobs.beat(cursor, self.job, asdict(progress)):
            raise Overtaken


def remap(
    connection: Connection,
    list_id: str,
    job_id: str,
    rosters: dict[str, Roster],
    ring: Callable[[Iterable[Lane]], object],
    seconds: float = SECONDS,
) -> bool:
    """Work at a job for so long; True when it has more to do. `ring` announces lanes that have rows."""
    with database.transaction(connection, [list_id]) as cursor:
        job = jobs.claim(cursor, list_id, job_id)
    if job is None:
        return False
    progress = Progress(**job.progress)
    run = Run(connection, rosters, ring, job, replace(progress, done=progress.passed))
    ends = time.monotonic() + seconds
    try:
        while _page(run, ends):
            if time.monotonic() > ends:
                with run.transaction() as cursor:
                    jobs.release(cursor, job)
                return True
    except Overtaken:
        with run.transaction() as cursor:
            jobs.finish(cursor, job, jobs.ENDED)
    return False


def _page(run: Run, ends: float) -> bool:
    """Map the next people, a transaction for each lane; False when there were none."""
    list_id = run.job.list_id
    with run.transaction() as cursor:
        ids = remapping.page(cursor, list_id, run.progress.after)
        if not ids:
            jobs.finish(cursor, run.job, jobs.DONE)
            return False
    waiting = deque(_by_lane(list_id, ids))
    while waiting:
        lane, members = waiting.popleft()
        try:
            _slice(run, lane, members)
        except BUSY:
            # A drain or an operator has them. It was waited for, as long as locks are.
            if time.monotonic() > ends:
                return True
            waiting.append((lane, members))
    run.progress = replace(run.progress, after=ids[-1], passed=run.progress.done)
    with run.transaction() as cursor:
        run.beat(cursor, run.progress)
    return True


def _by_lane(list_id: str, ids: Iterable[str]) -> list[tuple[Lane, list[str]]]:
    lanes: dict[Lane, list[str]] = defaultdict(list)
    for one in ids:
        lanes[journal.lane_of(list_id, one)].append(one)
    return sorted(lanes.items())


def _slice(run: Run, lane: Lane, ids: list[str]) -> None:
    present = run.progress
    with run.transaction() as cursor:
        remapping.lock(cursor, lane)
        roster = connections.rosters(cursor, [lane.list_id], run.rosters).get(lane.list_id)
        if roster is None or roster.version[0] != present.version:
            raise Overtaken
        changed = _map(cursor, roster, remapping.documents(cursor, lane, ids))
        progress = replace(present, done=present.done + len(ids), changed=present.changed + changed)
        run.beat(cursor, progress)
    run.progress = progress
    with run.transaction() as cursor:
        # After the COMMIT gave the lane back: rows that came while it was held rang in vain.
        left = journal.left(cursor, [lane])
    run.ring(left)


def _map(cursor: Cursor, roster: Roster, documents: dict[str, Document]) -> int:
    """Write what differs into the people who follow these users; returns how many changed."""
    people = person.lock_matching(cursor, sorted((roster.list_id, one) for one in documents), [], [])
    changed = []
    for one in people:
        values = _values(roster, documents[one.identity_id or ""])
        differing = remapping.differences(one.fields, values)
        if differing:
            one.put = {key: value for key, value in differing.items() if value is not None}
            one.cleared = {key for key, value in differing.items() if value is None}
            changed.append(one)
    if changed:
        person.write(cursor, changed)
    return len(changed)


def _values(roster: Roster, document: Document) -> dict[str, Value]:
    try:
        return roster.projection.project(document).values
    except Exception:
        # One document must not stop the rest; the person keeps what they have.
        _log.exception("remap_failed", list=roster.list_id)
        return {}
