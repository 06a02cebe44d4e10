"""Preview an import of people, or merge it into its list: in the background, in slices, resumed wherever it was left.

Each slice is one transaction together with how far the import is: a worker that is killed loses the slice that it was
at, and whoever goes on begins with that one.
"""

import time

import structlog
from psycopg import errors

from models import database
from models import job as jobs
from models.database import Connection
from models.errors import Refused, Unknown
from models.imports import slices, store
from models.imports.store import FAILED, Import
from models.job import Job

SECONDS = 2.0  # a run's share: then it gives its place back (I9)
REST = 1.0  # seconds, where a drain or an operator has some of these people for longer than locks are waited for
BUSY = (errors.LockNotAvailable, errors.QueryCanceled, *database.CLASHES)

_log = structlog.get_logger()


class Overtaken(Exception):
    """The import was stopped, or another worker has it."""


def work(connection: Connection, list_id: str, job_id: str, seconds: float = SECONDS) -> bool:
    """Work at an import for so long; True when it is to be gone on with at once. The sweep resumes one that rests."""
    with database.transaction(connection, [list_id]) as cursor:
        job = jobs.claim(cursor, list_id, job_id)
    if job is None:
        return False
    try:
        return _for_a_while(connection, job, time.monotonic() + seconds)
    except Overtaken:
        with database.transaction(connection, [list_id]) as cursor:
            jobs.finish(cursor, job, jobs.ENDED)
    except BUSY:
        _release(connection, job, REST)
    except Refused as refusal:
        _fail(connection, job, refusal.detail)
    except Exception as error:
        if connection.closed:
            raise
        # Nobody knows what it is; tried again and again, it would keep the list's other imports waiting for good.
        _log.exception("import_slice_failed", list=job.list_id, job=job.id)
        kind = type(error).__name__
        _fail(connection, job, f"its next rows could not be worked at ({kind}): try again, and see the workers' log")
    return False


def _for_a_while(connection: Connection, job: Job, ends: float) -> bool:
    while _slice(connection, job):
        if time.monotonic() > ends:
            _release(connection, job, 0)
            return True
    return False


def _slice(connection: Connection, job: Job) -> bool:
    """One slice, and where it leaves the import; False when that is over."""
    with database.transaction(connection, [job.list_id]) as cursor:
        one = _import(cursor, job)
        more = slices.work(cursor, one)
        if not jobs.beat(cursor, job, job.progress):
            raise Overtaken
        if not more:
            jobs.finish(cursor, job, jobs.DONE)
            _log.info("import_over", list=job.list_id, id=one.id, state=one.state, **one.told)
        store.move(cursor, one)
    return more


def _import(cursor: database.Cursor, job: Job) -> Import:
    try:
        one = store.find(cursor, job.list_id, str(job.progress.get("import")))
    except Unknown:
        raise Overtaken from None
    if not one.is_open:
        raise Overtaken
    return one


def _release(connection: Connection, job: Job, rest: float) -> None:
    with database.transaction(connection, [job.list_id]) as cursor:
        jobs.release(cursor, job, rest)


def _fail(connection: Connection, job: Job, sentence: str) -> None:
    """The import cannot go on as it is; what was merged stays."""
    with database.transaction(connection, [job.list_id]) as cursor:
        if not jobs.beat(cursor, job, job.progress):
            return
        jobs.finish(cursor, job, jobs.FAILED)
        one = store.find(cursor, job.list_id, str(job.progress.get("import")), lock=True)
        one.state, one.error = FAILED, sentence
        store.move(cursor, one)
    _log.warning("import_failed", list=job.list_id, id=one.id, error=sentence)
