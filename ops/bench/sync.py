"""The sync suite: a large directory pulled whole, by all its users and by its groups, and then what has changed.

Microsoft Graph is simulated by this process, which answers a page of 200 users in milliseconds and throttles nobody:
what is measured is Muster. Of Microsoft's own time the number of requests tells.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median_low
from typing import Any

from models import database, master_list, organisation
from models.directory import connections, runs, syncs
from models.directory.connections import Wanted
from models.directory.runs import Run
from models.directory.schedule import Schedule
from models.directory.syncs import Group, Scope
from ops.bell import Bell
from ops.bench.grid import text_table
from ops.bench.processes import Memory
from ops.bench.system import System
from ops.bench.watching import Watching
from ops.graph import SIMULATED
from ops.simulators.graph import Directory, GraphServer
from ops.vault import Vault

USERS, GROUPS, IN_GROUPS, CHANGES = 100_000, 500, 3, 50  # each user is in so many groups
LOOK_EVERY = 0.1  # seconds
BY = "bench"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Pulled:
    """One run: seconds until everything was in the list, requests to Graph, what it did, and what a worker held."""

    what: str
    seconds: float
    requests: int
    seen: int
    applied: int
    phases: dict[str, float]
    peak: Memory
    growth: float  # megabytes of its own that the last quarter of the looks has more than the second
    wrong: list[str] = field(default_factory=list)


class _Watch(Watching):
    """Looks at a run and at the workers that it runs in."""

    def __init__(self, system: System, list_id: str, run_id: str) -> None:
        self._system, self._list_id, self._run_id = system, list_id, run_id
        self.memory: list[Memory] = []
        self.phases: dict[str, float] = {}
        super().__init__()

    def _run(self) -> None:
        with database.connect(self._system.database_url, "muster-bench") as opened:
            while not self._over.wait(LOOK_EVERY):
                run = _look(opened, self._list_id, self._run_id)
                self.phases[run.progress.phase] = self.phases.get(run.progress.phase, 0.0) + LOOK_EVERY
                self.memory.append(self._system.memory("workers")[0])


def measure(system: System, users: int, say: Say) -> list[Pulled]:
    """Everybody, what has changed of them, then another list by its groups, and what has changed there."""
    directory = Directory(users)
    ids = directory.user_ids()
    groups = [
        Group(directory.add_group(f"Group {number}", _members(ids, number)), f"Group {number}")
        for number in range(GROUPS)
    ]
    with GraphServer(directory, port=system.graph_port), database.connect(system.database_url) as opened:
        found = []
        for what, scope in (("everybody", Scope(None)), (f"{GROUPS} groups", Scope(groups))):
            list_id = _connect(system, opened, directory, scope, what)
            say(f"pulling {what}: {users:,} users")
            found.append(_pull(system, opened, list_id, f"full, {what}", users))
            _change(directory, ids)
            found.append(_pull(system, opened, list_id, f"{CHANGES} changes, {what}", CHANGES))
            directory.expire_delta_tokens()
            found.append(_pull(system, opened, list_id, f"full again, nothing changed, {what}", 0))
    return found


def _members(ids: Sequence[str], number: int) -> list[str]:
    """Of each group its share, so that everybody is in as many."""
    share = len(ids) * IN_GROUPS // GROUPS
    start = number * len(ids) // GROUPS
    return [ids[(start + place) % len(ids)] for place in range(share)]


def _change(directory: Directory, ids: Sequence[str]) -> None:
    for user_id in ids[: len(ids) // CHANGES * CHANGES : len(ids) // CHANGES]:
        directory.change_user(user_id, jobTitle=f"Head of {time.monotonic_ns()}")


def _connect(system: System, opened: database.Connection, directory: Directory, scope: Scope, what: str) -> str:
    with database.transaction(opened) as cursor:
        owner = organisation.ensure(cursor, "Bench", "business")
        list_id = master_list.create(cursor, owner, f"Bench {time.time_ns()}")
        wanted = Wanted(f"{what} {list_id}", directory.tenant_id, directory.client_id, SIMULATED)
        sealed = Vault([system.secret_key]).seal(directory.client_secret)
        connection_id = connections.add(cursor, owner, "business", wanted, sealed, BY)
        database.allow(cursor, [list_id])
        syncs.connect(cursor, owner, list_id, connection_id, "userName", scope, Schedule(), BY)
    return list_id


def _pull(system: System, opened: database.Connection, list_id: str, what: str, expected: int) -> Pulled:
    """A run, and whether it did what it was to do."""
    with database.transaction(opened, [list_id]) as cursor:
        run_id = runs.start(cursor, list_id, BY)
    began = time.perf_counter()
    Bell(system.redis_url).sync(list_id, run_id)
    with _Watch(system, list_id, run_id) as watch:
        while (run := _look(opened, list_id, run_id)).is_open:
            time.sleep(0.02)
        seconds = time.perf_counter() - began
    applied = run.progress.results.get("applied", 0)
    wrong = (
        []
        if (run.state, applied) == ("done", expected)
        else [f"{what}: {run.state}, {applied} of {expected}; {run.progress.error}"]
    )
    looks = watch.memory or [system.memory("workers")[0]]
    quarter = max(1, len(looks) // 4)
    private = [one.private for one in looks]
    return Pulled(
        what, seconds, run.progress.requests, run.progress.seen, applied, watch.phases,
        max(looks, key=lambda one: one.private),
        median_low(private[-quarter:]) - median_low(private[quarter : 2 * quarter] or private), wrong,
    )  # fmt: skip


def _look(opened: database.Connection, list_id: str, run_id: str) -> Run:
    with database.transaction(opened, [list_id]) as cursor:
        found = runs.find(cursor, list_id, run_id)
    assert found is not None
    return found


def table(results: Sequence[Pulled]) -> str:
    """For docs/directory-sync.md."""
    heads = (
        "run",
        "seconds",
        "requests",
        "users read",
        "changes applied",
        "worker, MB of its own at most",
        "growth, MB",
    )
    return text_table(
        heads,
        [
            (
                one.what, f"{one.seconds:.1f}", f"{one.requests:,}", f"{one.seen:,}", f"{one.applied:,}",
                f"{one.peak.private:.0f}", f"{one.growth:+.1f}",
            )
            for one in results
        ],
    )  # fmt: skip


def as_json(results: Sequence[Pulled]) -> list[dict[str, Any]]:
    """For `--json`."""
    return [asdict(one) for one in results]
