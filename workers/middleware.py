"""Dramatiq middleware of our own: the life of the sweep, the end of a process, and what becomes of messages."""

import threading
import time
from collections.abc import Callable
from typing import Any

import dramatiq

from ops import metrics
from workers.sweep import Sweep


class Sweeping(dramatiq.Middleware):
    """Starts a sweep with each worker process and ends it with it."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep

    def after_worker_boot(self, broker: Any, worker: Any) -> None:
        """Begin."""
        self._sweep.start()

    def before_worker_shutdown(self, broker: Any, worker: Any) -> None:
        """End."""
        self._sweep.stop()


class Leaving(dramatiq.Middleware):
    """Wakes the consumers when the last worker thread has ended: until then they keep the heartbeat up."""

    def __init__(self, worker_threads: int, close: Callable[[], None]) -> None:
        self._left, self._lock, self._close = worker_threads, threading.Lock(), close

    def before_worker_thread_shutdown(self, broker: Any, thread: Any) -> None:
        """One less; in that thread."""
        self._close()
        with self._lock:
            self._left -= 1
            last = not self._left
        if last:
            broker.leave()


class Counting(dramatiq.Middleware):
    """Counts messages by what became of them: done, failed (each try), skipped, dead.

    Dramatiq's own counts retries twice, once in the queue of delayed messages.
    """

    def __init__(self) -> None:
        self._thread = threading.local()

    def after_worker_boot(self, broker: Any, worker: Any) -> None:
        """The process is there, and what it can do at once."""
        metrics.PROCESSES.labels("workers").set(1)
        metrics.WORKER_THREADS.set(worker.worker_threads)

    def after_declare_actor(self, broker: Any, actor: Any) -> None:
        """From the start, or the first of a kind would be no increase."""
        for outcome in ("done", "failed", "skipped", "dead"):
            metrics.MESSAGES.labels(actor.actor_name, outcome)

    def before_process_message(self, broker: Any, message: Any) -> None:
        """It begins."""
        self._thread.began = time.perf_counter()

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """It has ended, one way or the other."""
        metrics.MESSAGE_SECONDS.labels(message.actor_name).observe(time.perf_counter() - self._thread.began)
        metrics.MESSAGES.labels(message.actor_name, "done" if exception is None else "failed").inc()

    def after_skip_message(self, broker: Any, message: Any) -> None:
        """It was too old."""
        metrics.MESSAGES.labels(message.actor_name, "skipped").inc()

    def after_nack(self, broker: Any, message: Any) -> None:
        """It has failed for good."""
        metrics.MESSAGES.labels(message.actor_name, "dead").inc()
