"""Change people's values after their field changed: in the background, in slices.

Nobody else is held up: a slice holds some hundred rows. A worker that is killed loses nothing: its slice is begun
again, and what is changed does not differ any more.
"""

import time
from dataclasses import asdict, replace

from psycopg import errors

from models import database
from models import job as jobs
from models.database import Connection
from models.errors import Unknown
from models.fields import rewriting, schema, values
from models.fields.rewriting import Task
from models.job import Job

SECONDS = 1.0  # a run's share: then it gives its place back
BUSY = (errors.LockNotAvailable, *database.CLASHES)


def refit(connection: Connection, list_id: str, job_id: str, seconds: float = SECONDS) -> bool:
    """Work at a job for so long; True when it has more to do."""
    with database.transaction(connection, [list_id]) as cursor:
        job = jobs.claim(cursor, list_id, job_id)
    if job is None:
        return False
    ends = time.monotonic() + seconds
    while _slice_if_free(connection, job):
        if time.monotonic() > ends:
            with database.transaction(connection, [list_id]) as cursor:
                jobs.release(cursor, job)
            return True
    return False


def _slice_if_free(connection: Connection, job: Job) -> bool:
    try:
        return _slice(connection, job)
    except BUSY:
        return True  # a drain or an operator has some of them, and was waited for as long as locks are


def _slice(connection: Connection, job: Job) -> bool:
    """Change the next people; False when there were none, or the job is another worker's by now."""
    task = Task(**job.progress)
    held = job.heartbeat_at
    try:
        with database.transaction(connection, [job.list_id]) as cursor:
            ids = values.page(cursor, job.list_id, task.after)
            if not ids:
                jobs.finish(cursor, job, jobs.DONE)
                return False
            change = rewriting.changer(task, schema.read(cursor, job.list_id))
            changed = values.change(cursor, job.list_id, ids, task.key, change)
            done = replace(task, after=ids[-1], done=task.done + len(ids), changed=task.changed + changed)
            if not jobs.beat(cursor, job, asdict(done)):
                raise _Lost
        return True
    except BUSY:
        job.heartbeat_at, job.progress = held, asdict(task)  # as the row is again
        raise
    except _Lost:
        return False
    except Unknown:
        with database.transaction(connection, [job.list_id]) as cursor:
            jobs.finish(cursor, job, jobs.ENDED)
        return False


class _Lost(Exception):
    """Another worker has the job: what this one changed is rolled back."""
