"""What is done to a Muster: each fault by its name, done once, and over when the function returns."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from random import Random

import psycopg

from models import database
from ops.chaos.ground import Ground, send
from ops.chaos.proxy import Proxy

FULL_FOR, FILLED_FOR, STOPPED_FOR, CUT_FOR = 4.0, 4.0, 4.0, 1.5  # seconds
SLOW = 0.15  # seconds each way
SLOW_FOR = 4.0
MOST_CONNECTIONS = 200  # more than the server takes
MOST_DRAIN_WAIT, MOST_HOLD = 2.0, 5.0  # seconds until a drain is seen at work, or held up

# A drain of ours that holds a transaction at this very moment.
_AT_WORK = "select 1 from pg_stat_activity where application_name = 'muster-drain' and xact_start is not null limit 1"
_HELD_UP = "select 1 from pg_stat_activity where application_name = 'muster-drain' and wait_event_type = 'Lock' limit 1"
_BACKENDS = "select pid from pg_stat_activity where application_name like 'muster-%' and pid <> pg_backend_pid()"

Fault = Callable[[Ground, Random], None]


def kill_ingress(ground: Ground, chance: Random) -> None:
    """SIGKILL to one ingress process."""
    _kill_one(ground, "ingress", chance)


def kill_worker(ground: Ground, chance: Random) -> None:
    """SIGKILL to one worker process while a drain is in its transaction."""
    with ground.connect() as looking:
        end = time.monotonic() + MOST_DRAIN_WAIT
        while looking.execute(_AT_WORK).fetchone() is None and time.monotonic() < end:
            time.sleep(0.001)
    _kill_one(ground, "workers", chance)


def _kill_one(ground: Ground, kind: str, chance: Random) -> None:
    forks = ground.forks(kind)
    send([chance.choice(forks).pid] if forks else [], signal.SIGKILL)


def kill_master(kind: str, ground: Ground, chance: Random) -> None:
    """SIGKILL to the process that watches over the others of a kind."""
    master = ground.master(kind)
    send([master.pid] if master else [], signal.SIGKILL)


def freeze(kind: str, ground: Ground, chance: Random) -> None:
    """SIGSTOP to one process of a kind, which goes on later as if nothing had been."""
    forks = ground.forks(kind)
    stopped = [chance.choice(forks).pid] if forks else []
    send(stopped, signal.SIGSTOP)
    time.sleep(STOPPED_FOR)
    send(stopped, signal.SIGCONT)


def roll(kind: str, ground: Ground, chance: Random) -> None:
    """SIGTERM to all of a kind, as a restart does."""
    master = ground.master(kind)
    send([master.pid] if master else [], signal.SIGTERM)


def kill_supervisor(ground: Ground, chance: Random) -> None:
    """SIGKILL to `muster up`, which is started again by hand."""
    ground.kill_up()
    time.sleep(chance.uniform(0, 1))
    ground.start_up()


def kill_valkey(ground: Ground, chance: Random) -> None:
    """SIGKILL: every lane that was rung is forgotten."""
    process = ground.server("valkey").process
    send([process.pid] if process else [], signal.SIGKILL)


def lose_drain(ground: Ground, chance: Random) -> None:
    """SIGKILL to all workers in the midst of drains that are held up, and to Valkey with the lanes that were rung
    meanwhile: the sweep alone is left to find them."""
    with ground.connect() as holding, database.transaction(holding) as cursor:
        cursor.execute("lock table person in exclusive mode")
        end = time.monotonic() + MOST_HOLD
        while cursor.execute(_HELD_UP).fetchone() is None and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(chance.uniform(0.2, 1))
        send(ground.family("workers"), signal.SIGKILL)
        kill_valkey(ground, chance)


def empty_valkey(ground: Ground, chance: Random) -> None:
    """FLUSHALL."""
    with ground.redis() as client:
        client.flushall()


def kill_postgres(ground: Ground, chance: Random) -> None:
    """SIGKILL to the postmaster."""
    process = ground.server("postgres").process
    send([process.pid] if process else [], signal.SIGKILL)


def crash_postgres(ground: Ground, chance: Random) -> None:
    """SIGKILL to one backend: PostgreSQL ends all the others and recovers."""
    with ground.connect() as looking:
        pids = [pid for (pid,) in looking.execute(_BACKENDS).fetchall()]
    send([chance.choice(pids)] if pids else [], signal.SIGKILL)


def fill_connections(ground: Ground, chance: Random) -> None:
    """Take every connection that the database has, and ask those there are to be opened again."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(psycopg.OperationalError):
            for _ in range(MOST_CONNECTIONS):
                held.enter_context(database.connect(ground.database_url, "chaos"))
        ground.database.cut()
        with contextlib.suppress(psycopg.OperationalError):
            for _ in range(MOST_CONNECTIONS):
                held.enter_context(database.connect(ground.database_url, "chaos"))
        time.sleep(FILLED_FOR)


def fill_disk(ground: Ground, chance: Random) -> None:
    """Make the database's disk as small as what is on it."""
    assert ground.disk
    found = os.statvfs(ground.disk)
    whole, used = found.f_blocks * found.f_frsize, (found.f_blocks - found.f_bfree) * found.f_frsize
    ground.resize_disk(f"{used // 1024 + 64}k")
    time.sleep(FULL_FOR)
    ground.resize_disk(f"{whole // 1024}k")


def slow(name: str, ground: Ground, chance: Random) -> None:
    """Everything through a proxy takes longer."""
    proxy = _proxy(ground, name)
    proxy.delay(SLOW)
    time.sleep(SLOW_FOR)
    proxy.delay(0)


def stall(name: str, ground: Ground, chance: Random) -> None:
    """Nothing gets through a proxy, and nobody is told."""
    proxy = _proxy(ground, name)
    proxy.stall()
    time.sleep(STOPPED_FOR)
    proxy.flow()


def cut(name: str, ground: Ground, chance: Random) -> None:
    """Every connection through a proxy is reset, and new ones for a while."""
    proxy = _proxy(ground, name)
    for _ in range(chance.randint(1, 4)):
        proxy.cut()
        time.sleep(chance.uniform(0.05, 0.3))
    proxy.cut(refuse=True)
    time.sleep(CUT_FOR)
    proxy.mend()


def _proxy(ground: Ground, name: str) -> Proxy:
    found: Proxy = getattr(ground, name)
    return found


FAULTS: dict[str, Fault] = {
    "kill-ingress": kill_ingress,
    "kill-worker": kill_worker,
    "kill-ingress-master": partial(kill_master, "ingress"),
    "kill-workers-master": partial(kill_master, "workers"),
    "freeze-ingress": partial(freeze, "ingress"),
    "freeze-worker": partial(freeze, "workers"),
    "roll-ingress": partial(roll, "ingress"),
    "roll-workers": partial(roll, "workers"),
    "kill-supervisor": kill_supervisor,
    "kill-valkey": kill_valkey,
    "lose-drain": lose_drain,
    "empty-valkey": empty_valkey,
    "kill-postgres": kill_postgres,
    "crash-postgres": crash_postgres,
    "fill-connections": fill_connections,
    "fill-disk": fill_disk,
    "slow-database": partial(slow, "database"),
    "stall-database": partial(stall, "database"),
    "cut-database": partial(cut, "database"),
    "slow-valkey": partial(slow, "bell"),
    "stall-valkey": partial(stall, "bell"),
    "cut-valkey": partial(cut, "bell"),
    "cut-clients": partial(cut, "front"),
}


def planned(seed: int, kinds: list[str]) -> Callable[[], tuple[str, float, int]]:
    """What comes next: a fault, seconds of peace before it, and the seed of its own chances. Every kind once, in an
    order of chance, then all again: the same for the same seed."""
    chance = Random(seed)  # noqa: S311
    left: list[str] = []

    def following() -> tuple[str, float, int]:
        if not left:
            left.extend(chance.sample(kinds, len(kinds)))
        return left.pop(), chance.uniform(0.5, 3), chance.randrange(2**32)

    return following
