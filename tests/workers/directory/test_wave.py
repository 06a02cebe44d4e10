"""The guard (V9): a run counts before it writes, and holds all of its deactivations or none."""

import pytest

from models import database, guard, hold
from models.directory import runs
from models.guard import Guard
from models.hold import Chosen
from ops.simulators.graph import Directory
from tests.workers.directory.conftest import OPERATOR, Pulled
from tests.workers.directory.test_run import names
from workers.directory import apply


def held(staff: Pulled) -> int:
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        return hold.summary(cursor, staff.list_id).count


def end(staff: Pulled, release: bool) -> None:
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        if release:
            hold.release(cursor, staff.list_id, Chosen(), OPERATOR)
        else:
            hold.discard(cursor, staff.list_id, Chosen(), OPERATOR)


def test_a_group_that_is_emptied_empties_no_roster(staff: Pulled, directory: Directory) -> None:
    everyone = names(directory, *(f"P{number}" for number in range(60)))
    group = directory.add_group("Staff", everyone)
    staff.connect(group)
    staff.run()
    directory.remove_members(group, everyone)

    over = staff.run()

    assert (len(staff.active()), held(staff)) == (60, 60)
    assert (over.progress.plan["leaving"], over.progress.plan["held"]) == (60, True)
    end(staff, release=True)
    assert (staff.active(), held(staff)) == (set(), 0)


def test_all_of_a_wave_are_held_and_not_those_beyond_the_threshold(staff: Pulled, directory: Directory) -> None:
    everyone = names(directory, *(f"P{number}" for number in range(100)))
    staff.connect(directory.add_group("Staff", everyone))
    staff.run()
    directory.remove_members(directory.group_ids()[0], everyone[:55])

    staff.run()

    assert (len(staff.active()), held(staff)) == (100, 55)


def test_fewer_leave_at_once(staff: Pulled, directory: Directory) -> None:
    everyone = names(directory, *(f"P{number}" for number in range(100)))
    staff.connect(directory.add_group("Staff", everyone))
    staff.run()
    directory.remove_members(directory.group_ids()[0], everyone[:49])

    over = staff.run()

    assert (len(staff.active()), held(staff), over.progress.plan["held"]) == (51, 0, False)


def test_a_small_roster_is_not_emptied_either(staff: Pulled, directory: Directory) -> None:
    for one in names(directory, "Mila", "Ravi", "Noor"):
        directory.add_members(directory.group_ids()[0] if directory.group_ids() else directory.add_group("S"), [one])
    staff.connect(directory.group_ids()[0])
    staff.run()
    directory.remove_group(directory.group_ids()[0])

    over = staff.run()

    assert (len(staff.active()), held(staff)) == (3, 3)
    assert over.progress.warnings == ["The group “S” was deleted from the directory: choose another one"]


def test_who_comes_back_is_not_held_any_more(staff: Pulled, directory: Directory) -> None:
    everyone = names(directory, "Mila", "Ravi", "Noor")
    group = directory.add_group("Staff", everyone)
    staff.connect(group)
    staff.run()
    directory.remove_members(group, everyone)
    staff.run()
    directory.add_members(group, everyone[:2])

    staff.run()

    assert (len(staff.active()), held(staff)) == (3, 1)


def test_a_discarded_hold_is_not_renewed_by_later_runs(staff: Pulled, directory: Directory) -> None:
    everyone = names(directory, "Mila", "Ravi", "Noor")
    group = directory.add_group("Staff", everyone)
    staff.connect(group)
    staff.run()
    directory.remove_members(group, everyone)
    staff.run()
    end(staff, release=False)
    directory.expire_delta_tokens()

    staff.run()

    assert (len(staff.active()), held(staff)) == (3, 0)


def test_where_the_guard_is_off_everybody_leaves(staff: Pulled, directory: Directory) -> None:
    everyone = names(directory, "Mila", "Ravi", "Noor")
    group = directory.add_group("Staff", everyone)
    staff.connect(group)
    staff.run()
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        guard.save(cursor, staff.list_id, Guard(enabled=False))
    directory.remove_members(group, everyone)

    staff.run()

    assert staff.active() == set()


def stop(staff: Pulled) -> None:
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        assert runs.stop(cursor, staff.list_id)


def until(staff: Pulled, phase: str) -> str:
    """A run that is worked at until it has come to a phase and done a step of it."""
    run_id = staff.begin()
    while staff.look(run_id).progress.phase != phase:
        staff.work(run_id, seconds=0)
        staff.hurry(run_id)
    staff.work(run_id, seconds=0)
    return run_id


@pytest.fixture
def slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten changes."""
    monkeypatch.setattr(apply, "SLICE", 10)


def test_what_a_stopped_run_has_left_of_a_wave_is_held_as_well(
    staff: Pulled, directory: Directory, slices: None
) -> None:
    everyone = names(directory, *(f"P{number}" for number in range(100)))
    staff.connect(directory.add_group("Staff", everyone))
    staff.run()
    directory.remove_members(directory.group_ids()[0], everyone[:55])
    until(staff, runs.APPLY)
    stop(staff)

    over = staff.run()

    assert (len(staff.active()), held(staff)) == (100, 55)
    assert over.progress.plan["held"]


def test_what_was_accepted_before_a_run_was_stopped_is_held_however_late_it_is_applied(
    staff: Pulled, directory: Directory
) -> None:
    everyone = names(directory, *(f"P{number}" for number in range(100)))
    staff.connect(directory.add_group("Staff", everyone))
    staff.run()
    directory.remove_members(directory.group_ids()[0], everyone[:55])
    until(staff, runs.APPLY)
    stop(staff)
    run_id = staff.begin()
    for _ in range(20):
        staff.work(run_id, seconds=0)
        staff.hurry(run_id)

    staff.finish(run_id)

    assert (len(staff.active()), held(staff)) == (100, 55)


def test_a_small_roster_is_not_emptied_by_a_run_that_does_not_see_what_the_last_one_did(
    staff: Pulled, directory: Directory
) -> None:
    everyone = names(directory, *(f"P{number}" for number in range(20)))
    group = directory.add_group("Staff", everyone)
    staff.connect(group)
    staff.run()
    directory.remove_members(group, everyone[:10])
    until(staff, runs.APPLY)
    stop(staff)
    directory.remove_members(group, everyone)
    run_id = staff.begin()
    for _ in range(20):
        staff.work(run_id, seconds=0)
        staff.hurry(run_id)

    staff.finish(run_id)

    assert (len(staff.active()), held(staff)) == (10, 10)


def test_a_wave_that_is_over_holds_nobody_of_a_later_run(staff: Pulled, directory: Directory) -> None:
    everyone = names(directory, *(f"P{number}" for number in range(100)))
    group = directory.add_group("Staff", everyone)
    staff.connect(group)
    staff.run()
    directory.remove_members(group, everyone[:55])
    until(staff, runs.APPLY)
    stop(staff)
    staff.run()
    end(staff, release=False)
    directory.remove_members(group, everyone[55:57])

    staff.run()

    assert (len(staff.active()), held(staff)) == (98, 0)


def test_users_that_cannot_be_kept_are_no_leavers(staff: Pulled, directory: Directory) -> None:
    everyone = names(directory, "Mila", "Ravi", "Noor")
    staff.connect()
    staff.run()
    for one in everyone:
        directory.change_user(one, givenName="\0")

    over = staff.run()

    assert (over.progress.plan["leaving"], over.progress.plan["held"], over.progress.refused) == (0, False, 3)
    assert len(staff.active()) == 3


def test_the_last_one_of_those_who_leave_within_an_hour_is_held(staff: Pulled, directory: Directory) -> None:
    everyone = names(directory, "Mila", "Ravi")
    group = directory.add_group("Staff", everyone)
    staff.connect(group)
    staff.run()
    directory.remove_members(group, everyone[:1])
    staff.run()
    directory.remove_members(group, everyone[1:])

    staff.run()

    assert (staff.active(), held(staff)) == ({"ravi@n.example"}, 1)
