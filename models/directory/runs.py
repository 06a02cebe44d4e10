"""Runs of a Directory Sync (product rule D3): jobs of their list, one at a time."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from models import connection as links
from models import job as jobs
from models.database import Cursor
from models.errors import Taken
from models.job import Job
from models.organisation import DIRECTORY

KEPT = 500  # runs of a list
PAGE = 20
# The phases, in this order.
FETCH, MEMBERS, MANAGERS, COMPARE, APPLY, SETTLE, OVER = (
    "fetch", "members", "managers", "compare", "apply", "settle", "over",
)  # fmt: skip


class Progress(msgspec.Struct, kw_only=True):
    """What a run has done so far, and what it is at. Times in seconds."""

    by: str  # who asked for it: an operator's e-mail, a name on the command line, or "schedule"
    preview: bool = False  # it ends when it knows what it would do
    phase: str = FETCH
    full: bool = False  # everybody was read anew
    why_full: str = ""
    requests: int = 0
    throttled: float = 0.0  # waited because Graph said so
    seen: int = 0  # users whom Graph told of
    total: int = 0  # of them, or of changes to apply; 0: not known
    done: int = 0  # changes applied
    tries: int = 0  # of the same step, without success
    anew: int = 0  # how often it began to read a stream anew because Microsoft had forgotten the state
    passes: int = 0  # over changes that were refused
    passed: bool = False  # whether one was accepted in this pass
    streams: list[str] = []  # that this run has read to their end
    plan: dict[str, Any] = {}
    refused: int = 0
    unchanged: int = 0
    results: dict[str, int] = {}  # entries in the log, by result
    created: int = 0
    warnings: list[str] = []
    error: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it is listed."""

    id: str
    state: str
    progress: Progress
    began_at: datetime
    ended_at: datetime | None
    not_before: datetime | None
    heartbeat_at: datetime | None = field(default=None)

    @property
    def is_open(self) -> bool:
        """Whether it is not over."""
        return self.ended_at is None

    @property
    def share(self) -> float | None:
        """How much of it is done, from 0 to 1; None where that cannot be known."""
        progress = self.progress
        if progress.phase == APPLY and progress.total:
            return 0.5 + 0.5 * min(1.0, progress.done / progress.total)
        if progress.phase == FETCH and progress.total:
            return 0.5 * min(1.0, progress.seen / progress.total)
        return {COMPARE: 0.5, SETTLE: 1.0}.get(progress.phase)


def request_id(run_id: str) -> str:
    """What the log's entries of a run are found by."""
    return f"sync-{run_id}"


def begin(cursor: Cursor, list_id: str, by: str, preview: bool = False) -> str | None:
    """A new run; its id, or None where one is open."""
    run_id = jobs.begin(cursor, list_id, jobs.SYNC, as_json(Progress(by=by, preview=preview)))
    if run_id is not None:
        jobs.forget_old(cursor, list_id, jobs.SYNC, KEPT)
    return run_id


def start(cursor: Cursor, list_id: str, by: str, preview: bool = False) -> str:
    """A run that somebody asks for; its id, to be told to the bell after COMMIT."""
    links.check_connected(cursor, list_id, DIRECTORY)
    run_id = begin(cursor, list_id, by, preview)
    if run_id is None:
        raise Taken("a run of this list is at work already: wait for its end, or stop it")
    return run_id


def stop(cursor: Cursor, list_id: str) -> bool:
    """End the run that is at work; False where there is none. What it has pulled and applied stays, and the next run
    goes on from there."""
    cursor.execute(
        "update job set state = %s, finished_at = clock_timestamp() where list_id = %s and kind = %s"
        " and finished_at is null",
        (jobs.ENDED, list_id, jobs.SYNC),
    )
    return cursor.rowcount == 1


def as_json(progress: Progress) -> dict[str, Any]:
    """A progress as its job keeps it."""
    kept: dict[str, Any] = msgspec.to_builtins(progress)
    return kept


def progress_of(job: Job) -> Progress:
    """What a job keeps."""
    return msgspec.convert(job.progress, Progress)


def latest(cursor: Cursor, list_id: str) -> Run | None:
    """The newest run of a list."""
    found = listing(cursor, list_id, 1)
    return found[0] if found else None


def listing(cursor: Cursor, list_id: str, limit: int = PAGE, before: datetime | None = None) -> list[Run]:
    """The newest runs of a list, newest first; those that began before a moment."""
    return [_run(job) for job in jobs.listing(cursor, list_id, jobs.SYNC, limit, before)]


def find(cursor: Cursor, list_id: str, run_id: str) -> Run | None:
    """One run of a list."""
    job = jobs.find(cursor, list_id, jobs.SYNC, run_id)
    return _run(job) if job else None


def _run(job: Job) -> Run:
    return Run(job.id, job.state, progress_of(job), job.created_at, job.finished_at, job.not_before, job.heartbeat_at)


def outcome(cursor: Cursor, list_id: str, run_id: str, since: datetime) -> tuple[dict[str, int], int]:
    """What became of a run's changes: how many entries by result, and how many people are new."""
    cursor.execute(
        "select result, count(*), count(*) filter (where operation = 'create' and changes->0->>'field' = 'UID'"
        " and changes->0->'before' = 'null') from log_entry where list_id = %s and at >= %s and request_id = %s"
        " group by result",
        (list_id, since, request_id(run_id)),
    )
    rows = cursor.fetchall()
    return {row[0]: row[1] for row in rows}, sum(row[2] for row in rows)


def hold(cursor: Cursor, list_id: str, run_id: str | None) -> None:
    """Have all deactivations of a run held, whatever their number (V9); None: of no run any more."""
    cursor.execute("update guard set holding = %s where list_id = %s", (run_id and request_id(run_id), list_id))
