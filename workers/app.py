"""Wires the workers: broker, waking consumer, actors."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.common import compute_backoff
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import AgeLimit, Retries, ShutdownNotifications, TimeLimit

from models import database
from models.connection import Roster
from models.database import Connection
from ops import bell as bells
from ops.bell import Bell
from ops.graphs import Graphs
from ops.settings import Settings
from workers import importing, refit, remap, sessions, sweep
from workers.directory import run as directory
from workers.middleware import Counting, Leaving, Sweeping
from workers.provision import provision

# A drain that hangs gives its locks back; the claim's plan must not read the journal whole when it
# was never analysed (a bitmap scan did: 31 ms against 1.4 ms, with 800,000 dead rows).
DRAIN_OPTIONS = (
    "-c lock_timeout=1000 -c statement_timeout=5000 -c transaction_timeout=10000 -c plan_cache_mode=force_generic_plan"
    " -c enable_bitmapscan=off -c enable_seqscan=off -c enable_sort=off -c enable_hashjoin=off -c enable_mergejoin=off"
)
SYNC_OPTIONS = "-c lock_timeout=2000 -c statement_timeout=60000"
IMPORT_OPTIONS = "-c lock_timeout=1000 -c statement_timeout=10000 -c plan_cache_mode=force_generic_plan"
MAX_RETRIES, LEAST_BACKOFF_MS, MOST_BACKOFF_MS = 3, 100, 2_000
TIME_LIMIT_MS, AGE_LIMIT_MS = 60_000, 60_000
STATE_SECONDS = 0.25  # until a drain is tried again that PostgreSQL refused for its own state
REST_SECONDS = 1.0  # at most, between two looks into an empty queue


class WakingConsumer(_RedisConsumer):
    """Waits for the bell's wake key instead of polling: 7 ms to pick a lone message up, not 200.

    And for the end: of Dramatiq's own sleep, which nothing wakes, only the shortest is left (5 ms).
    """

    def __next__(self) -> Any:
        tries, self.misses = self.misses, 0
        message = super().__next__()  # type: ignore[no-untyped-call]
        if message is None and not self.broker.leaving.is_set():
            self._rest(tries)
        return message

    def _rest(self, tries: int) -> None:
        if self.queue_name != bells.QUEUE:
            self.misses, pause = compute_backoff(tries, max_backoff=int(REST_SECONDS * 1000))
            self.broker.leaving.wait(pause / 1000)
            return
        try:
            self.broker.client.blpop([bells.WAKE, self.broker.farewell], timeout=REST_SECONDS)
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise ConnectionClosed(error) from None


class WakingBroker(RedisBroker):
    """Dramatiq's Redis broker with consumers that are woken: by the bell, and when their process ends."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self.leaving = threading.Event()
        self.farewell = f"{bells.WAKE}:{self.broker_id}"

    @property
    def consumer_class(self) -> type[WakingConsumer]:
        """The consumer to use."""
        return WakingConsumer

    def leave(self) -> None:
        """Wake the consumers for the last time. In this order: one that does not see it finds the key."""
        self.leaving.set()
        with suppress(redis.RedisError), self.client.pipeline() as pipeline:
            pipeline.lpush(self.farewell, "1")
            pipeline.expire(self.farewell, 5)
            pipeline.execute()


class Drains:
    """What a worker thread keeps between drains: its connection and compiled mappings."""

    def __init__(self, settings: Settings, bell: Bell) -> None:
        self._settings, self._bell = settings, bell
        self._graphs = Graphs(settings)
        self._thread = threading.local()
        # Long work leaves a thread to the lanes; what finds no place is nudged again by the sweep.
        self._places = threading.BoundedSemaphore(max(1, settings.worker_threads - 1))

    def connection(self) -> Connection:
        """This thread's connection, made anew when it was lost."""
        present: Connection | None = getattr(self._thread, "connection", None)
        if present is None or present.closed:
            present = database.connect_patiently(self._settings.database_url, "muster-drain", options=DRAIN_OPTIONS)
            self._thread.connection, self._thread.growth = present, database.Growth()
        return present

    def close(self) -> None:
        """Give this thread's connection up."""
        if hasattr(self._thread, "connection"):
            self._thread.connection.close()

    def rosters(self) -> dict[str, Roster]:
        """This thread's compiled mappings, by list."""
        if not hasattr(self._thread, "rosters"):
            self._thread.rosters = {}
        rosters: dict[str, Roster] = self._thread.rosters
        return rosters

    def drain(self) -> None:
        """Take rung lanes and provision them; what is left is rung again."""
        lanes = self._bell.take()
        if not lanes:
            return
        try:
            connection = self.connection()
            settled = provision(connection, lanes, self.rosters())
            self._thread.growth.note(connection, len(settled.entries))
        except Exception as error:
            if isinstance(error, database.STATE):
                # On a full disk 800 drains in 4 s failed so, each with its lines in the log.
                time.sleep(STATE_SECONDS)
            self._bell.ring(lanes, insist=True)
            raise
        rung = self._bell.any_rung({entry.event.list_id for entry in settled.entries})
        self._bell.ring(settled.again, insist=bool(settled.again) or rung)

    def forget(self, list_id: str) -> None:
        """Forget a disconnected list, for a share of time."""
        with self._place() as free:
            if free:
                sweep.forget(self.connection(), list_id)

    def remap(self, list_id: str, job_id: str) -> None:
        """Map a list again, for a share of time."""
        with self._place() as free:
            more = free and remap.remap(self.connection(), list_id, job_id, self.rosters(), self._bell.ring)
        if more:
            self._bell.remap(list_id, job_id)

    def fields(self, list_id: str, job_id: str) -> None:
        """Change a list's values after a field, for a share of time."""
        with self._place() as free:
            more = free and refit.refit(self.connection(), list_id, job_id)
        if more:
            self._bell.fields(list_id, job_id)

    def session(self, list_id: str, job_id: str) -> None:
        """Delete a session, for a share of time."""
        with self._place() as free:
            more = free and sessions.purge(self.connection(), list_id, job_id)
        if more:
            self._bell.session(list_id, job_id)

    def sync(self, list_id: str, run_id: str) -> None:
        """Pull a list from its directory, for a share of time."""
        with self._place() as free:
            if not free:
                return
            # Of its own: it compares whole lists, which drains' plans and time-outs are not for.
            with database.connect(self._settings.database_url, "muster-sync", options=SYNC_OPTIONS) as connection:
                more = directory.work(connection, list_id, run_id, self._graphs.of_list, self._bell.ring)
        if more:
            self._bell.sync(list_id, run_id)

    def people(self, list_id: str, job_id: str) -> None:
        """Preview or run an import, for a share of time."""
        with self._place() as free:
            if not free:
                return
            # Of its own: it goes through its rows in order, which drains' plans are not for.
            with database.connect(self._settings.database_url, "muster-import", options=IMPORT_OPTIONS) as connection:
                more = importing.work(connection, list_id, job_id)
        if more:
            self._bell.people(list_id, job_id)

    @contextmanager
    def _place(self) -> Iterator[bool]:
        free = self._places.acquire(blocking=False)
        try:
            yield free
        finally:
            if free:
                self._places.release()


def build(settings: Settings) -> RedisBroker:
    """A broker with everything declared on it; nothing else is imported for its side effects."""
    bell = Bell(settings.redis_url)
    drains = Drains(settings, bell)
    broker = WakingBroker(
        url=settings.redis_url,
        namespace=bells.NAMESPACE,
        middleware=[
            AgeLimit(max_age=AGE_LIMIT_MS),
            TimeLimit(time_limit=TIME_LIMIT_MS),
            ShutdownNotifications(),
            Retries(max_retries=MAX_RETRIES, min_backoff=LEAST_BACKOFF_MS, max_backoff=MOST_BACKOFF_MS),
            Counting(),
            Leaving(settings.worker_threads, drains.close),
            Sweeping(sweep.Sweep(settings.database_url, bell)),
        ],
        heartbeat_timeout=15_000,
        maintenance_chance=200_000,
    )
    dramatiq.actor(actor_name=bells.DRAIN, queue_name=bells.QUEUE, broker=broker)(drains.drain)
    dramatiq.actor(actor_name=bells.FORGET, queue_name=bells.JOBS, broker=broker)(drains.forget)
    dramatiq.actor(actor_name=bells.REMAP, queue_name=bells.JOBS, broker=broker)(drains.remap)
    dramatiq.actor(actor_name=bells.FIELDS, queue_name=bells.JOBS, broker=broker)(drains.fields)
    dramatiq.actor(actor_name=bells.SESSION, queue_name=bells.JOBS, broker=broker)(drains.session)
    dramatiq.actor(actor_name=bells.SYNC, queue_name=bells.JOBS, broker=broker)(drains.sync)
    dramatiq.actor(actor_name=bells.IMPORT, queue_name=bells.JOBS, broker=broker)(drains.people)
    return broker
