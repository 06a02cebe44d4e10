"""Changing everybody's values after their field: what interrupts it, and who works beside it."""

import threading

import pytest

from models import database, job, master_list, person
from models.database import Connection
from models.fields import options, removal, retype, schema, values
from models.mapping import Field
from tests.workers.conftest import Roster
from tests.workers.test_sweep import SilentBell
from workers import refit
from workers.sweep import Sweep


def retyped(staff: Roster, key: str, kind: str) -> str:
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        _, following = retype.save(cursor, staff.list_id, key, kind)
    assert following.values is not None
    return following.values


def latest(staff: Roster) -> job.Job:
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        found = job.latest(cursor, staff.list_id, job.FIELDS)
    assert found is not None
    return found


def stored(staff: Roster, key: str) -> list[object]:
    rows = staff.connection.execute("select fields -> %s from person order by uid_key", (key,)).fetchall()
    return [row[0] for row in rows]


def fill(staff: Roster, count: int, **more: object) -> None:
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        for number in range(count):
            person.add(cursor, staff.list_id, f"E{number:03}", {"phone": str(number), **more})


def test_a_killed_workers_job_is_gone_on_with_and_counts_everybody_once(
    staff: Roster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(values, "SLICE", 10)
    fill(staff, 35)
    job_id = retyped(staff, "phone", "number")

    assert refit.refit(staff.connection, staff.list_id, job_id, 0) is True
    # Killed in the middle of a slice: claimed, and silent for too long.
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        assert job.claim(cursor, staff.list_id, job_id)
    assert refit.refit(staff.connection, staff.list_id, job_id, 60) is False
    assert stored(staff, "phone")[-1] == "34"
    staff.connection.execute("update job set heartbeat_at = heartbeat_at - interval '1 minute'")
    assert refit.refit(staff.connection, staff.list_id, job_id, 60) is False

    assert stored(staff, "phone") == list(range(35))
    done = latest(staff)
    assert (done.state, done.progress["done"], done.progress["changed"], done.progress["total"]) == ("done", 35, 35, 35)


def test_who_lost_the_job_writes_nothing(staff: Roster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "SLICE", 10)
    fill(staff, 20)
    job_id = retyped(staff, "phone", "number")
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        mine = job.claim(cursor, staff.list_id, job_id)
    assert mine is not None
    staff.connection.execute("update job set heartbeat_at = clock_timestamp()")

    assert refit._slice(staff.connection, mine) is False

    assert stored(staff, "phone")[0] == "0"


def test_the_sweep_goes_on_with_a_job_while_nobody_hears_the_bell(staff: Roster, database_url: str) -> None:
    fill(staff, 5)
    retyped(staff, "phone", "number")
    staff.connection.execute("update job set created_at = created_at - interval '1 minute'")

    Sweep(database_url, SilentBell(heard=False)).once(staff.connection)  # type: ignore[arg-type]

    assert stored(staff, "phone") == list(range(5))


def test_a_person_who_is_held_by_somebody_is_waited_for(staff: Roster, database_url: str) -> None:
    fill(staff, 3)
    job_id = retyped(staff, "phone", "number")
    with database.connect(database_url) as other, database.transaction(other, [staff.list_id]) as cursor:
        cursor.execute("select 1 from person where uid = 'E001' for update")
        with database.connect(database_url, options="-c lock_timeout=50") as own:
            assert refit.refit(own, staff.list_id, job_id, 0) is True
    assert stored(staff, "phone") == ["0", "1", "2"]

    refit.refit(staff.connection, staff.list_id, job_id, 60)

    assert stored(staff, "phone") == [0, 1, 2]


def test_nothing_wrong_is_written_by_pushes_that_arrive_meanwhile(
    staff: Roster, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(values, "SLICE", 7)
    ids = [staff.create(f"user{n:02}", phoneNumbers=[{"value": str(n), "type": "work"}]) for n in range(40)]
    staff.drain()
    for number, one in enumerate(ids):
        staff.update(one, phoneNumbers=[{"value": f"{number + 100}" if number % 2 else "front desk", "type": "work"}])
    over = threading.Event()

    def drains() -> None:
        with database.connect(database_url) as own:
            mine = Roster(own, staff.list_id)
            while not over.is_set() or mine.pending():
                mine.drain()

    thread = threading.Thread(target=drains)
    thread.start()
    try:
        with database.transaction(staff.connection, [staff.list_id]) as cursor:
            _, following = retype.save(cursor, staff.list_id, "phone", "number", may_clear=40)
        refit.refit(staff.connection, staff.list_id, following.values or "", 60)
    finally:
        over.set()
        thread.join()

    after = stored(staff, "phone")
    assert [value for value in after if value is not None and not isinstance(value, int)] == []
    assert after[1::2] == list(range(101, 141, 2))


def test_a_drain_reads_the_new_schema_at_once_and_leaves_a_removed_field_alone(staff: Roster) -> None:
    one = staff.create("ada", title="Nurse")
    staff.drain()
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        cursor.execute("update field_mapping set enabled = false where field = 'job_title'")
        _, following = removal.remove(cursor, staff.list_id, "job_title")

    staff.update(one, title="Doctor", displayName="Ada L")
    staff.drain()
    refit.refit(staff.connection, staff.list_id, following.values or "", 60)

    assert stored(staff, "job_title") == [None]
    assert stored(staff, "display_name") == ["Ada L"]


def test_an_option_that_is_renamed_is_followed_and_what_an_operator_chose_meanwhile_stays(
    staff: Roster, connection: Connection
) -> None:
    with database.transaction(connection, [staff.list_id]) as cursor:
        team: Field = schema.add(cursor, staff.list_id, master_list.new_field("Team", "dropdown", ["Red", "Blue"]))
        for uid in ("ada", "bo"):
            person.add(cursor, staff.list_id, uid, {team.key: "Red"})
        following = options.rename(cursor, staff.list_id, team.key, "Red", "Crimson")
    connection.execute("update person set fields = fields || '{\"team\": \"Blue\"}' where uid = 'bo'")

    refit.refit(connection, staff.list_id, following.values or "", 60)

    assert stored(staff, "team") == ["Crimson", "Blue"]
