"""One worker at a run, and what its steps share."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from models import database
from models import job as jobs
from models.database import Connection, Cursor
from models.directory import runs, syncs
from models.directory.runs import Progress
from models.directory.syncs import Sync
from models.job import Job
from models.journal import Lane
from ops.graph import Graph
from workers.directory import streams
from workers.directory.streams import Stream


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
