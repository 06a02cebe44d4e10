"""What operators have done with an import: its preview, its run, stopped and gone on with."""

from datetime import datetime

from models import job as jobs
from models import master_list
from models.database import Cursor
from models.errors import Refused, Taken
from models.imports import matching as matchings
from models.imports import store
from models.imports.judging import CREATED
from models.imports.matching import Matching
from models.imports.store import DONE, FAILED, PREVIEWED, PREVIEWING, RUNNING, STOPPED, UPLOADED, Import

KEPT_JOBS = 100


def preview(cursor: Cursor, list_id: str, import_id: str, matching: Matching) -> str:
    """Match a file's columns and have workers find out what its rows would do; the job's id, to be told to the bell
    after COMMIT. Can be done again with another matching until the run is begun."""
    one = _idle(cursor, list_id, import_id)
    if one.has_run:
        raise Taken("this import was run already: bring the file again to match it otherwise")
    matchings.check(matching, one.columns, master_list.fields(cursor, list_id))
    one.matching, one.state, one.passed, one.planned, one.error = matching, PREVIEWING, 0, {}, None
    return _begin(cursor, one)


def run(cursor: Cursor, list_id: str, import_id: str, seen: datetime | None = None) -> str:
    """Have workers merge what was previewed into the list, or go on where that was stopped; the job's id. `seen`: when
    the preview that whoever asks has looked at was over (`changed_at`); refused where there is a newer one."""
    one = _idle(cursor, list_id, import_id)
    if one.state == DONE:
        raise Taken("this import is done: bring the file again to import it once more")
    if one.state != PREVIEWED and not (one.state in (STOPPED, FAILED) and one.counts):
        raise Refused("look at a preview first: match the columns, then preview")
    if one.state == PREVIEWED:
        if seen is not None and seen != one.changed_at:
            raise Taken("this import was previewed anew meanwhile: look at what it would do now")
        one.passed, one.counts = 0, {}
    one.state, one.error = RUNNING, None
    return _begin(cursor, one)


def _idle(cursor: Cursor, list_id: str, import_id: str) -> Import:
    one = store.find(cursor, list_id, import_id, lock=True)
    if not one.kept:
        raise Refused(f"the rows of this import are gone, {store.KEPT_DAYS} days after it was brought: bring it again")
    if one.is_open:
        raise Taken("this import is at work: wait for its end, or stop it")
    return one


def _begin(cursor: Cursor, one: Import) -> str:
    job_id = jobs.begin(cursor, one.list_id, jobs.IMPORT, {"import": one.id})
    if job_id is None:
        raise Taken("another import of this list is at work: wait for its end, or stop it")
    jobs.forget_old(cursor, one.list_id, jobs.IMPORT, KEPT_JOBS)
    store.move(cursor, one)
    return job_id


def stop(cursor: Cursor, list_id: str, import_id: str) -> bool:
    """End what is at work; what was merged stays, and the run can be gone on with. False where nothing is."""
    # In a worker's order: the job first, then the import.
    cursor.execute(
        "update job set state = %s, finished_at = clock_timestamp() where list_id = %s and kind = %s"
        " and finished_at is null and progress->>'import' = %s",
        (jobs.ENDED, list_id, jobs.IMPORT, import_id),
    )
    one = store.find(cursor, list_id, import_id, lock=True)
    if not one.is_open:
        return False
    if one.state == PREVIEWING:
        one.state, one.passed, one.planned = UPLOADED, 0, {}
    else:
        one.state, one.counts = STOPPED, one.counts or {CREATED: 0}
    store.move(cursor, one)
    return True


def discard(cursor: Cursor, list_id: str, import_id: str) -> None:
    """Forget a file that was not run."""
    one = store.find(cursor, list_id, import_id, lock=True)
    if one.is_open or one.has_run:
        raise Refused("this import has changed the list, or is at work: it stays, for you to see what it did")
    cursor.execute("delete from import_row where list_id = %s and import_id = %s", (list_id, import_id))
    cursor.execute("delete from import where list_id = %s and id = %s", (list_id, import_id))
