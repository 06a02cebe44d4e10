"""What the actors share: connections, and the places for long work."""

import threading
from typing import Any

import pytest

from ops.settings import Settings
from workers.app import Drains


class Bell:
    """Keeps what it was asked to nudge for."""

    def __init__(self) -> None:
        self.nudged: list[tuple[str, str]] = []

    def ring(self, *_: Any, **__: Any) -> bool:
        return True

    def remap(self, list_id: str, job_id: str) -> bool:
        self.nudged.append((list_id, job_id))
        return True


def test_long_work_leaves_a_thread_to_the_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    bell, worked, begun, end = Bell(), list[str](), threading.Event(), threading.Event()

    def remap(_: Any, list_id: str, *__: Any) -> bool:
        worked.append(list_id)
        begun.set()
        return end.wait(10)

    monkeypatch.setattr("workers.app.remap.remap", remap)
    monkeypatch.setattr(Drains, "connection", lambda _: None)
    drains = Drains(Settings(worker_threads=2), bell)  # type: ignore[arg-type]
    first = threading.Thread(target=drains.remap, args=("one", "1"))
    first.start()
    begun.wait(10)
    drains.remap("other", "2")
    beside = list(worked)
    end.set()
    first.join(10)
    drains.remap("other", "2")

    assert (beside, worked) == (["one"], ["one", "other"])
    assert bell.nudged == [("one", "1"), ("other", "2")]
