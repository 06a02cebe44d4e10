"""The sessions suite: a large list copied, edited in the copy, and compared with itself; then a field retyped."""

import importlib
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from models import database
from models.fields import retype
from models.sessions import comparison, export, people, taking
from ops import filling
from ops.bench.grid import text_table
from ops.bench.system import System

EDITS = 1_000
Say = Callable[[str], None]


@dataclass(frozen=True)
class Step:
    """One act: its seconds, and the megabytes that the process which asked has held at most since it began."""

    what: str
    seconds: float
    peak: float


def measure(system: System, users: int, say: Say) -> list[Step]:
    """Snapshot, edits, comparison, export, deletion."""
    list_id, _ = system.new_list()
    say(f"filling a list with {users:,} people")
    filling.fill(system.database_url, system.owner_url, list_id, users, 0)
    steps: list[Step] = []
    with database.connect(system.database_url) as opened:

        def act(what: str, done: Callable[[database.Cursor], Any]) -> Any:
            with _timed(steps, what), database.transaction(opened, [list_id]) as cursor:
                return done(cursor)

        session_id = act("snapshot", lambda cursor: taking.take(cursor, list_id, "Bench", "bench"))
        act("comparison at once, counted", lambda cursor: _count(cursor, list_id, session_id))
        with _timed(steps, f"{EDITS:,} edits, a transaction each"):
            _edit(opened, list_id, session_id)
        act("comparison, counted", lambda cursor: _count(cursor, list_id, session_id))
        act("comparison, a page of who differs", lambda cursor: _differing(cursor, list_id, session_id))
        act("search", lambda cursor: _search(cursor, list_id, session_id))
        with _timed(steps, "export as CSV"):
            _export(opened, list_id, session_id)
        act("archive", lambda cursor: taking.change_state(cursor, list_id, session_id, taking.ARCHIVED, "bench"))
        act("deletion begun", lambda cursor: taking.delete(cursor, list_id, session_id, "bench"))
        with _timed(steps, "deleted, slice by slice"):
            _delete(opened, list_id, session_id)
        # Every value is text, and none is a number: all of them are cleared.
        _, following = act(
            "a type tried and changed, drains waiting",
            lambda cursor: retype.save(cursor, list_id, "job_title", "number", may_clear=users),
        )
        with _timed(steps, "everybody's value after it, slice by slice"):
            importlib.import_module("workers.refit").refit(opened, list_id, following.values, seconds=600)
    return steps


@contextmanager
def _timed(steps: list[Step], what: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds = time.perf_counter() - began
    steps.append(Step(what, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def _count(cursor: database.Cursor, list_id: str, session_id: str) -> comparison.Counts:
    return comparison.counts(cursor, taking.find(cursor, list_id, session_id))


def _differing(cursor: database.Cursor, list_id: str, session_id: str) -> int:
    return len(comparison.page(cursor, taking.find(cursor, list_id, session_id), comparison.DIFFER))


def _search(cursor: database.Cursor, list_id: str, session_id: str) -> int:
    return len(people.page(cursor, taking.find(cursor, list_id, session_id), "all", "zzqqxx", None, None).rows)


def _edit(opened: database.Connection, list_id: str, session_id: str) -> None:
    with database.transaction(opened, [list_id]) as cursor:
        session = taking.find(cursor, list_id, session_id)
        rows = people.page(cursor, session, "all", "", None, None, EDITS).rows
    for one in rows:
        with database.transaction(opened, [list_id]) as cursor:
            people.edit(cursor, list_id, session_id, one.id, one.version, "bench", {"job_title": "Changed"})


def _export(opened: database.Connection, list_id: str, session_id: str) -> None:
    after: str | None = None
    while True:
        with database.transaction(opened, [list_id]) as cursor:
            _, after = export.stretch(cursor, taking.find(cursor, list_id, session_id), after)
        if after is None:
            return


def _delete(opened: database.Connection, list_id: str, session_id: str) -> None:
    more = True
    while more:
        with database.transaction(opened, [list_id]) as cursor:
            more = taking.purge(cursor, list_id, session_id)


def table(steps: Sequence[Step]) -> str:
    """For docs/measurements.md."""
    rows = [(one.what, f"{one.seconds:.2f}", f"{one.peak:.0f}") for one in steps]
    return text_table(("step", "seconds", "peak of the asking process, MB"), rows)


def as_json(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """For `--json`."""
    return [asdict(one) for one in steps]
