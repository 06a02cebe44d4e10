"""The sweep: rings again what was lost, nurses lanes that do not move, forgets disconnected lists,
and looks after jobs that nobody works at."""

import threading
import time
from collections.abc import Iterable

import structlog

from models import connection as connections
from models import database, trouble
from models import job as jobs
from models.connection import Roster
from models.database import Connection
from models.directory import schedules
from models.journal import Lane
from models.trouble import Stuck
from ops import metrics
from ops.bell import TAKE, Bell
from workers import refit, remap, sessions
from workers.bursting import Bursting
from workers.months import Months
from workers.provision import provision, put_aside
from workers.purging import Purge

SECONDS = 1.0
LATE_SECONDS = 2.0
FORGET_SECONDS = 1.0
SWEEP_LOCK = 7_310_202
OPTIONS = "-c lock_timeout=1000 -c statement_timeout=5000"

_log = structlog.get_logger()


class Sweep:
    """A thread of every worker process; an advisory lock lets one of them work at a time."""

    def __init__(self, database_url: str, bell: Bell, seconds: float = SECONDS) -> None:
        self._url, self._bell, self._seconds = database_url, bell, seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)
        self._rosters: dict[str, Roster] = {}
        self._months = Months()
        self._purge = Purge()
        self._bursting = Bursting()
        self._innocent: set[Lane] = set()  # attempts that failed for PostgreSQL's state, to be taken back

    def start(self) -> None:
        """Begin to sweep."""
        self._thread.start()

    def stop(self) -> None:
        """End after the pass that runs."""
        self._stop.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        connection: Connection | None = None
        while not self._stop.wait(self._seconds):
            try:
                if connection is None or connection.closed:
                    connection = database.connect(self._url, "muster-sweep", options=OPTIONS)
                self.once(connection)
            except Exception as error:
                metrics.SWEEP_FAILURES.inc()
                _log.warning("sweep_failed", error=repr(error))
                if connection is not None:
                    connection.close()
                connection = None
        if connection is not None:
            connection.close()

    def once(self, connection: Connection) -> None:
        """One pass, unless another process is at it."""
        self._forgive(connection, self._innocent)
        self._innocent.clear()
        row = connection.execute("select pg_try_advisory_lock(%s)", (SWEEP_LOCK,)).fetchone()
        if row is None or not row[0]:
            return
        try:
            with database.transaction(connection) as cursor:
                stuck = trouble.note_late_lanes(cursor, LATE_SECONDS)
                disconnecting = connections.disconnecting(cursor)
                idle = jobs.idle(cursor)
                due = schedules.due(cursor)
            late = [one.lane for one in stuck if not one.single]
            if late and not self._bell.ring(late, insist=True):
                # Valkey is away, and with it every nudge: late beats not at all.
                provision(connection, late[:TAKE], self._rosters)
            for one in stuck:
                if one.single:
                    self._nurse(connection, one)
            for list_id in disconnecting:
                if not self._bell.forget(list_id):
                    forget(connection, list_id)
            self._resume(connection, idle)
            self._begin_due(connection, due)
            self._months.some(connection)
            self._purge.some(connection)
            self._bursting.some(connection)
        finally:
            connection.execute("select pg_advisory_unlock(%s)", (SWEEP_LOCK,))

    def _nurse(self, connection: Connection, stuck: Stuck) -> None:
        """Take a lane that kills or hangs its drains alone, one row; give the row up after some attempts."""
        lane = stuck.lane
        if stuck.hopeless:
            put_aside(connection, lane, stuck.oldest_seq, "its drains were killed, hung or broke off, alone as well")
            return
        with database.transaction(connection, [lane.list_id]) as cursor:
            if not trouble.note_attempt(cursor, lane):
                return
        _log.warning("lane_single", list=lane.list_id, lane=lane.number, rings=stuck.rings)
        try:
            settled = provision(connection, [lane], self._rosters, limit=1, single=True)
        except database.STATE:
            self._innocent.add(lane)
            raise
        self._forgive(connection, [lane])
        self._bell.ring(settled.again)

    def _forgive(self, connection: Connection, lanes: Iterable[Lane]) -> None:
        for lane in lanes:
            with database.transaction(connection, [lane.list_id]) as cursor:
                trouble.forgive(cursor, lane)

    def _resume(self, connection: Connection, idle: Iterable[tuple[str, str, str]]) -> None:
        """Nudge for jobs whose worker was killed, or never heard of them."""
        for list_id, job_id, kind in idle:
            if kind == jobs.REMAP and not self._bell.remap(list_id, job_id):
                remap.remap(connection, list_id, job_id, self._rosters, self._bell.ring, self._seconds)
            elif kind == jobs.FIELDS and not self._bell.fields(list_id, job_id):
                refit.refit(connection, list_id, job_id, self._seconds)
            elif kind == jobs.SESSION and not self._bell.session(list_id, job_id):
                sessions.purge(connection, list_id, job_id, self._seconds)
            elif kind == jobs.SYNC:
                # Not here while Valkey is away: the sweep has no time to wait for Microsoft.
                self._bell.sync(list_id, job_id)
            elif kind == jobs.IMPORT:
                self._bell.people(list_id, job_id)

    def _begin_due(self, connection: Connection, due: Iterable[str]) -> None:
        """Begin the runs whose time has come; where one is at work already, that one counts."""
        for list_id in due:
            try:
                with database.transaction(connection, [list_id]) as cursor:
                    run_id = schedules.begin(cursor, list_id)
            except Exception as error:
                if connection.closed:
                    raise
                # Somebody holds its row, or its time zone is gone: the others' time has come all the same.
                _log.warning("sync_not_begun", list=list_id, error=repr(error))
                continue
            if run_id is not None:
                self._bell.sync(list_id, run_id)


def forget(connection: Connection, list_id: str) -> None:
    """Forget a disconnected list, slice by slice, for a share of time (I9); the next pass nudges again.

    Another worker at it, or rows still to apply, end it.
    """
    ends, more = time.monotonic() + FORGET_SECONDS, True
    while more and time.monotonic() < ends:
        with database.transaction(connection, [list_id]) as cursor:
            more = connections.forget(cursor, list_id)
