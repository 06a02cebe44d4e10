"""The data folder's memory: who runs here (a lock), where, and which processes belong to it."""

import fcntl
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from ops.embedded import MARK
from ops.supervisor import end_all, kill_group

DEFAULT_FOLDER = Path(".muster")


class Running(Exception):
    """Somebody holds the folder; the text says who."""


class Folder:
    """A data folder. Everything in it is closed to other users; the folder itself may be passed
    (not listed) as root, because PostgreSQL then runs as another user."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: IO[str] | None = None

    @property
    def _state(self) -> Path:
        return self.path / "state.json"

    def take(self) -> None:
        """Make the folder if it is missing and lock it for as long as this process lives."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
        lock = open(self.path / "lock", "a+")  # noqa: SIM115 - held until the process ends
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise Running(self._who()) from None
        self._lock = lock

    def release(self) -> None:
        """Let somebody else take it; the end of the process does so too."""
        if self._lock is not None:
            self._lock.close()
        self._lock = None

    def _who(self) -> str:
        state = self.read()
        where = f" at {state['url']}" if state.get("url") else ""
        return (
            f"Muster is running on {self.path} already{where} (process {state.get('pid', 'unknown')}):"
            " stop that one, or choose another folder with --data"
        )

    def held(self) -> bool:
        """Whether a running `muster up` holds the folder."""
        try:
            with open(self.path / "lock") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def read(self) -> dict[str, Any]:
        """What the last `up` wrote down."""
        try:
            state: dict[str, Any] = json.loads(self._state.read_text())
        except (OSError, ValueError):
            return {}
        return state

    def write(self, state: dict[str, Any]) -> None:
        """Write the state down, readable by us alone; never half of it."""
        draft = self._state.with_suffix(".new")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(state, file, indent=1)
        draft.replace(self._state)

    def forget(self) -> None:
        """Nobody runs here any more."""
        self._state.unlink(missing_ok=True)

    def end_leftovers(self) -> list[int]:
        """Kill what a killed predecessor left running; returns the processes."""
        state = self.read()
        if not state:
            return []
        left = sorted({*_recorded(state.get("children", [])), *_marked(self.path)})
        for pid in left:
            kill_group(pid)
        end_all(left)
        return left


def started(pid: int) -> float | None:
    """When a process began: with its number, what tells it from a later one of the same number."""
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def _recorded(children: Iterable[dict[str, Any]]) -> Iterable[int]:
    for child in children:
        if child["started"] is not None and started(child["pid"]) == child["started"]:
            yield child["pid"]


def _marked(path: Path) -> Iterable[int]:
    # A forked child whose parent is dead is in no record; its environment tells.
    import psutil

    for process in psutil.process_iter():
        try:
            ours = process.environ().get(MARK) == str(path) or (
                process.name() == "postgres" and process.cwd() == str(path / "postgres")
            )
        except psutil.Error:
            continue
        if ours and process.pid != os.getpid():
            yield process.pid
