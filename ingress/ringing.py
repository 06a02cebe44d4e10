"""The bell is rung beside the event loop, which a Valkey that hangs would hold up."""

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from models.journal import Lane


class Ringer:
    """A thread that rings for whoever asks; what is asked while it rings is one ring more."""

    def __init__(self, ring: Callable[[Iterable[Lane]], object]) -> None:
        self._ring = ring
        self._asked: SimpleQueue[Sequence[Lane] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="ringer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ring for what is left, then end."""
        self._asked.put(None)
        self._thread.join(timeout=3)

    def ring(self, lanes: Sequence[Lane]) -> None:
        """Have these lanes rung. Never waits, never raises: a ring that is lost costs two seconds."""
        self._asked.put(lanes)

    def _run(self) -> None:
        asked: list[Sequence[Lane] | None] = []
        while None not in asked:
            asked = [self._asked.get()]
            with suppress(Empty):
                while True:
                    asked.append(self._asked.get_nowait())
            if lanes := {lane for one in asked if one is not None for lane in one}:
                self._ring(lanes)
