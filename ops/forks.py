"""Forked processes of one kind: started together, told to stop together, gone together.

Dramatiq's own command does that too, but its processes look once a second whether they are to stop, and so does the
thread that reads their logs.
"""

import mmap
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import structlog

ASKED = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
STARTED = signal.SIGUSR1  # from one that has; which ones have is in memory that they share
HEARD = ASKED | {STARTED, signal.SIGCHLD}

Started = Callable[[], None]
Leaving = Callable[[], bool]


def run(
    count: int,
    work: Callable[[Started], None],
    beside: Callable[[Leaving], None],
    again: float | None = None,
    leave: Callable[[], object] = lambda: None,
) -> int:
    """Fork processes that work until SIGTERM, and another beside them when all of them have called their argument.

    SIGTERM ends a process at once until its `work` takes it over. The one beside is asked to stop when all others are
    gone; until then it can ask whether they are leaving.

    Returns what to exit with when the last is gone. Where one ends unasked, all of them have to; or, with `again`, one
    that had started is forked anew after so many seconds. `leave` is called once they are told to stop.
    """
    # Blocked, in the processes too, signals wait until somebody takes them: none comes in between.
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # one that is ignored need not be kept
    return _Forks(count, work, beside, again, leave).run()


class _Forks:
    """The processes that live, by pid; `due` are those to be forked again, and when."""

    def __init__(
        self,
        count: int,
        work: Callable[[Started], None],
        beside: Callable[[Leaving], None],
        again: float | None,
        leave: Callable[[], object],
    ) -> None:
        self._work, self._beside, self._again, self._leave = work, beside, again, leave
        self._started, self._leaving = mmap.mmap(-1, count), mmap.mmap(-1, 1)  # memory that all of them share
        self._living: dict[int, int | None] = {}  # the number of a worker
        self._due: dict[int, float] = {}
        self._proven: set[int] = set()  # have started once
        self._served, self._stopping, self._code = False, False, 0
        for number in range(count):
            self._fork(number)

    def run(self) -> int:
        """Until the last is gone."""
        while self._living or self._due:
            heard = self._heard()
            if heard == STARTED and all(self._started[:]) and not (self._served or self._stopping):
                self._served = True
                self._living[_fork(partial(self._beside, lambda: bool(self._leaving[0])))] = None
            elif heard == signal.SIGCHLD:
                for pid, status in _ended():
                    self._gone(self._living.pop(pid, None), status)
            if heard in ASKED or (self._code and not self._stopping):
                self._stop()
            if self._stopping and all(number is None for number in self._living.values()):
                _tell_to_stop(self._living)
        return self._code

    def _stop(self) -> None:
        """Tell those that work; who asks twice will not wait."""
        self._leaving[0] = 1  # nobody is to be sent here any more, before the first of them goes
        self._due.clear()
        _tell_to_stop(pid for pid, number in self._living.items() if self._stopping or number is not None)
        self._stopping = True
        self._leave()

    def _heard(self) -> int | None:
        """The next signal; None when somebody is to be forked again, and was."""
        if not self._due:
            return signal.sigwait(HEARD)
        number, at = min(self._due.items(), key=lambda item: item[1])
        heard = signal.sigtimedwait(HEARD, max(0.0, at - time.monotonic()))
        if heard is None:
            del self._due[number]
            self._fork(number)
        return heard.si_signo if heard is not None else None

    def _gone(self, number: int | None, status: int) -> None:
        well = os.waitstatus_to_exitcode(status) in (0, -signal.SIGTERM)
        if self._stopping:
            self._code = self._code if well else 1
        elif number is not None and self._again is not None and self._is_proven(number):
            structlog.get_logger().error("process_ended", status=os.waitstatus_to_exitcode(status))
            self._started[number] = 0
            self._due[number] = time.monotonic() + self._again
        else:
            self._code = 1

    def _is_proven(self, number: int) -> bool:
        """Whether it has ever started: one that never did is wrong for good."""
        if self._started[number]:
            self._proven.add(number)
        return number in self._proven

    def _fork(self, number: int) -> None:
        work = partial(self._work, partial(_tell_started, os.getpid(), self._started, number))
        self._living[_fork(work)] = number


def heed() -> None:
    """From now on SIGTERM ends this process at once: who asks twice will not wait."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])


def _tell_started(master: int, started: mmap.mmap, number: int) -> None:
    started[number] = 1
    os.kill(master, STARTED)


def _tell_to_stop(processes: Iterable[int]) -> None:
    # A terminal tells everybody of Ctrl-C; they leave SIGINT blocked, and hear of it here.
    for pid in processes:
        os.kill(pid, signal.SIGTERM)


def _ended() -> Iterator[tuple[int, int]]:
    """The children that are gone, and how. One signal may stand for several."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        yield pid, status


def _fork(what: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        heed()  # a start that hangs can be ended
        what()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
