"""A worker process: Dramatiq's worker on our broker, from its fork to its end."""

import gc
import signal
from collections.abc import Callable

from dramatiq import Worker

from ops.forks import heed
from ops.settings import Settings
from workers.app import build

PREFETCH = 1024  # messages; the default throttles a thread to 260 a second
LOOK_EVERY_MS = 100  # a thread without work looks into the process's own queue, and whether it is to stop


def work(settings: Settings, finish_within: float, started: Callable[[], None]) -> None:
    """Work until SIGTERM comes, then finish what was begun, or give it back after so many seconds."""
    ours = worker(settings)
    collect_seldom()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # in its threads as well: it is waited for below
    ours.start()
    started()
    signal.sigwait([signal.SIGTERM])
    heed()
    stop(ours, finish_within)


def collect_seldom() -> None:
    """Drains make tens of thousands of objects that live for a transaction and are in no cycle: to look for cycles
    among them every 700 objects, as Python does, took a sixth of a drain's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)  # more would save no more, and let a process grow by 14 MB


def worker(settings: Settings) -> Worker:
    """One that is ready to start."""
    broker = build(settings)
    broker.emit_after("process_boot")
    ours = Worker(broker, worker_timeout=LOOK_EVERY_MS, worker_threads=settings.worker_threads)
    ours.queue_prefetch = PREFETCH
    return ours


def stop(ours: Worker, within: float) -> None:
    """Have its threads finish what they are at; what they were to do next goes back to the queue."""
    ours.stop(timeout=int(within * 1000))
    ours.broker.close()
