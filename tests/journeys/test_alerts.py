"""Alerts seen firing: a real Prometheus asks a running Muster, and faults are made for it to find.

What no fault can cause within seconds (a transaction open for ten minutes) was seen by hand: docs/alerts.md.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import psycopg
import pytest
import redis

from models import burst, database, guard, journal
from models.database import Connection, Cursor
from models.directory.schedule import Schedule
from models.guard import Guard
from models.journal import Entry
from models.text import new_id
from ops.bell import JOBS, REMAP, Bell
from ops.embedded import OWNING, SERVING
from tests.factories import user
from tests.journeys.directories import synced
from tests.journeys.idp import Idp
from tests.journeys.processes import KINDS, Processes
from tests.journeys.prometheus import Watch, watching
from tests.journeys.system import Muster, running
from tests.journeys.waiting import eventually
from tests.models.test_burst import minute
from workers.sweep import SWEEP_LOCK

pytestmark = [pytest.mark.journey, pytest.mark.needs("prometheus"), pytest.mark.timeout(180)]

WINDOWS = ("1h", "6h", "3d")  # of a budget that is burnt
DISK = 8 * 1024 * 1024  # bytes
QUEUE = 8  # requests that may wait


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A disk that is small enough to be filled, where this user may mount one; else an empty folder."""
    folder = tmp_path_factory.mktemp("disk")
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0
    yield folder
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def stack(disk: Path) -> Iterator[Muster]:
    """A stack of these tests' own, since it is broken."""
    with running("--no-demo", MUSTER_WATCH_DISKS=str(disk), MUSTER_QUEUE_LIMIT=str(QUEUE)) as own:
        yield own


@pytest.fixture(scope="module")
def processes(stack: Muster) -> Processes:
    """Who can be killed."""
    return Processes(stack)


@pytest.fixture(scope="module")
def prometheus(stack: Muster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    """One that asks the stack."""
    with watching(stack, tmp_path_factory.mktemp("prometheus")) as own:
        yield own


@pytest.fixture(scope="module")
def idp(stack: Muster) -> Iterator[Idp]:
    """An IdP that fills a list."""
    with Idp.of(stack.new_list()) as own:
        yield own


def test_a_healthy_system_raises_no_alert(prometheus: Watch, stack: Muster, idp: Idp) -> None:
    for _ in range(12):
        idp.create(user())
    stack.settled(idp.list_id)
    after = datetime.now(UTC).isoformat()
    rules = eventually(lambda: worked_out(prometheus, after), what="rules worked out")

    assert {rule["health"] for rule in rules} == {"ok"}
    assert prometheus.firing() == set()


def worked_out(prometheus: Watch, after: str) -> list[dict[str, object]]:
    """The rules, once each was worked out a second or more later than this."""
    rules = prometheus.rules()
    return rules if all(rule["lastEvaluation"] > after for rule in rules) else []


def test_what_waits_for_an_operator_is_told_of(prometheus: Watch, stack: Muster, idp: Idp) -> None:
    for days in (2, 10):
        stack.new_token(idp.list_id)
        stack.rows(
            "update bearer_token set last_used_at = now(), expires_at = now() + make_interval(days => %s)"
            " where list_id = %s and last_used_at is null returning id",
            days, idp.list_id,
        )  # fmt: skip
    stack.in_transaction(lambda cursor: guard.save(cursor, idp.list_id, Guard(True, 1, 1)), idp.list_id)
    leaver = idp.create(user())
    stack.settled(idp.list_id)
    idp.set(leaver, "active", False)
    stack.settled(idp.list_id)
    aged = stack.rows("update person set held_at = held_at - interval '8 days' where held_seq is not null returning id")

    assert len(aged) == 1
    prometheus.awaits(
        ("MusterTokenExpires", "warning"), ("MusterTokenExpires", "ticket"), ("MusterHoldsWaiting", "ticket")
    )


def test_quiet_and_failing_connections_are_told_of(prometheus: Watch, stack: Muster) -> None:
    quiet = [stack.new_list().list_id for _ in range(3)]
    for list_id in quiet:
        cycles = [minute(list_id, timedelta(minutes=ago), requests=5) for ago in (220, 180, 140, 100)]
        stack.in_transaction(folding(list_id, cycles), list_id)
    failing = stack.new_list().list_id
    refused = minute(failing, timedelta(minutes=30), requests=1_200, failed=600)
    stack.in_transaction(folding(failing, [refused]), failing)

    prometheus.awaits(("MusterIdpQuiet", "ticket"), ("MusterIdpQuiet", "page"), ("MusterQuarantineRisk", "warning"))


def folding(list_id: str, minutes: list[burst.Minute]) -> Callable[[Cursor], object]:
    """Bursts of these minutes, as ingress and the sweep make them."""

    def fold(cursor: Cursor) -> None:
        burst.note(cursor, minutes)
        burst.fold(cursor, list_id)

    return fold


def test_what_could_not_be_applied_is_told_of(prometheus: Watch, stack: Muster, idp: Idp) -> None:
    def put_aside(cursor: Cursor) -> None:
        entry = Entry(idp.list_id, new_id(), "create", "{}", None, None, new_id(), None)
        (lane,) = journal.append(cursor, [entry])
        (event,) = journal.claim(cursor, [lane], 1)
        journal.put_aside(cursor, event, "no drain could apply it")

    stack.in_transaction(put_aside, idp.list_id)
    Bell(stack.ready["redis_url"])._push(JOBS, REMAP, [], True)  # a message without what its actor needs

    prometheus.awaits(("MusterRowsSetAside", "warning"), ("MusterDeadMessages", "ticket"))


def test_a_sweep_that_fails_is_told_of(prometheus: Watch, stack: Muster) -> None:
    with database.connect(stack.ready["database_url"].replace(SERVING, OWNING)) as owner:
        owner.execute("alter function muster_lanes(interval) rename to muster_lanes_elsewhere")
        prometheus.awaits(("MusterSweepFails", "warning"))
        owner.execute("alter function muster_lanes_elsewhere(interval) rename to muster_lanes")

    eventually(lambda: ("MusterSweepFails", "warning") not in prometheus.firing(), 30, "an end of the alarm")


def test_a_directory_that_is_not_synced_is_told_of(prometheus: Watch, stack: Muster) -> None:
    list_id = synced(stack, Schedule(60))
    with stack.connect() as own, sweep_held_up(own):
        stack.rows(
            "update directory_sync set next_at = now() - interval '20 minutes' where list_id = %s returning list_id",
            list_id,
        )
        prometheus.awaits(("MusterSyncOverdue", "warning"))

    # Then it is begun, and fails: another key sealed its secret.
    prometheus.awaits(("MusterSyncFailing", "warning"))
    eventually(lambda: ("MusterSyncOverdue", "warning") not in prometheus.firing(), 30, "an end of the alarm")


@contextmanager
def sweep_held_up(own: Connection) -> Iterator[None]:
    """No sweep works meanwhile: it takes a lock for each pass."""
    own.execute("select pg_advisory_lock(%s)", (SWEEP_LOCK,))
    try:
        yield
    finally:
        own.execute("select pg_advisory_unlock(%s)", (SWEEP_LOCK,))


def test_keys_that_valkey_gives_up_are_told_of(prometheus: Watch, stack: Muster) -> None:
    with redis.Redis.from_url(stack.ready["redis_url"]) as valkey:
        told: Any = valkey.info("memory")
        valkey.config_set("maxmemory-policy", "allkeys-lru")
        valkey.config_set("maxmemory", told["used_memory"] + 200_000)
        for number in range(1_000):
            valkey.set(f"other:{number}", "x" * 1_000, ex=60)
        valkey.config_set("maxmemory", 0)
        valkey.config_set("maxmemory-policy", "noeviction")

    prometheus.awaits(("MusterValkeyEvicts", "warning"))


def test_connections_that_run_out_are_told_of(prometheus: Watch, stack: Muster) -> None:
    [(used, most)] = stack.rows(
        "select (select count(*) from pg_stat_activity where backend_type = 'client backend'),"
        " current_setting('max_connections')"
    )
    with ExitStack() as opened:
        for _ in range(int(most) * 88 // 100 - used):
            opened.enter_context(stack.connect())

        prometheus.awaits(("MusterPostgresConnections", "warning"))


def test_deadlocks_are_told_of(prometheus: Watch, stack: Muster) -> None:
    pairs = 6
    with ThreadPoolExecutor(2 * pairs) as pool:
        for number in range(pairs):
            keys, meeting = (2 * number, 2 * number + 1), Barrier(2)
            pool.submit(lock_in_turn, stack, keys, meeting)
            pool.submit(lock_in_turn, stack, keys[::-1], meeting)

    prometheus.awaits(("MusterDeadlocks", "ticket"))


def lock_in_turn(stack: Muster, keys: tuple[int, ...], meeting: Barrier) -> None:
    with suppress(psycopg.errors.DeadlockDetected), stack.connect() as own, database.transaction(own) as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", (keys[0],))
        meeting.wait(10)
        cursor.execute("select pg_advisory_xact_lock(%s)", (keys[1],))


def test_a_journal_that_cannot_be_vacuumed_is_told_of(prometheus: Watch, stack: Muster) -> None:
    with stack.connect() as old:
        old.execute("begin isolation level repeatable read")
        old.execute("select count(*) from journal")
        with stack.connect() as other, database.transaction(other, ["nobody"]) as cursor:
            cursor.execute(
                "insert into journal (list_id, lane, resource, resource_id, operation, request_id)"
                " select 'nobody', 0, 'user', gen_random_uuid(), 'create', '' from generate_series(1, 120000)"
            )
            cursor.execute("delete from journal where list_id = 'nobody'")

        prometheus.awaits(("MusterJournalBloat", "warning"))


def test_disks_that_fill_up_are_told_of(prometheus: Watch, disk: Path) -> None:
    if not disk.is_mount():
        pytest.skip("this user may not mount a disk to fill: MusterDiskLow and MusterDiskFillsSoon are left out")
    (disk / "half").write_bytes(bytes(DISK * 6 // 10))
    prometheus.awaits(("MusterDiskFillsSoon", "warning"))
    (disk / "rest").write_bytes(bytes(DISK * 37 // 100))

    prometheus.awaits(("MusterDiskLow", "warning"), ("MusterDiskLow", "page"))


def test_shed_load_and_slow_answers_are_told_of(prometheus: Watch, stack: Muster, idp: Idp) -> None:
    with ThreadPoolExecutor(3 * QUEUE) as pool, Idp(*stack.new_list()) as other:

        def crowd(_: int) -> object:
            return other.post(user()).status_code

        def shed() -> bool:
            with writes_held_up(stack) as waited:
                waiting = [pool.submit(crowd, each) for each in range(3 * QUEUE)]
                eventually(waited, 10, "requests that wait")
            return 503 in [each.result() for each in waiting] and ("MusterLoadShed", "warning") in prometheus.firing()

        eventually(shed, 30, "shed load told of")

    prometheus.awaits(*(("MusterLatencyBudgetBurn", window) for window in WINDOWS))


@contextmanager
def writes_held_up(stack: Muster) -> Iterator[Callable[[], bool]]:
    """No user is written meanwhile; gives whether somebody has waited for that for 0.3 s."""
    with stack.connect() as own, database.transaction(own) as cursor:
        cursor.execute("lock table identity in exclusive mode")
        yield lambda: bool(
            stack.rows(
                "select from pg_stat_activity where wait_event_type = 'Lock'"
                " and application_name in ('muster-commit', 'muster-heavy')"
                " and query_start < clock_timestamp() - interval '0.3 seconds'"
            )
        )


def test_workers_that_stand_still_are_told_of_and_so_is_what_they_bring_late(
    prometheus: Watch, stack: Muster, idp: Idp, processes: Processes
) -> None:
    worker = processes.members("workers")[0]  # the one that drains; the other answers Prometheus
    worker.suspend()
    for _ in range(20):
        idp.create(user())
    stack.rows("update journal set accepted_at = accepted_at - interval '5 minutes' returning seq")
    prometheus.awaits(("MusterJournalLate", "page"), ("MusterNothingApplied", "page"))
    worker.resume()
    stack.settled(idp.list_id)

    prometheus.awaits(*(("MusterFreshnessBudgetBurn", window) for window in WINDOWS))


def test_whatever_dies_is_told_of(prometheus: Watch, stack: Muster, processes: Processes) -> None:
    with Idp(*stack.new_list()) as idp, nobody_starts_them_again(stack):
        kill(processes, "valkey")
        kill(processes, "workers")
        pushing(idp, 201, prometheus, ("MusterValkeyDown", "warning"), ("MusterBellFailures", "warning"))
        prometheus.awaits(("MusterNoWorkers", "page"), ("MusterTargetDown", "warning"))
        kill(processes, "postgres")
        burnt = (("MusterAvailabilityBudgetBurn", window) for window in WINDOWS)
        pushing(idp, 503, prometheus, ("MusterDatabaseDown", "page"), *burnt)
        kill(processes, "ingress")
        prometheus.awaits(("MusterIngressDown", "page"))
    eventually(processes.all_back, 30, "every process, started again")

    eventually(lambda: not prometheus.firing() & {(name, "page") for name in DEATHS}, 30, "an end of the alarm")
    stack.database.close()


DEATHS = ("MusterNoWorkers", "MusterDatabaseDown", "MusterIngressDown")


def pushing(idp: Idp, status: int, prometheus: Watch, *wanted: tuple[str, str]) -> None:
    """Push users, each answered so, until these alerts fire."""

    def told() -> bool:
        answers = {idp.post(user()).status_code for _ in range(5)}
        return answers == {status} and set(wanted) <= prometheus.firing()

    eventually(told, 30, f"firing {wanted}")


@contextmanager
def nobody_starts_them_again(stack: Muster) -> Iterator[None]:
    """`muster up` does not look after its children meanwhile."""
    stack.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        stack.process.send_signal(signal.SIGCONT)


def kill(processes: Processes, kind: str) -> None:
    """SIGKILL all processes of a kind, those included that watch over the others."""
    assert kind in KINDS
    for member in processes.members(kind):
        with suppress(ProcessLookupError):
            os.killpg(os.getpgid(member.pid), signal.SIGKILL)
