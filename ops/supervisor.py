"""Children, each in a process group of its own: started, watched, started again, stopped together."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ops.note import note

LOOK_EVERY = 0.1  # seconds
FIRST_DELAY, LONGEST_DELAY = 0.1, 10.0  # seconds before a dead child is started again; doubled each time
STEADY_AFTER = 10.0  # seconds alive, after which a death is a first one again


class Stopped(Exception):
    """Somebody asked us to stop while we were waiting."""


class Failed(Exception):
    """A child did not come up; the text says which and why."""


@dataclass
class Child:
    """One kind of process: how it is started, told to stop, and cleaned up after."""

    name: str
    start: Callable[[], "subprocess.Popen[bytes]"]
    stop_signal: signal.Signals = signal.SIGTERM
    # Processes that our killing its group does not reach.
    orphans: Callable[[], Iterable[int]] = tuple
    # Whether losing one of its own processes means that all of it must go.
    whole: bool = False
    process: "subprocess.Popen[bytes] | None" = None
    deaths: int = 0
    born: float = 0.0
    due: float = 0.0
    most: int = 0

    def launch(self) -> None:
        """Start it. A start that fails counts as a death."""
        self.born, self.most = time.monotonic(), 0
        try:
            self.process = self.start()
        except OSError as error:
            self.process = None
            note("child_not_started", "error", child=self.name, error=str(error))

    def alive(self) -> bool:
        """Whether its first process runs, with nothing missing."""
        if self.process is None or self.process.poll() is not None:
            return False
        return not (self.whole and self._incomplete(self.process.pid))

    def _incomplete(self, pid: int) -> bool:
        count = offspring(pid)
        self.most = max(self.most, count)
        return count < self.most

    def ask_to_stop(self) -> None:
        """Its stop signal, to the first process alone: it tells its own children."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)

    def clear(self) -> None:
        """Kill whatever is left of it, and wait until it is gone."""
        if self.process is not None:
            kill_group(self.process.pid)
            self.process.wait()
        end_all(self.orphans())


def offspring(pid: int) -> int:
    """How many living children a process has; 0 where the system does not tell (it tells on Linux)."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return sum(map(_lives, file.read().split()))
    except OSError:
        return 0


def _lives(pid: str) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (OSError, IndexError):
        return False


def kill_group(leader: int) -> None:
    """SIGKILL to a process group; its members may be gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def end_all(pids: Iterable[int], within: float = 3.0) -> None:
    """SIGKILL to processes that are not our children, and wait until they are gone."""
    left = set(pids)
    for pid in left:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + within
    while left and time.monotonic() < end:
        left = {pid for pid in left if runs(pid)}
        time.sleep(0.01)


def runs(pid: int) -> bool:
    """Whether a process lives; a zombie does not, unless threads of it live on: they hold its sockets still."""
    import psutil

    try:
        process = psutil.Process(pid)
        return bool(process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1)
    except psutil.Error:
        return False


class Supervisor:
    """The children of one `up`, in the order in which they were started."""

    def __init__(self, changed: Callable[[Sequence[Child]], None]) -> None:
        self.children: list[Child] = []
        self._changed = changed
        self._stop = threading.Event()

    def stop_on_signals(self) -> None:
        """SIGTERM, Ctrl-C and a closed terminal end it in good order."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self._stop.set())

    def add(self, *children: Child) -> None:
        """Start children now and watch them from now on."""
        for child in children:
            self.children.append(child)
            child.launch()
        self._changed(self.children)

    def until(self, ready: Callable[[], bool], what: str, seconds: float) -> None:
        """Wait, watching the children; Stopped or Failed when it will not be."""
        end = time.monotonic() + seconds
        while not ready():
            if self._stop.wait(0.02):
                raise Stopped
            dead = [child.name for child in self.children if not child.alive()]
            if dead:
                raise Failed(f"{dead[0]} ended while Muster waited for {what}")
            if time.monotonic() > end:
                raise Failed(f"{what} did not come up within {seconds:.0f} seconds")

    def watch(self) -> None:
        """Until told to stop: start dead children again."""
        while not self._stop.wait(LOOK_EVERY):
            for child in self.children:
                if not child.alive():
                    self._revive(child)

    def end_watch(self) -> None:
        """Have `watch` return."""
        self._stop.set()

    def _revive(self, child: Child) -> None:
        now = time.monotonic()
        if not child.due:
            child.deaths = 1 if now - child.born > STEADY_AFTER else child.deaths + 1
            delay = min(LONGEST_DELAY, FIRST_DELAY * 2 ** (child.deaths - 1))
            child.due = now + delay
            code: Any = child.process.poll() if child.process else None
            note("child_died", "error", child=child.name, code=code, again_in=delay)
            child.clear()
        if now >= child.due:
            child.due = 0.0
            child.launch()
            self._changed(self.children)
            note("child_restarted", "warning", child=child.name, pid=child.process and child.process.pid)

    def stop(self, names: Iterable[str], within: float) -> None:
        """End these children: asked first, all at once; killed when the time is over."""
        chosen = [child for child in self.children if child.name in set(names)]
        for child in chosen:
            child.ask_to_stop()
        end = time.monotonic() + within
        for child in chosen:
            with contextlib.suppress(subprocess.TimeoutExpired):
                if child.process is not None:
                    child.process.wait(max(0.01, end - time.monotonic()))
            child.clear()
            self.children.remove(child)
        self._changed(self.children)
