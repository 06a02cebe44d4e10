"""Delete sessions that were archived, slice by slice. A worker that is killed loses nothing: what is gone is gone."""

import time

from models import database
from models import job as jobs
from models.database import Connection
from models.sessions import taking

SECONDS = 1.0  # a run's share: then it gives its place back


def purge(connection: Connection, list_id: str, job_id: str, seconds: float = SECONDS) -> bool:
    """Work at a job for so long; True when it has more to do."""
    with database.transaction(connection, [list_id]) as cursor:
        job = jobs.claim(cursor, list_id, job_id)
    if job is None:
        return False
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with database.transaction(connection, [list_id]) as cursor:
            if not taking.purge(cursor, list_id, job.progress["session"]):
                jobs.finish(cursor, job, jobs.DONE)
                return False
            if not jobs.beat(cursor, job, job.progress):
                return False
    with database.transaction(connection, [list_id]) as cursor:
        jobs.release(cursor, job)
    return True
