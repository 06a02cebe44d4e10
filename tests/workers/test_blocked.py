"""Which lists wait, and who blocks them: told across lists, by functions of the owner's."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from models import blocked, database
from models.blocked import Blocker
from models.database import Connection
from ops import backlog
from ops.embedded import OWNING, SERVING, Postgres
from tests.journeys.waiting import eventually
from tests.workers.conftest import MakeRoster, Roster
from workers.provision import provision


def looked(connection: Connection, *list_ids: str) -> dict[str, list[Blocker]]:
    with database.transaction(connection) as cursor:
        return blocked.blockers(cursor, list_ids)


def test_the_lists_that_wait_are_told_by_name_the_longest_waiting_first(
    connection: Connection,
    make_roster: MakeRoster,
) -> None:
    students, teachers = make_roster("userName"), make_roster("userName")
    for name in ("ada", "bo"):
        students.create(name)
    teachers.create("cy")
    connection.execute(
        "update journal set accepted_at = accepted_at - interval '1 minute' where list_id = %s", (teachers.list_id,)
    )

    with database.transaction(connection) as cursor:
        found = blocked.lists(cursor)
        (worst,) = blocked.lists(cursor, 1)

    assert [(one.list_id, one.name, one.pending) for one in found] == [
        (teachers.list_id, "Staff 2", 1),
        (students.list_id, "Staff 1", 2),
    ]
    assert 60 <= worst.oldest_seconds < 120


def test_who_holds_a_person_is_named_to_the_list_that_waits_and_to_no_other(
    connection: Connection,
    make_roster: MakeRoster,
    database_url: str,
    owner_url: str,
) -> None:
    waits, other = make_roster("userName"), make_roster("userName")
    user = waits.create("ada", title="Nurse")
    waits.drain()
    waits.update(user, title="Doctor")
    other.create("bo")
    with (
        database.connect(database_url, "muster-drain") as drain,
        database.connect(owner_url, "nightly-report") as report,
        ThreadPoolExecutor() as pool,
    ):
        pid = report.info.backend_pid
        report.execute("begin")
        report.execute("select from person where uid = 'ada' for update")
        pool.submit(provision, drain, [waits.lane(user)], {})
        found = eventually(lambda: looked(connection, waits.list_id, other.list_id), what="a drain that waits")
        report.execute("rollback")

    ((list_id, [who]),) = found.items()
    assert (list_id, who.pid) == (waits.list_id, pid)
    assert (who.user, who.application, who.state) == (OWNING, "nightly-report", "idle in transaction")
    assert who.open_seconds is not None
    assert not waits.pending()


def test_of_two_who_wait_in_a_row_the_first_is_named(
    connection: Connection,
    staff: Roster,
    database_url: str,
    owner_url: str,
) -> None:
    user = staff.create("ada", title="Nurse")
    staff.drain()
    staff.update(user, title="Doctor")
    with (
        database.connect(database_url, "muster-drain") as drain,
        database.connect(owner_url, "second") as second,
        database.connect(owner_url, "first") as first,
        ThreadPoolExecutor() as pool,
    ):
        first.execute("begin")
        first.execute("select from person where uid = 'ada' for update")
        pool.submit(second.execute, "select from person where uid = 'ada' for update")
        waits = "select from pg_locks where not granted and pid = %s"
        eventually(lambda: connection.execute(waits, (second.info.backend_pid,)).fetchone() is not None)
        pool.submit(provision, drain, [staff.lane(user)], {})
        found = eventually(lambda: looked(connection, staff.list_id), what="a drain that waits")
        first.execute("rollback")

    assert [one.application for one in found[staff.list_id]] == ["first"]


def test_without_the_right_to_see_others_a_blocker_is_told_without_its_state(
    connection: Connection,
    staff: Roster,
    database_url: str,
    owner_url: str,
    postgres: Postgres,
) -> None:
    user = staff.create("ada", title="Nurse")
    staff.drain()
    staff.update(user, title="Doctor")
    with (
        psycopg.connect(postgres.url("postgres"), autocommit=True) as superuser,
        database.connect(database_url, "muster-drain") as drain,
        database.connect(owner_url, "nightly-report") as report,
        ThreadPoolExecutor() as pool,
    ):
        pid = report.info.backend_pid
        report.execute("begin")
        report.execute("select from person where uid = 'ada' for update")
        superuser.execute(f"revoke pg_read_all_stats from {SERVING}")
        try:
            pool.submit(provision, drain, [staff.lane(user)], {})
            found = eventually(lambda: looked(connection, staff.list_id), what="a drain that waits")
        finally:
            superuser.execute(f"grant pg_read_all_stats to {SERVING}")
            report.execute("rollback")

    [who] = found[staff.list_id]
    assert (who.pid, who.application, who.state) == (pid, "nightly-report", None)
    assert "pg_read_all_stats" in backlog.who(who)


@pytest.mark.parametrize(
    ("applications", "count"), [((), 0), (("muster-sweep", "muster-sweep", "muster-drain"), 2), (("muster-drain",), 1)]
)
def test_worker_processes_are_counted_by_their_sweeps(
    connection: Connection, database_url: str, applications: tuple[str, ...], count: int
) -> None:
    opened = [database.connect(database_url, application) for application in applications]
    with database.transaction(connection) as cursor:
        found = blocked.worker_processes(cursor)
    for each in opened:
        each.close()

    assert found == count
