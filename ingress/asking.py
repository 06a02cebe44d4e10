"""Questions to Microsoft Graph that a page waits for: two at a time, while no database connection is held."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ingress.office import Office
from models.directory.connections import DirectoryConnection
from models.errors import Refused, Unavailable
from ops.graph import Graph

AT_ONCE = 2  # of a process: each holds a thread of the console or the API for as long as Microsoft takes
BUSY = "Two others are asking Microsoft at the moment: try again in a few seconds."

_asking = threading.BoundedSemaphore(AT_ONCE)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Told(Generic[T]):
    """What Microsoft answered, or a sentence that says why it did not; `status` is the page's."""

    answer: T | None
    error: str = ""
    status: int = 200


def ask(office: Office, one: DirectoryConnection, question: Callable[[Graph], T], anew: bool = False) -> Told[T]:
    """Ask a connection's directory. To be called outside of `at_desk`: an answer may take many seconds."""
    try:
        with _turn():
            return Told(question(office.graphs.of(one, anew)))
    except Refused as refusal:
        detail = refusal.detail
        return Told(None, f"{detail[:1].upper()}{detail[1:].rstrip('.')}.", 503 if isinstance(refusal, Busy) else 422)


class Busy(Unavailable):
    """Others are asking, and none is left to wait."""


class _turn:
    def __enter__(self) -> None:
        if not _asking.acquire(blocking=False):
            raise Busy(BUSY)

    def __exit__(self, *_: object) -> None:
        _asking.release()
