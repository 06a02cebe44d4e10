"""Runs whose time has come, begun by the sweep."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from models import database
from models.directory import runs
from models.directory.schedule import Schedule
from models.journal import Lane
from tests.workers.directory.conftest import Pulled
from workers.sweep import OPTIONS, Sweep


class Bell:
    """What it is told of runs."""

    def __init__(self) -> None:
        self.begun: list[str] = []

    def ring(self, lanes: Iterable[Lane], insist: bool = False) -> bool:
        return True

    def sync(self, list_id: str, job_id: str) -> bool:
        self.begun.append(list_id)
        return True


def due(one: Pulled, minutes: int) -> None:
    one.connect(schedule=Schedule(60))
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    with database.transaction(one.connection, [one.list_id]) as cursor:
        cursor.execute("update directory_sync set next_at = %s where list_id = %s", (at, one.list_id))


def once(database_url: str) -> list[str]:
    """The lists whose runs one pass begins."""
    bell = Bell()
    with database.connect(database_url, "sweep", options=OPTIONS) as own:
        Sweep(database_url, bell).once(own)  # type: ignore[arg-type]
    return bell.begun


def test_what_is_due_is_begun_once(make_pulled: Any, database_url: str) -> None:
    staff, students = make_pulled(), make_pulled()
    due(staff, 90)
    due(students, -1)

    assert (once(database_url), once(database_url)) == ([staff.list_id], [])
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        [run] = runs.listing(cursor, staff.list_id)
    assert run.progress.by == "schedule"


def test_a_list_that_cannot_be_begun_keeps_no_other_from_it(make_pulled: Any, database_url: str) -> None:
    held, lost, staff = make_pulled(), make_pulled(), make_pulled()
    for one, minutes in ((held, 30), (lost, 20), (staff, 10)):
        due(one, minutes)
    staff.connection.execute("update directory_sync set every_minutes = 1440, at_minute = 0, time_zone = 'Europe/Gone'"
                             " where list_id = %s", (lost.list_id,))  # fmt: skip
    with database.connect(database_url) as other, database.transaction(other, [held.list_id]) as cursor:
        cursor.execute("select from directory_sync where list_id = %s for update", (held.list_id,))
        begun = once(database_url)

    assert begun == [staff.list_id]
    assert once(database_url) == [held.list_id]
