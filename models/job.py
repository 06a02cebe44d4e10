"""Long work and its progress: a row that outlives whoever works at it.

A worker claims a job, moves its heartbeat on with every step, and loses it to another one when it has been
silent for too long; the sweep looks for such jobs.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from models.database import Cursor
from models.text import new_id

REMAP, SYNC, IMPORT, FIELDS, SESSION = "remap", "directory", "import", "fields", "session"
WAITING, RUNNING, DONE, ENDED, FAILED = (
    "waiting",
    "running",
    "done",
    "ended",
    "failed",
)  # ended: overtaken, or disconnected
SILENT_SECONDS = 30.0  # without a heartbeat; a step takes well under one second


@dataclass(slots=True)
class Job:
    """One job of a list."""

    id: str
    list_id: str
    kind: str
    state: str
    progress: dict[str, Any]
    created_at: datetime
    heartbeat_at: datetime | None
    finished_at: datetime | None
    not_before: datetime | None  # it waits, for somebody else's quota say

    @property
    def is_open(self) -> bool:
        """Whether there is more to do."""
        return self.finished_at is None


_COLUMNS = "id::text, list_id, kind, state, progress, created_at, heartbeat_at, finished_at, not_before"


def create(cursor: Cursor, list_id: str, kind: str, progress: dict[str, Any]) -> str:
    """A new job; it takes the place of an older one of its kind that is not finished. Returns its id."""
    cursor.execute(
        "update job set state = %s, finished_at = clock_timestamp()"
        " where list_id = %s and kind = %s and finished_at is null",
        (ENDED, list_id, kind),
    )
    job_id = new_id()
    _insert(cursor, job_id, list_id, kind, progress)
    return job_id


def begin(cursor: Cursor, list_id: str, kind: str, progress: dict[str, Any]) -> str | None:
    """A new job of a kind that has a unique index for it: None where one is open, which goes on."""
    job_id = new_id()
    _insert(cursor, job_id, list_id, kind, progress, " on conflict do nothing")
    return job_id if cursor.rowcount == 1 else None


def _insert(cursor: Cursor, job_id: str, list_id: str, kind: str, progress: dict[str, Any], clash: str = "") -> None:
    cursor.execute(
        f"insert into job (id, list_id, kind, state, progress) values (%s, %s, %s, %s, %s){clash}",
        (job_id, list_id, kind, WAITING, Jsonb(progress)),
    )


def claim(cursor: Cursor, list_id: str, job_id: str) -> Job | None:
    """Take a job that nobody works at (any more); None if somebody does, or it is finished."""
    cursor.execute(
        "update job set state = %s, heartbeat_at = clock_timestamp(), not_before = null where list_id = %s and id = %s"
        " and finished_at is null and (not_before is null or not_before <= clock_timestamp())"
        " and (heartbeat_at is null or heartbeat_at < clock_timestamp() - make_interval(secs => %s))"
        f" returning {_COLUMNS}",
        (RUNNING, list_id, job_id, SILENT_SECONDS),
    )
    row = cursor.fetchone()
    return Job(*row) if row else None


def beat(cursor: Cursor, job: Job, progress: dict[str, Any]) -> bool:
    """Write the progress down, and that somebody is at it; False if the job is another worker's by now, or over."""
    cursor.execute(
        "update job set progress = %s, heartbeat_at = clock_timestamp()"
        " where list_id = %s and id = %s and finished_at is null and heartbeat_at = %s returning heartbeat_at",
        (Jsonb(progress), job.list_id, job.id, job.heartbeat_at),
    )
    row = cursor.fetchone()
    if row is None:
        return False
    job.heartbeat_at, job.progress = row[0], progress
    return True


def release(cursor: Cursor, job: Job, rest: float = 0) -> None:
    """Let go of a job that has more to do, after `rest` seconds."""
    cursor.execute(
        "update job set state = %s, heartbeat_at = null,"
        " not_before = case when %s > 0 then clock_timestamp() + make_interval(secs => %s) end"
        " where list_id = %s and id = %s and finished_at is null and heartbeat_at = %s",
        (WAITING, rest, rest, job.list_id, job.id, job.heartbeat_at),
    )


def finish(cursor: Cursor, job: Job, state: str) -> None:
    """It is over, unless it is another worker's by now."""
    cursor.execute(
        "update job set state = %s, progress = %s, finished_at = clock_timestamp()"
        " where list_id = %s and id = %s and finished_at is null and heartbeat_at = %s",
        (state, Jsonb(job.progress), job.list_id, job.id, job.heartbeat_at),
    )


def latest(cursor: Cursor, list_id: str, kind: str) -> Job | None:
    """The newest job of a list, of this kind."""
    found = listing(cursor, list_id, kind, 1)
    return found[0] if found else None


def listing(cursor: Cursor, list_id: str, kind: str, limit: int, before: datetime | None = None) -> list[Job]:
    """The newest jobs of a list, of this kind; those that began before a moment."""
    cursor.execute(
        f"select {_COLUMNS} from job where list_id = %s and kind = %s"
        " and created_at < coalesce(%s::timestamptz, 'infinity') order by created_at desc limit %s",
        (list_id, kind, before, limit),
    )
    return [Job(*row) for row in cursor.fetchall()]


def find(cursor: Cursor, list_id: str, kind: str, job_id: str) -> Job | None:
    """One job of a list, of this kind."""
    cursor.execute(
        f"select {_COLUMNS} from job where list_id = %s and kind = %s and id::text = %s", (list_id, kind, job_id)
    )
    row = cursor.fetchone()
    return Job(*row) if row else None


def forget_old(cursor: Cursor, list_id: str, kind: str, keep: int) -> None:
    """Forget all but the newest of a list, of this kind."""
    cursor.execute(
        "delete from job where list_id = %s and kind = %s and finished_at is not null and created_at <"
        " (select created_at from job where list_id = %s and kind = %s order by created_at desc offset %s limit 1)",
        (list_id, kind, list_id, kind, keep - 1),
    )


def idle(cursor: Cursor) -> list[tuple[str, str, str]]:
    """The open jobs that nobody works at, of any list: (list, id, kind)."""
    cursor.execute("select list_id, id::text, kind from muster_idle_jobs(make_interval(secs => %s))", (SILENT_SECONDS,))
    return [(row[0], row[1], row[2]) for row in cursor.fetchall()]
