"""A run of a Directory Sync: fetch, compare, apply; step by step, resumed wherever it was left.

1. Claim the run, unless another worker has it.
2. Read each stream of Graph's to its end, a page at a time, then whom no stream tells of (new members, managers).
3. Compare what was pulled with what is known, and decide whether its deactivations are held. A preview ends here.
4. Have the changes accepted, slice by slice, and wait until workers have applied them.

While Microsoft does not answer the run rests, and no thread with it. What an operator has to mend ends it, and loses
nothing: the next run goes on from there.
"""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import structlog
from psycopg import errors

from models import connection as connections
from models import database, mapping_edit
from models import job as jobs
from models.attributes import ENTERPRISE
from models.database import Connection, Cursor
from models.directory import runs, syncs
from models.directory.runs import APPLY, COMPARE, FETCH, MANAGERS, MEMBERS, OVER, SETTLE, Progress
from models.errors import Refused, Unavailable
from models.job import Job
from models.journal import Lane
from models.organisation import DIRECTORY
from ops import metrics
from ops.graph import Graph
from ops.graph_errors import StateLost, Throttled
from workers.directory import reading, streams, writing
from workers.directory.running import Overtaken, Run

SECONDS = 2.0  # a run's share: then it gives its place back (I9)
MOST_TRIES = 8  # of one step
MOST_ANEW = 8  # times beyond one a stream that a run reads one from its beginning: states may be lost on the way again
LONGEST_REST = 300.0  # seconds between two of them, unless Microsoft wants more
BUSY = (errors.LockNotAvailable, *database.CLASHES)
MANAGER = f"{ENTERPRISE}:manager"
STEPS: dict[str, Callable[[Run], None]] = {
    FETCH: reading.fetch,
    MEMBERS: reading.members,
    MANAGERS: reading.managers,
    COMPARE: writing.compare,
    APPLY: writing.apply_some,
    SETTLE: writing.settle,
}

_log = structlog.get_logger()


def work(
    connection: Connection,
    list_id: str,
    run_id: str,
    graph_of: Callable[[Cursor, str], Graph],
    ring: Callable[[Iterable[Lane]], object],
    seconds: float = SECONDS,
) -> bool:
    """Work at a run for so long; True when it is to be gone on with at once. The sweep resumes one that rests."""
    with database.transaction(connection, [list_id]) as cursor:
        job = jobs.claim(cursor, list_id, run_id)
    if job is None:
        return False
    progress = runs.progress_of(job)
    try:
        run = _opened(connection, job, progress, graph_of, ring)
        return _for_a_while(run, time.monotonic() + seconds)
    except Overtaken:
        _finish(connection, job, progress, jobs.ENDED)
    except Refused as refusal:
        progress.error = refusal.detail
        _finish(connection, job, progress, jobs.FAILED)
    return False


def _opened(
    connection: Connection,
    job: Job,
    progress: Progress,
    graph_of: Callable[[Cursor, str], Graph],
    ring: Callable[[Iterable[Lane]], object],
) -> Run:
    """Everything that steps need; refused where the list may not be synced (any more)."""
    with database.transaction(connection, [job.list_id]) as cursor:
        sync = syncs.of_list(cursor, job.list_id)
        if sync is None:
            raise Overtaken
        identifier = connections.check_connected(cursor, job.list_id, DIRECTORY)
        managers = MANAGER in mapping_edit.enabled(cursor, job.list_id)
        graph = graph_of(cursor, job.list_id)
    wanted = streams.wanted(sync, managers)
    return Run(connection, ring, job, progress, sync, graph, identifier, managers, wanted, sync.round)


def _for_a_while(run: Run, ends: float) -> bool:
    """Step by step until the time is up; True when there is more to do at once."""
    while not _is_over(run.progress):
        try:
            STEPS[run.progress.phase](run)
            run.progress.tries = 0
        except StateLost as lost:
            _read_anew(run, lost)
        except Unavailable as late:
            return _put_off(run, late)
        except BUSY:
            # An operator or a drain has some of these people for longer than locks are waited for.
            _take_back(run)
            return _put_off(run, None)
        except Exception as error:
            if isinstance(error, (Refused, Overtaken)) or run.connection.closed:
                raise
            # Nobody knows what it is: an answer that nobody thought of, a statement that takes too long.
            _take_back(run)
            _log.exception("sync_step_failed", list=run.list_id, run=run.job.id, phase=run.progress.phase)
            return _put_off(run, Unavailable(f"this could not be carried out ({type(error).__name__}): see the log"))
        if run.rest or time.monotonic() > ends:
            return _leave(run, run.rest)
    _finish(run.connection, run.job, run.progress, jobs.DONE)
    return False


def _take_back(run: Run) -> None:
    """What a step has noted and was rolled back did not happen: a page, say, that is to be read again."""
    run.progress = runs.progress_of(run.job)


def _is_over(progress: Progress) -> bool:
    return progress.phase == OVER or (progress.preview and progress.phase == COMPARE and bool(progress.plan))


def _leave(run: Run, rest: float) -> bool:
    with run.transaction() as cursor:
        run.keep(cursor)
        jobs.release(cursor, run.job, rest)
    return not rest


def _put_off(run: Run, late: Unavailable | None) -> bool:
    """Rest for as long as Microsoft wants, longer each time; what never succeeds ends the run."""
    progress = run.progress
    progress.tries += 1
    rest = min(LONGEST_REST, 2.0 ** min(progress.tries, MOST_TRIES))
    if isinstance(late, Throttled):
        rest = late.seconds if progress.tries < MOST_TRIES else max(late.seconds, rest)
        progress.throttled += rest
    elif late is not None and progress.tries >= MOST_TRIES:
        raise late
    return _leave(run, rest)


def _read_anew(run: Run, lost: StateLost) -> None:
    """Microsoft has forgotten where a stream was read to: it is read whole, and compared with what is known."""
    stream = run.unread()
    run.progress.anew += 1
    if stream is None or run.progress.anew > MOST_ANEW + len(run.streams):
        raise lost
    run.progress.why_full = lost.detail
    stream.begin_anew()
    with run.transaction() as cursor:
        run.move(cursor)
        run.keep(cursor)


def _finish(connection: Connection, job: Job, progress: Progress, state: str) -> None:
    """It is over, one way or the other, unless another worker has it."""
    job.progress = runs.as_json(progress)
    with database.transaction(connection, [job.list_id]) as cursor:
        jobs.finish(cursor, job, state)
    outcome = "previewed" if state == jobs.DONE and progress.preview else state
    metrics.SYNC_RUNS.labels(outcome).inc()
    metrics.SYNC_SECONDS.observe(max(0.0, (datetime.now(UTC) - job.created_at).total_seconds()))
    _log.info("sync_over", list=job.list_id, run=job.id, outcome=outcome, error=progress.error or None)
