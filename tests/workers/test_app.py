"""What the actors share: connections, and the places for long work."""

import threading
from collections.abc import Iterable
from typing import Any

import pytest
from psycopg import errors

from models.journal import Lane
from ops.settings import Settings
from workers import app
from workers.app import Drains

LANE = Lane("list", 3)


class Bell:
    """Keeps what it was asked to nudge for."""

    def __init__(self) -> None:
        self.nudged: list[tuple[str, str]] = []
        self.done: list[object] = []

    def ring(self, lanes: Iterable[Lane], insist: bool = False) -> bool:
        self.done += lanes
        return True

    def take(self) -> list[Lane]:
        return [LANE]

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


def test_while_the_disk_is_full_drains_are_tried_again_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    bell = Bell()

    def fail(*_: Any) -> None:
        raise errors.DiskFull

    monkeypatch.setattr(app, "provision", fail)
    monkeypatch.setattr("workers.app.time.sleep", bell.done.append)
    monkeypatch.setattr(Drains, "connection", lambda _: None)
    with pytest.raises(errors.DiskFull):
        Drains(Settings(), bell).drain()  # type: ignore[arg-type]

    assert bell.done == [app.STATE_SECONDS, LANE]
