"""How a worker process ends: at once when it is idle, after its drain when it is in one."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from dramatiq import Worker

from models.connection import Roster
from models.journal import Lane
from ops import bell as bells
from ops.bell import Bell
from ops.settings import Settings
from tests.journeys.waiting import eventually
from tests.valkey import running_valkey
from workers import app, main
from workers.provision import Settled

WITHIN = 20  # seconds until a test gives up
FOR_EVER = 3_600.0  # what nothing ends lasts longer than any test


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[str]:
    """A doorbell of the test's own."""
    with running_valkey(tmp_path) as server:
        yield server.url()


@pytest.fixture
def worker(database_url: str, valkey: str) -> Worker:
    """One as a worker process has it; a test starts it. Its waits for Valkey do not end by themselves."""
    patient = f"{valkey}{'&' if '?' in valkey else '?'}socket_timeout={FOR_EVER}"
    return main.worker(Settings(database_url=database_url, redis_url=patient, worker_threads=2))


def stopping(worker: Worker) -> threading.Thread:
    """A thread that stops it and closes its broker, however long that takes."""
    thread = threading.Thread(target=main.stop, args=(worker, FOR_EVER), daemon=True)
    thread.start()
    return thread


def test_an_idle_worker_stops_without_waiting_for_its_polls(
    worker: Worker, valkey: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "REST_SECONDS", FOR_EVER)
    monkeypatch.setattr(app, "compute_backoff", lambda *_, **__: (1, int(FOR_EVER * 1000)))
    with redis.Redis.from_url(valkey) as client:
        worker.start()
        eventually(lambda: [each for each in client.client_list() if each["cmd"] == "blpop"], WITHIN, "a resting one")
        stopped = stopping(worker)
        stopped.join(WITHIN)
        left = client.keys(f"{bells.WAKE}*")

    assert not stopped.is_alive()
    assert left == []


def test_a_drain_that_was_begun_is_finished_and_its_message_acknowledged(
    worker: Worker, valkey: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drained, begun, end = list[Lane](), threading.Event(), threading.Event()

    def provision(_: Any, lanes: list[Lane], __: dict[str, Roster]) -> Settled:
        begun.set()
        assert end.wait(WITHIN)
        drained.extend(lanes)
        return Settled()

    monkeypatch.setattr(app, "provision", provision)
    worker.start()
    Bell(valkey).ring([Lane("list", 3)])
    assert begun.wait(WITHIN)
    stopped = stopping(worker)
    eventually(lambda: not any(thread.running for thread in worker.workers), WITHIN, "the threads told")
    waited = stopped.is_alive()
    end.set()
    stopped.join(WITHIN)
    with redis.Redis.from_url(valkey) as client:
        messages = client.hlen(f"{bells.NAMESPACE}:{bells.QUEUE}.msgs")

    assert waited
    assert not stopped.is_alive()
    assert (drained, messages) == ([Lane("list", 3)], 0)
