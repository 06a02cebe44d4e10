"""Forked processes of one kind: started together, told to stop together, gone together.

Dramatiq's own command does that too, but its processes look once a second whether they are to stop, and so does the
thread that reads their logs.
"""

import mmap
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from functools import partial

ASKED = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
STARTED = signal.SIGUSR1  # from one that has; which ones have is in memory that they share
HEARD = ASKED | {STARTED, signal.SIGCHLD}

Started = Callable[[], None]


def run(count: int, work: Callable[[Started], None], beside: Callable[[], None]) -> int:
    """Fork processes that work until SIGTERM, and another beside them when all of them have called their argument.

    Returns what to exit with when the last is gone. Where one ends unasked, all of them have to.
    """
    # Blocked, in the processes too, signals wait until somebody takes them: none comes in between.
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # one that is ignored need not be kept
    started = mmap.mmap(-1, count)
    living = {_fork(partial(work, partial(_tell_started, os.getpid(), started, number))) for number in range(count)}
    stopping, served, code = False, False, 0
    while living:
        heard = signal.sigwait(HEARD)
        if heard == STARTED and all(started[:]) and not (served or stopping):
            served = True
            living.add(_fork(partial(_serve, beside)))
        elif heard == signal.SIGCHLD:
            ended = dict(_ended())
            living -= ended.keys()
            if not _well(ended.values()) or (ended and not stopping):
                code = 1
        if heard in ASKED or (code and not stopping):
            stopping = True
            _tell_to_stop(living)
    return code


def heed() -> None:
    """From now on SIGTERM ends this process at once: who asks twice will not wait."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])


def _serve(beside: Callable[[], None]) -> None:
    heed()
    beside()


def _tell_started(master: int, started: mmap.mmap, number: int) -> None:
    started[number] = 1
    os.kill(master, STARTED)


def _tell_to_stop(processes: Iterable[int]) -> None:
    # A terminal tells everybody of Ctrl-C; they leave SIGINT blocked, and hear of it here.
    for pid in processes:
        os.kill(pid, signal.SIGTERM)


def _well(statuses: Iterable[int]) -> bool:
    return all(os.waitstatus_to_exitcode(status) in (0, -signal.SIGTERM) for status in statuses)


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
        what()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
