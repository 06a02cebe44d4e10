"""The processes of a running stack by what they do, and their violent deaths."""

import os
import signal

import psutil
import psycopg
import redis

from tests.journeys.system import Muster
from tests.journeys.waiting import eventually

KINDS = ("ingress", "workers", "valkey", "postgres")


class Processes:
    """Who serves: the forked ingress and worker processes, Valkey, and Postgres's postmaster."""

    def __init__(self, stack: Muster) -> None:
        self.stack = stack
        self.counts = {kind: len(self.members(kind)) for kind in KINDS}
        self.killed: set[int] = set()
        assert all(self.counts.values()), self.counts

    def members(self, kind: str) -> list[psutil.Process]:
        """The processes of a kind that do its work, not those that merely watch over them."""
        found = {process.pid: process for process in self.stack.processes()}
        members = [process for process in found.values() if _is(process, kind, found)]
        # Oldest first: workers are forked before what serves their metrics.
        return sorted(members, key=lambda process: process.pid)

    def kill(self, kind: str) -> None:
        """SIGKILL one of them: no goodbye, nothing flushed."""
        victim = eventually(lambda: self.members(kind), 30, f"a {kind} process to kill")[0]
        os.kill(victim.pid, signal.SIGKILL)
        eventually(lambda: not victim.is_running() or victim.status() == psutil.STATUS_ZOMBIE, 10, f"{kind}'s death")
        self.killed.add(victim.pid)

    def all_back(self) -> bool:
        """Whether as many of each kind are there as in the beginning, and answer."""
        present = {kind: len(self.members(kind)) for kind in KINDS}
        return present == self.counts and self._postgres_answers() and self._valkey_answers()

    def _postgres_answers(self) -> bool:
        try:
            self.stack.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _valkey_answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.stack.ready["redis_url"], socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def _is(process: psutil.Process, kind: str, found: dict[int, psutil.Process]) -> bool:
    try:
        words = process.cmdline()
        if process.status() == psutil.STATUS_ZOMBIE or not words:
            return False
        if kind == "valkey":
            return "valkey-server" in words[0] or "redis-server" in words[0]
        if kind == "postgres":
            return os.path.basename(words[0]) == "postgres" and "-D" in words
        # `muster ingress` and `muster workers` are masters of forks that look like them.
        parent = found.get(process.ppid())
        return words[-1] == kind and parent is not None and parent.cmdline()[-1] == kind
    except psutil.NoSuchProcess:
        return False
