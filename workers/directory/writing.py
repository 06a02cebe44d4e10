"""The steps of a run that compare, apply and wait for workers, each a transaction: see `run`."""

import time
from dataclasses import asdict

from models import connection as connections
from models import database, journal
from models.database import Cursor
from models.directory import plan, runs, staging
from models.directory.runs import APPLY, SETTLE
from models.errors import Refused
from models.organisation import DIRECTORY
from ops import metrics
from workers.directory import apply
from workers.directory.running import Overtaken, Run

MOST_PASSES = 4  # over changes that were refused: what stood in their way may have been applied
# Seconds between looks at what is not applied yet: mostly it takes milliseconds; after a full run others go on.
LOOK_EVERY, LOOKS, LOOK_AGAIN = 0.05, 20, 1.0


def compare(run: Run) -> None:
    """What differs from what is known, what that comes to, and whether the guard holds its deactivations.

    Workers have to be done with what an earlier run, which was stopped, left to them: those who are about to leave
    would be counted as active, and would not be held any more as that run wanted.
    """
    if _has_to_wait(run):
        return
    scoped, users = run.sync.scope.groups is not None, run.streams[-1]
    with run.transaction() as cursor:
        connections.check_connected(cursor, run.list_id, DIRECTORY)
        plan.try_again(cursor, run.list_id)
        run.progress.unchanged = staging.settle(cursor, run.list_id, users.round, scoped, users.uncompared)
        users.uncompared = False
        planned = plan.plan(cursor, run.list_id)
        run.progress.plan = asdict(planned)
        if not run.progress.preview:
            runs.hold(cursor, run.list_id, run.job.id if planned.held else None)
            run.enter(APPLY, plan.count(cursor, run.list_id))
        run.move(cursor)
        run.keep(cursor)


def apply_some(run: Run) -> None:
    """The next slice; those that were refused once more, as long as that helps."""
    try:
        _slice(run, apply.SLICE)
    except (Refused, Overtaken, *database.LOST):
        raise
    except Exception:
        # One of them cannot be carried out at all: it is found by taking them one by one.
        _one_alone(run)


def _slice(run: Run, limit: int) -> None:
    with run.transaction() as cursor:
        applied = apply.apply(cursor, run.list_id, run.job.id, limit)
        if applied is None:
            applied = _again(run, cursor)
        else:
            run.progress.done += applied.accepted
            run.progress.passed = run.progress.passed or applied.accepted > 0
        run.keep(cursor)
    run.ring(applied.lanes)
    metrics.SYNC_CHANGES.labels("accepted").inc(applied.accepted)


def _one_alone(run: Run) -> None:
    try:
        _slice(run, 1)
    except (Refused, Overtaken, *database.LOST):
        raise
    except Exception as error:
        with run.transaction() as cursor:
            apply.give_up(cursor, run.list_id, error)
            run.keep(cursor)


def _again(run: Run, cursor: Cursor) -> apply.Applied:
    """All were taken. Whoever was refused is taken again, as long as others move out of the way: at first of their own
    accord, then all at once, for where each waits for the next one a pass frees only one."""
    progress = run.progress
    moved, progress.passed = progress.passed, False
    if plan.count(cursor, run.list_id) and progress.passes < MOST_PASSES:
        progress.passes += 1
        of_themselves = moved and progress.passes == 1
        aside = apply.Applied(0, 0, []) if of_themselves else apply.step_aside(cursor, run.list_id, run.job.id)
        if (moved or aside.accepted) and plan.try_again(cursor, run.list_id):
            return aside
    run.enter(SETTLE)
    progress.refused = plan.count(cursor, run.list_id)
    metrics.SYNC_CHANGES.labels("refused").inc(progress.refused)
    return apply.Applied(0, 0, [])


def _has_to_wait(run: Run) -> bool:
    """Whether workers have not applied everything yet: they get some time for it."""
    with run.transaction() as cursor:
        pending = journal.pending(cursor, run.list_id)
        if pending:
            run.looks += 1
            run.rest = LOOK_AGAIN if run.looks > LOOKS else 0.0
            run.keep(cursor)
    if pending:
        time.sleep(LOOK_EVERY)
    return pending


def settle(run: Run) -> None:
    """Workers have applied everything; what came of it is in the log."""
    if _has_to_wait(run):
        return
    with run.transaction() as cursor:
        run.progress.results, run.progress.created = runs.outcome(cursor, run.list_id, run.job.id, run.job.created_at)
        runs.hold(cursor, run.list_id, None)
        run.progress.phase = runs.OVER
        run.keep(cursor)
