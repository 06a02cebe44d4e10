"""Forked processes of one kind, as a process of its own has them."""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
WITHIN = 20  # seconds until a test gives up
MASTER = """
import os, signal, sys, threading
from ops import forks

def say(what):
    os.write(1, f"{what} {os.getpid()}\\n".encode())

def work(started):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    say("worker")
    started()
    signal.sigwait([signal.SIGTERM])
    say("ended")

def beside(leaving):
    say("beside")
    threading.Event().wait()

sys.exit(forks.run(2, work, beside))
"""
DEAF = MASTER.replace('say("ended")', 'forks.heed(); say("deaf"); threading.Event().wait()')
AGAIN = MASTER.replace("beside))", "beside, again=0.01))").replace(
    "import forks", "import forks, logs\nlogs.configure('info')"
)
HUNG = MASTER.replace("signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])", "pass").replace(
    "    started()", "    threading.Event().wait()"
)
SLOW = MASTER.replace('say("ended")', 'os.read(0, 1); say("ended")').replace(
    "    threading.Event().wait()", "    while not leaving(): pass\n    say('left'); threading.Event().wait()"
)
BROKEN = MASTER.replace("    started()", "    raise RuntimeError('no broker')")


class Master:
    """A running one, and what its processes said."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def heard(self, count: int) -> list[tuple[str, int]]:
        """The next lines: who spoke, and its process."""
        assert self.process.stdout
        lines = [self.process.stdout.readline().split() for _ in range(count)]
        return [(who, int(pid)) for who, pid in lines]

    def rest(self) -> str:
        """What else they say until all of them are gone."""
        assert self.process.stdout
        return self.process.stdout.read()


@contextmanager
def running(code: str) -> Iterator[Master]:
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Master(process)
    finally:
        if process.poll() is None:
            for left in [*psutil.Process(process.pid).children(), psutil.Process(process.pid)]:
                with suppress(psutil.NoSuchProcess):  # told by its master, when another was killed
                    left.kill()
        process.communicate(timeout=WITHIN)


def test_what_serves_beside_them_starts_when_all_have_started() -> None:
    with running(MASTER) as master:
        said = [who for who, _ in master.heard(3)]

    assert said == ["worker", "worker", "beside"]


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_asked_to_stop_it_waits_for_all_of_them_and_succeeds(asked: signal.Signals) -> None:
    with running(MASTER) as master:
        pids = {pid for _, pid in master.heard(3)}
        master.process.send_signal(asked)
        code = master.process.wait(WITHIN)
        said = master.rest().split()

    assert (code, said.count("ended")) == (0, 2)
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


def test_what_serves_beside_them_hears_first_that_they_leave_and_ends_last() -> None:
    with running(SLOW) as master:
        beside = dict(master.heard(3))["beside"]
        master.process.terminate()
        told = master.heard(1)
        assert master.process.stdin
        master.process.stdin.write("ab")
        master.process.stdin.flush()
        code, said = master.process.wait(WITHIN), master.rest().split()

    assert told == [("left", beside)]
    assert (code, said.count("ended")) == (0, 2)


def test_a_start_that_hangs_is_ended() -> None:
    with running(HUNG) as master:
        master.heard(2)
        master.process.terminate()

        assert master.process.wait(WITHIN) == 0


def test_a_key_that_interrupts_the_terminal_reaches_them_through_their_master_alone() -> None:
    with running(MASTER) as master:
        pids = {who: pid for who, pid in master.heard(3)}
        psutil.Process(pids["worker"]).send_signal(signal.SIGINT)
        psutil.Process(pids["beside"]).send_signal(signal.SIGINT)
        master.process.send_signal(signal.SIGTERM)

        assert master.process.wait(WITHIN) == 0


def test_one_that_dies_ends_all_of_them_as_a_failure() -> None:
    with running(MASTER) as master:
        dead = master.heard(3)[0][1]
        psutil.Process(dead).kill()
        code = master.process.wait(WITHIN)
        said = master.rest().split()

    assert (code, said.count("ended")) == (1, 1)


def test_one_that_dies_is_forked_again_where_that_is_wanted() -> None:
    with running(AGAIN) as master:
        said = master.heard(3)
        psutil.Process(said[0][1]).kill()
        who, pid = master.heard(1)[0]
        master.process.terminate()
        code = master.process.wait(WITHIN)
        ended = master.rest().split().count("ended")

    assert (who, code, ended) == ("worker", 0, 2)
    assert pid not in [each for _, each in said]


def test_one_that_is_forked_again_and_cannot_start_does_not_end_the_others() -> None:
    with tempfile.TemporaryDirectory() as folder:
        flag = Path(folder) / "broken"
        broken = (
            f"    if os.path.exists({str(flag)!r}):\n        os.remove({str(flag)!r})\n        raise RuntimeError\n"
        )
        code = AGAIN.replace('    say("worker")\n', broken + '    say("worker")\n')
        with running(code) as master:
            said = master.heard(3)
            flag.touch()
            psutil.Process(said[0][1]).kill()
            who, pid = master.heard(1)[0]
            master.process.terminate()
            ended = master.process.wait(WITHIN)

    assert (who, ended, flag.exists()) == ("worker", 0, False)
    assert pid not in [each for _, each in said]


def test_one_that_cannot_start_tells_why_and_ends_all_of_them() -> None:
    with running(BROKEN) as master:
        code = master.process.wait(WITHIN)
        assert master.process.stderr
        errors = master.process.stderr.read()

    assert code == 1
    assert "no broker" in errors


def test_asked_twice_they_end_at_once() -> None:
    with running(DEAF) as master:
        master.heard(3)
        master.process.terminate()
        deaf = [who for who, _ in master.heard(2)]
        master.process.terminate()
        code = master.process.wait(WITHIN)

    assert (deaf, code) == (["deaf", "deaf"], 0)


def test_asked_before_they_have_started_it_ends_all_the_same() -> None:
    slow = MASTER.replace("    started()", "    pass")
    with running(slow) as master:
        master.heard(2)
        master.process.terminate()

        assert master.process.wait(WITHIN) == 0
        assert master.rest().split().count("ended") == 2
