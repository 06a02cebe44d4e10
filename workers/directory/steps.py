"""The steps of a run, each a transaction or a few: see `run`."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from models import connection as connections
from models import database, journal
from models import job as jobs
from models.database import Connection, Cursor
from models.directory import plan, runs, staging, syncs
from models.directory.runs import APPLY, COMPARE, FETCH, MANAGERS, MEMBERS, SETTLE, Progress
from models.directory.syncs import Sync
from models.errors import Refused
from models.job import Job
from models.journal import Lane
from models.organisation import DIRECTORY
from ops import metrics
from ops.graph import EVENTUAL, MOST_IN_BATCH, Answer, Graph
from workers.directory import apply, pages, streams
from workers.directory.documents import PROPERTIES
from workers.directory.streams import Stream

FEW = 10  # members are asked for one by one where the directory has so many times more users
MOST_WARNINGS = 20
MOST_DIGITS = 10  # of a number of users
MOST_PASSES = 4  # over changes that were refused: what stood in their way may have been applied
# Seconds between looks at what is not applied yet: mostly it takes milliseconds; after a full run others go on.
LOOK_EVERY, LOOKS, LOOK_AGAIN = 0.05, 20, 1.0


class Overtaken(Exception):
    """The list was disconnected, or another worker has the run."""


@dataclass(slots=True)
class Run:
    """One worker at a run. `rest` is for how many seconds a step wants it to be left alone."""

    connection: Connection
    ring: Callable[[Iterable[Lane]], object]
    job: Job
    progress: Progress
    sync: Sync
    graph: Graph
    unique_identifier: str
    managers: bool  # whether they are mapped, and so asked for
    streams: Sequence[Stream]
    round: int
    rest: float = 0.0
    looks: int = 0  # whether workers have applied everything

    @property
    def list_id(self) -> str:
        """Whose run it is."""
        return self.job.list_id

    def transaction(self) -> AbstractContextManager[Cursor]:
        """A transaction for the list."""
        return database.transaction(self.connection, [self.list_id])

    def keep(self, cursor: Cursor) -> None:
        """Write the progress down, in the transaction that makes it."""
        self.progress.requests += self.graph.requests
        self.graph.requests = 0
        if not jobs.beat(cursor, self.job, runs.as_json(self.progress)):
            raise Overtaken

    def move(self, cursor: Cursor) -> None:
        """Write down how far the streams were read."""
        syncs.move(cursor, self.list_id, streams.position(self.streams), self.round)

    def enter(self, phase: str, total: int = 0) -> None:
        """Go on to the next phase, which has so many changes to apply."""
        self.progress.phase, self.progress.total, self.progress.done = phase, total, 0

    def unread(self) -> Stream | None:
        """The first stream that this run has not read to its end."""
        return next((one for one in self.streams if one.name not in self.progress.streams), None)


def fetch(run: Run) -> None:
    """A page."""
    stream = run.unread()
    if stream is None:
        return run.enter(MEMBERS)
    if stream.link is None:
        _begin(run, stream)
    objects, at_end = pages.take(run.graph.get(stream.link or ""), stream, run.graph)
    with run.transaction() as cursor:
        if stream.is_users:
            pages.keep_users(cursor, run.sync, stream, objects, run.unique_identifier, run.managers)
            run.progress.seen += len(objects)
        else:
            _warn(run, pages.keep_groups(cursor, run.sync, stream, objects))
        if at_end:
            _end(run, cursor, stream)
        run.move(cursor)
        run.keep(cursor)
    return None


def _begin(run: Run, stream: Stream) -> None:
    """Read a stream from its beginning, in a round of its own."""
    run.round += 1
    stream.round, stream.full, latest = run.round, True, False
    if stream.is_users:
        run.progress.full, run.progress.seen, run.progress.total = True, 0, _count_users(run.graph)
        with run.transaction() as cursor:
            staging.forget_read(cursor, run.list_id)
            run.keep(cursor)
            if run.sync.scope.groups is not None:
                latest = staging.count_members(cursor, run.list_id) * FEW < run.progress.total
    stream.link = stream.first(latest)


def _count_users(graph: Graph) -> int:
    """How many users the directory has, for the bar; 0 where it does not say."""
    try:
        text = str(graph.get("/users/$count", EVENTUAL)).strip()
    except Refused:
        return 0
    return int(text) if text.isdecimal() and len(text) < MOST_DIGITS else 0


def _end(run: Run, cursor: Cursor, stream: Stream) -> None:
    """A stream was read to its end."""
    run.progress.streams.append(stream.name)
    if not stream.full:
        return
    stream.full = False
    if stream.is_users:
        stream.uncompared = True
    else:
        staging.forget_absent_members(cursor, run.list_id, stream.round, stream.asked)


def _warn(run: Run, warnings: Iterable[str]) -> None:
    kept = run.progress.warnings
    kept += [one for one in dict.fromkeys(warnings) if one not in kept][: MOST_WARNINGS - len(kept)]


def members(run: Run) -> None:
    """Members whom the stream of users does not tell of: new ones, who have not changed themselves."""
    with run.transaction() as cursor:
        due = staging.unread(cursor, run.list_id, MOST_IN_BATCH)
    if not due:
        return run.enter(MANAGERS)
    answers = _asked(run.graph, due, f"/users/{{}}?$select={','.join(PROPERTIES)}")
    with run.transaction() as cursor:
        late = pages.keep_fetched(cursor, run.sync, run.round, answers, run.unique_identifier, run.managers)
        run.progress.seen += len(answers)
        run.keep(cursor)
    if late is not None:
        raise late
    return None


def managers(run: Run) -> None:
    """Whose manager is to be asked for."""
    with run.transaction() as cursor:
        due = staging.managers_due(cursor, run.list_id, MOST_IN_BATCH)
    if not due:
        return run.enter(COMPARE)
    answers = _asked(run.graph, due, "/users/{}/manager?$select=id,displayName")
    with run.transaction() as cursor:
        late = pages.keep_managers(cursor, run.list_id, answers)
        run.keep(cursor)
    if late is not None:
        raise late
    return None


def _asked(graph: Graph, ids: Sequence[str], path: str) -> dict[str, Answer]:
    return dict(zip(ids, graph.batch([path.format(one) for one in ids]), strict=True))


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


STEPS: dict[str, Callable[[Run], None]] = {
    FETCH: fetch,
    MEMBERS: members,
    MANAGERS: managers,
    COMPARE: compare,
    APPLY: apply_some,
    SETTLE: settle,
}


def seconds_since(moment: datetime) -> float:
    """How long ago a moment of the database's was."""
    return max(0.0, (datetime.now(UTC) - moment).total_seconds())
