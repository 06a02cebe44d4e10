"""Dramatiq middleware of our own: the life of the sweep."""

from typing import Any

import dramatiq

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
