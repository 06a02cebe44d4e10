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

REMAP = "remap"
WAITING, RUNNING, DONE, ENDED = "waiting", "running", "done", "ended"  # ended: overtaken, or the list disconnected
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

    @property
    def is_open(self) -> bool:
        """Whether there is more to do."""
        return self.finished_at is None


_COLUMNS = "id::text, list_id, kind, state, progress, created_at, heartbeat_at, finished_at"


def create(cursor: Cursor, list_id: str, kind: str, progress: dict[str, Any]) -> str:
    """A new job; it takes the place of an older one of its kind that is not finished. Returns its id."""
    cursor.execute(
        "update job set state = %s, finished_at = clock_timestamp()"
        " where list_id = %s and kind = %s and finished_at is null",
        (ENDED, list_id, kind),
    )
    job_id = new_id()
    cursor.execute(
        "insert into job (id, list_id, kind, state, progress) values (%s, %s, %s, %s, %s)",
        (job_id, list_id, kind, WAITING, Jsonb(progress)),
    )
    return job_id


def claim(cursor: Cursor, list_id: str, job_id: str) -> Job | None:
    """Take a job that nobody works at (any more); None if somebody does, or it is finished."""
    cursor.execute(
        "update job set state = %s, heartbeat_at = clock_timestamp() where list_id = %s and id = %s"
        " and finished_at is null"
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


def release(cursor: Cursor, job: Job) -> None:
    """Let go of a job that has more to do."""
    cursor.execute(
        "update job set state = %s, heartbeat_at = null"
        " where list_id = %s and id = %s and finished_at is null and heartbeat_at = %s",
        (WAITING, job.list_id, job.id, job.heartbeat_at),
    )


def finish(cursor: Cursor, job: Job, state: str) -> None:
    """It is over, unless it is another worker's by now."""
    cursor.execute(
        "update job set state = %s, finished_at = clock_timestamp()"
        " where list_id = %s and id = %s and finished_at is null and heartbeat_at = %s",
        (state, job.list_id, job.id, job.heartbeat_at),
    )


def latest(cursor: Cursor, list_id: str, kind: str) -> Job | None:
    """The newest job of a list, of this kind."""
    cursor.execute(
        f"select {_COLUMNS} from job where list_id = %s and kind = %s order by created_at desc limit 1",
        (list_id, kind),
    )
    row = cursor.fetchone()
    return Job(*row) if row else None


def idle(cursor: Cursor) -> list[tuple[str, str, str]]:
    """The open jobs that nobody works at, of any list: (list, id, kind)."""
    cursor.execute("select list_id, id::text, kind from muster_idle_jobs(make_interval(secs => %s))", (SILENT_SECONDS,))
    return [(row[0], row[1], row[2]) for row in cursor.fetchall()]
