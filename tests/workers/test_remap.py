"""Mapping a list again: what changes, what never does, and what interrupts it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from models import connection as connections
from models import database, job, mapping_edit, mapping_preview, master_list, person, remapping
from models.attributes import ATTRIBUTES
from models.database import Connection
from models.job import Job
from models.journal import Lane
from models.mapping_choice import DEFAULT, Choice
from tests.workers.conftest import Roster
from tests.workers.test_sweep import SilentBell
from workers import remap
from workers.sweep import Sweep

LABELS = {attribute.label: number for number, attribute in enumerate(ATTRIBUTES)}


def choices(staff: Roster, **changed: dict[str, Any]) -> list[Choice]:
    """The mappings in force, some of them changed, by the attribute's label."""
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        present = mapping_edit.stored(cursor, staff.list_id, fields(staff))
    by_number = {LABELS[label.replace("_", " ")]: values for label, values in changed.items()}
    return [replace(one, **by_number.get(one.number, {})) for one in present]


def fields(staff: Roster) -> tuple[Any, ...]:
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        return tuple(master_list.fields(cursor, staff.list_id))


def save(staff: Roster, **changed: dict[str, Any]) -> str:
    """Save them; returns the job's id."""
    chosen = choices(staff, **changed)
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        version = mapping_edit.version(cursor, staff.list_id)
        saved = mapping_edit.save(cursor, staff.list_id, version, chosen, {})
    assert saved is not None
    return saved.job_id


def work(
    staff: Roster, job_id: str, seconds: float = 10, ring: Callable[..., object] = len, on: Connection | None = None
) -> bool:
    return remap.remap(on or staff.connection, staff.list_id, job_id, {}, ring, seconds)


def latest(staff: Roster) -> Job:
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        found = job.latest(cursor, staff.list_id, job.REMAP)
    assert found is not None
    return found


def progress(staff: Roster) -> tuple[str, int, int]:
    found = latest(staff)
    return found.state, found.progress["done"], found.progress["changed"]


def values(staff: Roster, label: str) -> dict[str, Any]:
    return {one["uid"]: one["fields"].get(label) for one in staff.people()}


def test_a_new_mapping_reaches_everyone_who_is_in_the_list_already(staff: Roster) -> None:
    staff.create("ada", name={"middleName": "Byron"})
    staff.create("bo")
    staff.drain()
    before = staff.log()

    job_id = save(staff, Middle_name={"on": True, "field": DEFAULT})
    more = work(staff, job_id)

    assert more is False
    assert values(staff, "Middle Name") == {"ada": "Byron", "bo": None}
    assert progress(staff) == ("done", 2, 1)
    assert staff.log() == before


def test_another_transform_rewrites_and_a_missing_value_clears(staff: Roster) -> None:
    staff.create("ada", title="Nurse", displayName="Ada")
    staff.drain()

    work(staff, save(staff, Title={"transform": "uppercase"}, Middle_name={"on": True, "field": "display_name"},
                     Display_name={"on": False}))  # fmt: skip

    assert values(staff, "Job Title") == {"ada": "NURSE"}
    assert values(staff, "Display Name") == {"ada": None}


def test_a_field_that_is_not_mapped_any_more_keeps_its_value_and_unlocks(staff: Roster) -> None:
    staff.create("ada", title="Nurse")
    staff.drain()
    (ada,) = staff.people()
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        locked = person.locked_fields(cursor, staff.list_id)

    work(staff, save(staff, Title={"on": False}))

    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        unlocked = set(locked) - set(person.locked_fields(cursor, staff.list_id))
        version = cursor.execute("select version from person").fetchone()
        assert version is not None
        person.edit(cursor, staff.list_id, str(ada["id"]), version[0], {"job_title": "Doctor"})
    assert unlocked == {"job_title"}
    assert values(staff, "Job Title") == {"ada": "Doctor"}
    assert ada["fields"]["Job Title"] == "Nurse"


def test_activity_uid_and_holder_stay_as_they_are(staff: Roster) -> None:
    staff.create("ada", title="Nurse", active=False)
    bo = staff.create("bo", title="Cook")
    staff.drain()
    staff.delete(bo)
    staff.drain()
    # By hand: the identity provider says otherwise, and re-mapping must not.
    staff.connection.execute("update person set active = true, held_seq = 7 where uid = 'ada'")
    before = staff.connection.execute(
        "select id, uid, anchor, identity_id, active, held_seq from person order by id"
    ).fetchall()

    work(staff, save(staff, Title={"transform": "uppercase"}))

    after = staff.connection.execute(
        "select id, uid, anchor, identity_id, active, held_seq from person order by id"
    ).fetchall()
    assert after == before
    assert values(staff, "Job Title") == {"ada": "NURSE", "bo": "Cook"}


def test_local_fields_are_merged_with_not_replaced(staff: Roster) -> None:
    staff.create("ada", title="Nurse")
    staff.drain()
    staff.connection.execute("""update person set search = null, fields = fields || '{"locker": "17"}'""")

    work(staff, save(staff, Title={"transform": "uppercase"}))

    assert staff.people()[0]["fields"] == {"Job Title": "NURSE", "locker": "17"}


def test_a_value_that_does_not_fit_leaves_what_the_person_has(staff: Roster) -> None:
    staff.create("ada", title="Nurse")
    staff.drain()

    work(staff, save(staff, **{"Work_e-mail": {"on": False}}, User_name={"on": True, "field": "email"}))

    assert values(staff, "Email") == {"ada": None}
    assert progress(staff) == ("done", 1, 0)


def test_those_with_operations_that_are_not_applied_yet_are_left_to_their_drain(staff: Roster) -> None:
    ada = staff.create("ada", title="Nurse")
    staff.create("bo", title="Cook")
    staff.drain()
    staff.update(ada, title="Doctor")

    job_id = save(staff, Title={"transform": "uppercase"})
    rung: list[Lane] = []
    work(staff, job_id, ring=rung.extend)
    between = values(staff, "Job Title")
    staff.drain()

    assert between == {"ada": "Nurse", "bo": "COOK"}
    # What arrived while the lane was held would else wait for the sweep.
    assert rung == [staff.lane(ada)]
    assert values(staff, "Job Title") == {"ada": "DOCTOR", "bo": "COOK"}
    assert progress(staff) == ("done", 2, 1)


def test_newer_mappings_end_the_older_job(staff: Roster) -> None:
    staff.create("ada", title="Nurse")
    staff.drain()

    older = save(staff, Title={"transform": "uppercase"})
    newer = save(staff, Title={"transform": "lowercase"})
    results = work(staff, older), work(staff, newer)

    assert results == (False, False)
    assert values(staff, "Job Title") == {"ada": "nurse"}
    states = staff.connection.execute("select state from job order by created_at").fetchall()
    assert states == [("ended",), ("done",)]


def test_a_save_that_comes_between_two_slices_ends_the_run(staff: Roster, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(40):
        staff.create(f"user{number}", title="Nurse")
    staff.drain()
    monkeypatch.setattr(remapping, "PAGE", 5)
    older = save(staff, Title={"transform": "uppercase"})
    slices: list[int] = []

    def ring(_: object) -> None:
        slices.append(1)
        if len(slices) == 3:
            save(staff, Title={"transform": "lowercase"})

    more = work(staff, older, ring=ring)

    assert more is False
    assert len(slices) == 3
    assert work(staff, latest(staff).id) is False
    assert set(values(staff, "Job Title").values()) == {"nurse"}


def test_a_run_gives_its_place_back_and_goes_on_where_it_was(staff: Roster, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(12):
        staff.create(f"user{number}", title="Nurse")
    staff.drain()
    monkeypatch.setattr(remapping, "PAGE", 5)

    job_id = save(staff, Title={"transform": "uppercase"})
    runs = [work(staff, job_id, seconds=-1) for _ in range(4)]

    assert runs == [True, True, True, False]
    assert set(values(staff, "Job Title").values()) == {"NURSE"}
    assert progress(staff) == ("done", 12, 12)


class NudgedBell(SilentBell):
    """One that writes down which jobs it was rung for."""

    def __init__(self, heard: bool = True) -> None:
        super().__init__(heard)
        self.nudges: list[tuple[str, str]] = []

    def remap(self, list_id: str, job_id: str) -> bool:
        self.nudges.append((list_id, job_id))
        return self.heard


class Killed(BaseException):
    """As if the process were gone: nothing that follows runs."""


def test_a_killed_job_is_resumed_and_ends_as_if_it_had_not_been(staff: Roster, database_url: str) -> None:
    for number in range(40):
        staff.create(f"user{number}", title="Nurse")
    staff.drain()
    job_id = save(staff, Title={"transform": "uppercase"})

    def die(_: object) -> None:
        raise Killed

    with database.connect(database_url) as doomed, pytest.raises(Killed):
        work(staff, job_id, ring=die, on=doomed)
    begun = progress(staff)
    too_early = work(staff, job_id)
    staff.connection.execute("update job set heartbeat_at = heartbeat_at - interval '31 s',"
                             " created_at = created_at - interval '40 s'")  # fmt: skip
    # Nobody hears the bell, so that the sweep works at it itself.
    sweep = Sweep(database_url, NudgedBell(heard=False), seconds=10)  # type: ignore[arg-type]
    sweep.once(staff.connection)

    assert begun[0] == "running"
    assert 0 < begun[1] < 40
    assert too_early is False
    assert progress(staff) == ("done", 40, 40)
    assert set(values(staff, "Job Title").values()) == {"NURSE"}


def test_the_sweep_nudges_for_a_job_that_nobody_has_heard_of(staff: Roster, database_url: str) -> None:
    job_id = save(staff, Title={"transform": "uppercase"})
    bell = NudgedBell()
    sweep = Sweep(database_url, bell)  # type: ignore[arg-type]

    sweep.once(staff.connection)
    at_once = list(bell.nudges)
    staff.connection.execute("update job set created_at = created_at - interval '3 s'")
    sweep.once(staff.connection)

    assert at_once == []
    assert bell.nudges == [(staff.list_id, job_id)]


def test_a_worker_that_was_given_up_stops_when_it_comes_back(staff: Roster, database_url: str) -> None:
    for number in range(40):
        staff.create(f"user{number}", title="Nurse")
    staff.drain()
    job_id = save(staff, Title={"transform": "uppercase"})
    others: list[bool] = []

    def fall_asleep(_: object) -> None:
        if not others:
            with database.connect(database_url) as other:
                other.execute("update job set heartbeat_at = heartbeat_at - interval '31 s'")
                others.append(work(staff, job_id, on=other))

    more = work(staff, job_id, ring=fall_asleep)

    assert (more, others) == (False, [False])
    assert progress(staff) == ("done", 40, 40)


def test_a_lane_that_is_being_drained_is_waited_for_and_taken_up_again(staff: Roster, database_url: str) -> None:
    lanes = {f"user{number}": staff.lane(staff.create(f"user{number}", title="Nurse")) for number in range(40)}
    staff.drain()
    job_id = save(staff, Title={"transform": "uppercase"})
    staff.connection.execute("set lock_timeout = 50")
    held = {uid for uid, lane in lanes.items() if lane == lanes["user0"]}

    with database.connect(database_url) as other, other.transaction():
        other.execute("select pg_advisory_xact_lock(%s)", (database.lock_key("lane", *lanes["user0"]),))
        more, left = True, set(lanes)
        while more and left > held:  # on a slow machine some of the others take longer than that as well
            more = work(staff, job_id, seconds=0.2)
            left = {uid for uid, title in values(staff, "Job Title").items() if title == "Nurse"}
    work(staff, job_id)

    assert more is True
    assert left == held
    assert set(values(staff, "Job Title").values()) == {"NURSE"}
    assert progress(staff) == ("done", 40, 40)


def test_a_list_that_was_disconnected_and_forgotten_is_not_mapped(staff: Roster) -> None:
    staff.create("ada", title="Nurse")
    staff.drain()
    job_id = save(staff, Title={"transform": "uppercase"})
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        connections.disconnect(cursor, staff.list_id)
    more = True
    while more:
        with database.transaction(staff.connection, [staff.list_id]) as cursor:
            more = connections.forget(cursor, staff.list_id)

    work(staff, job_id)

    assert values(staff, "Job Title") == {"ada": "Nurse"}


def test_students_stay_as_they_are_while_staff_is_mapped_again(
    staff: Roster, make_roster: Callable[[str], Roster]
) -> None:
    students = make_roster("userName")
    for one in (staff, students):
        one.create("ada", title="Nurse")
        one.drain()

    work(staff, save(staff, Title={"transform": "uppercase"}))

    assert values(students, "Job Title") == {"ada": "Nurse"}


def test_the_preview_counts_what_the_re_mapping_then_changes(staff: Roster) -> None:
    for number in range(30):
        staff.create(
            f"user{number}@x.example", title="Nurse" if number % 3 else "NURSE", name={"middleName": "B"},
            emails=[{"value": f"user{number}@x.example" if number % 2 else "not an address", "type": "home"}],
        )  # fmt: skip
    staff.drain()
    changed: dict[str, Any] = {
        "Title": {"transform": "uppercase"},
        "Middle_name": {"on": True, "field": DEFAULT},
        "Home_e-mail": {"on": True, "field": DEFAULT},
    }
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        tried = mapping_preview.preview(cursor, staff.list_id, choices(staff, **changed), fields(staff), {})
    people = {one["uid"]: one["fields"] for one in staff.people()}

    work(staff, save(staff, **changed))

    after = {one["uid"]: one["fields"] for one in staff.people()}
    counted = {
        label: sum(after[uid].get(label) != present.get(label) for uid, present in people.items())
        for label in ("Job Title", "Middle Name", "Personal Email")
    }
    assert counted == dict(tried.fields) == {"Job Title": 20, "Middle Name": 30, "Personal Email": 15}
    assert dict(tried.misfits) == {"Personal Email": 15, "Primary Email": 15}
    assert progress(staff) == ("done", 30, tried.changed)
    assert len(tried.sample) == mapping_preview.SAMPLE
    for one in tried.sample:
        assert [after[one.uid].get(label) for label, _, _ in one.changes] == [value for _, _, value in one.changes]
