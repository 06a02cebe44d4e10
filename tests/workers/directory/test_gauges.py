"""Directory Sync over all lists at once: how many, which fail, and how late the latest is."""

from datetime import UTC, datetime, timedelta
from typing import Any

from models import connection as connections
from models import database, watch
from models.directory import runs
from models.directory.schedule import Schedule
from tests.workers.directory.conftest import Pulled


def gauges(staff: Pulled) -> tuple[float, float, float]:
    """Lists that are synced, those that fail, and seconds."""
    with database.transaction(staff.connection) as cursor:
        told = {one.name: one.value for one in watch.syncs(cursor)}
    return told["syncs"], told["syncs_failing"], told["syncs_overdue_seconds"]


def disconnect(one: Pulled) -> None:
    with database.transaction(one.connection, [one.list_id]) as cursor:
        connections.disconnect(cursor, one.list_id)


def due(one: Pulled, ago: timedelta) -> None:
    with database.transaction(one.connection, [one.list_id]) as cursor:
        cursor.execute(
            "update directory_sync set next_at = %s where list_id = %s", (datetime.now(UTC) - ago, one.list_id)
        )


def test_lists_are_counted_while_they_are_connected(make_pulled: Any) -> None:
    staff, students = make_pulled(), make_pulled()
    none = gauges(staff)
    staff.connect()
    students.connect()
    both = gauges(staff)
    disconnect(students)

    assert (none, both, gauges(staff)) == ((0, 0, 0), (2, 0, 0), (1, 0, 0))


def test_a_list_fails_from_a_run_that_failed_to_one_that_did_not(staff: Pulled) -> None:
    staff.connect()
    staff.directory.sessions.secret_expired = True
    failed = staff.finish(staff.begin())
    after_failure = gauges(staff)
    staff.directory.sessions.secret_expired = False
    staff.run(preview=True)
    after_preview = gauges(staff)
    stopped = staff.begin()
    at_work = gauges(staff)
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        runs.stop(cursor, staff.list_id)
    after_stop = gauges(staff)
    staff.run()

    assert (failed.state, staff.look(stopped).state) == ("failed", "ended")
    assert [each[1] for each in (after_failure, after_preview, at_work, after_stop)] == [1, 1, 1, 1]
    assert gauges(staff)[1] == 0


def test_the_most_overdue_run_is_told(make_pulled: Any) -> None:
    staff, students = make_pulled(), make_pulled()
    for one, ago in ((staff, timedelta(minutes=2)), (students, timedelta(minutes=20))):
        one.connect(schedule=Schedule(60))
        due(one, ago)
    latest = gauges(staff)[2]
    disconnect(students)
    other = gauges(staff)[2]
    due(staff, timedelta(minutes=-2))

    assert 1200 <= latest < 1260
    assert 120 <= other < 180
    assert gauges(staff)[2] == 0
