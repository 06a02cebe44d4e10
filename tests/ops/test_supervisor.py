import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ops import supervisor
from ops.supervisor import Child, Failed, Supervisor

SLEEPER = "import time; time.sleep(60)"
PARENT = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', '{SLEEPER}']); time.sleep(60)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"


def starting(code: str, stdout: int | None = None) -> Callable[[], "subprocess.Popen[bytes]"]:
    return lambda: subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=stdout)


def eventually(condition: Callable[[], bool], within: float = 5.0) -> None:
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "did not come true"
        time.sleep(0.01)


@pytest.fixture
def children() -> Iterator[Supervisor]:
    """A supervisor that watches in a thread and is stopped at the end."""
    running = Supervisor(lambda _: None)
    watching = threading.Thread(target=running.watch)
    watching.start()
    yield running
    running._stop.set()
    watching.join()
    running.stop([child.name for child in running.children], within=2)


def pid_of(child: Child) -> int:
    assert child.process is not None
    return child.process.pid


def test_a_dead_child_is_started_again_within_two_seconds(children: Supervisor) -> None:
    child = Child("sleeper", starting(SLEEPER))
    children.add(child)
    first = pid_of(child)

    psutil.Process(first).kill()

    eventually(lambda: child.alive() and pid_of(child) != first, within=2)


def test_the_rest_of_a_dead_childs_group_goes_before_it_is_started_again(children: Supervisor) -> None:
    child = Child("parent", starting(PARENT))
    children.add(child)
    first = pid_of(child)
    eventually(lambda: supervisor.offspring(first) == 1)
    [grandchild] = psutil.Process(first).children()

    psutil.Process(first).kill()

    eventually(lambda: child.alive() and pid_of(child) != first)
    assert not supervisor.runs(grandchild.pid)


def test_a_child_that_loses_a_process_is_replaced_when_it_must_be_whole(children: Supervisor) -> None:
    child = Child("parent", starting(PARENT), whole=True)
    children.add(child)
    first = pid_of(child)
    eventually(lambda: child.most == 1)

    psutil.Process(first).children()[0].kill()

    eventually(lambda: pid_of(child) != first and child.alive())


def test_a_child_that_keeps_dying_is_given_more_and_more_time(
    children: Supervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    children.add(Child("hopeless", starting("pass")))

    eventually(lambda: children.children[0].deaths >= 3)

    assert '"again_in": 0.4' in capsys.readouterr().err


def test_a_child_that_does_not_listen_is_killed_when_its_time_is_over() -> None:
    deaf = Child("deaf", starting(DEAF, stdout=subprocess.PIPE))
    running = Supervisor(lambda _: None)
    running.add(deaf)
    assert deaf.process
    assert deaf.process.stdout
    with deaf.process.stdout as said:
        said.readline()

    running.stop(["deaf"], within=0.2)

    assert deaf.process.poll() is not None
    assert running.children == []


def test_waiting_ends_when_a_child_ends_first() -> None:
    running = Supervisor(lambda _: None)
    running.add(Child("short", starting("pass")))

    with pytest.raises(Failed, match="short ended while Muster waited for better times"):
        running.until(lambda: False, "better times", 5)

    running.stop(["short"], within=1)


def test_a_zombie_does_not_run(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    eventually(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)

    assert not supervisor.runs(process.pid)
    process.wait()


def test_a_process_whose_first_thread_alone_has_ended_runs() -> None:
    """Killed, a process with threads is a zombie for a moment in which it holds its port still."""
    rest = "threading.Thread(target=time.sleep, args=[60]).start()"
    end = "ctypes.CDLL(None).pthread_exit(None)"
    process = subprocess.Popen([sys.executable, "-c", f"import ctypes, threading, time; {rest}; {end}"])
    eventually(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
    try:
        assert supervisor.runs(process.pid)
    finally:
        process.kill()
    eventually(lambda: not supervisor.runs(process.pid))
    process.wait()
