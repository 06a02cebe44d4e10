"""Processes die under load (SIGKILL), IdPs retry: nothing that was acknowledged is lost, nothing counts twice."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Lock
from typing import Any

import pytest

from models import connection, database
from models.mapping import uid_of
from tests.journeys.persistent import Job
from tests.journeys.processes import Processes
from tests.journeys.system import Muster, NewList, running
from tests.journeys.waiting import eventually

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

WRITES, LISTS, JOBS_A_LIST, USERS_A_JOB = 3_000, 3, 4, 12
# After so many acknowledged writes, who is killed.
KILLS = {400: "ingress", 800: "workers", 1_300: "valkey", 1_800: "postgres", 2_300: "ingress", 2_600: "workers"}


@pytest.fixture
def stack() -> Iterator[Muster]:
    """A stack of this test's own, since it is broken."""
    with running("--ingress", "2", "--workers", "2", "--no-demo") as own:
        yield own


class Tally:
    """Counts acknowledged writes of all jobs and kills a process at the given counts."""

    def __init__(self, processes: Processes) -> None:
        self.processes, self.count, self.killed = processes, 0, Counter[str]()
        self._lock = Lock()

    def told(self) -> None:
        with self._lock:
            self.count += 1
            kind = KILLS.get(self.count)
        if kind is not None:
            self.processes.kill(kind)
            self.killed[kind] += 1


def test_every_acknowledged_write_survives_the_death_of_any_process(stack: Muster) -> None:
    processes = Processes(stack)
    tally = Tally(processes)
    lists = [stack.new_list() for _ in range(LISTS)]
    jobs = {
        target.list_id: [Job(target, f"job{m}{n}", USERS_A_JOB, tally.told) for n in range(JOBS_A_LIST)]
        for m, target in enumerate(lists)
    }
    everyone = [job for several in jobs.values() for job in several]
    with ExitStack() as connections, ThreadPoolExecutor(len(everyone)) as pool:
        for job in everyone:
            connections.enter_context(job.idp)
        for future in [pool.submit(job.run, WRITES // len(everyone)) for job in everyone]:
            future.result()
        eventually(processes.all_back, 30, "every process, started again")
        reopen(stack)
        lose_the_bell_and_a_drain(stack, processes, everyone)
    for target in lists:
        stack.settled(target.list_id, within=60)

    assert tally.killed == Counter(KILLS.values())
    assert sum(job.retried for job in everyone) > 0
    for target in lists:
        check_identities(stack, target, jobs[target.list_id])
        check_people(stack, target)
        check_log(stack, target, jobs[target.list_id])
    assert stack.rows("select count(*) from set_aside") == [(0,)]


def reopen(stack: Muster) -> None:
    """The test's own connection died with Postgres."""
    stack.database.close()
    stack.database = stack.connect()


def lose_the_bell_and_a_drain(stack: Muster, processes: Processes, jobs: list[Job]) -> None:
    """Accept one more write of every job while drains are held up, then kill the workers that took
    their lanes, in the middle of it, and Valkey with the lanes still rung: the sweep alone is left."""
    with stack.connect() as holding, database.transaction(holding) as cursor:
        cursor.execute("lock table person in exclusive mode")
        for job in jobs:
            job.run(1)
        eventually(lambda: drains_held_up(stack), 10, "a drain in the middle of its transaction")
        processes.kill("workers")
        processes.kill("valkey")
        eventually(processes.all_back, 30, "workers and Valkey, started again")


def drains_held_up(stack: Muster) -> bool:
    waiting = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query ilike '%%person%%'"
    return bool(stack.rows(waiting))


def identities(stack: Muster, target: NewList) -> dict[str, tuple[int, dict[str, Any]]]:
    """SCIM id to version and document."""
    rows = stack.rows("select id, version, document from identity where list_id = %s", target.list_id)
    return {str(identity_id): (version, document) for identity_id, version, document in rows}


def check_identities(stack: Muster, target: NewList, jobs: list[Job]) -> None:
    """What ingress holds is what the IdP was told."""
    assert {
        record.id: (record.user_name, record.title, record.active)
        for job in jobs for record in job.records if record.id is not None
    } == {
        identity_id: (document["userName"], document["title"], document["active"])
        for identity_id, (_, document) in identities(stack, target).items()
    }  # fmt: skip


def check_people(stack: Muster, target: NewList) -> None:
    """Each identity's person is the projection of its last document; nobody else is active."""
    roster = stack.in_transaction(
        lambda cursor: connection.rosters(cursor, [target.list_id], {})[target.list_id], target.list_id
    )
    people = stack.rows("select identity_id, uid, active, fields from person where list_id = %s", target.list_id)
    followed = {str(holder): (uid, active, fields) for holder, uid, active, fields in people if holder is not None}
    assert followed == {
        identity_id: (
            uid_of(document, "userName"),
            document["active"],
            {key: value for key, value in roster.projection.project(document).values.items() if value is not None},
        )
        for identity_id, (_, document) in identities(stack, target).items()
    }
    assert [uid for holder, uid, active, _ in people if holder is None and active] == []


def check_log(stack: Muster, target: NewList, jobs: list[Job]) -> None:
    """Each accepted operation has exactly one entry, in the order of acceptance."""
    entries = [entry for entry in stack.log(target.list_id) if entry["result"] != "rejected"]
    acknowledged = {request_id: version for job in jobs for request_id, version in job.acknowledged.items()}
    times_logged = Counter(entry["request_id"] for entry in entries)
    assert max(times_logged.values()) == 1
    assert acknowledged.keys() - times_logged.keys() == set()

    of_identity: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        of_identity.setdefault(entry["identity_id"], []).append(entry)
    assert of_identity.keys() == {id_ for job in jobs for record in job.records for id_ in record.ids}
    stored = identities(stack, target)
    for identity_id, own in of_identity.items():
        assert [entry["operation"] for entry in own].count("create") == 1
        assert own[0]["operation"] == "create"
        last = check_versions(own, acknowledged)
        if identity_id in stored:
            assert last == stored[identity_id][0]
            check_changes(own)
        else:
            assert own[-1]["operation"] == "delete"


def check_versions(entries: list[dict[str, Any]], acknowledged: dict[str, int]) -> int:
    """Entries follow each other as the versions did that were answered; the last version."""
    version = 0
    for entry in entries:
        if entry["operation"] != "delete":
            # A repeat of what was committed unheard has an entry of its own, but raises no version.
            repeats = acknowledged.get(entry["request_id"]) == version
            version += not repeats
            assert acknowledged.get(entry["request_id"], version) == version
    return version


def check_changes(entries: list[dict[str, Any]]) -> None:
    """Each change of a field begins where the one before it ended."""
    moves = [change for entry in entries for change in entry["changes"] if change["field"] == "Job Title"]
    assert [move["after"] for move in moves[:-1]] == [move["before"] for move in moves[1:]]
