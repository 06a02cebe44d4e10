"""A preview says what a run would do, and does nothing."""

from typing import Any

from models import database
from models.directory import plan
from ops.simulators.graph import Directory
from tests.workers.directory.conftest import Pulled
from tests.workers.directory.test_run import names


def pages(staff: Pulled) -> list[str]:
    return [one.target for one in staff.graph.requests if "/users/delta" in one.target]


def test_a_preview_counts_and_writes_nothing(make_pulled: Any, directory: Directory) -> None:
    staff: Pulled = make_pulled("employeeNumber")
    mila, ravi, noor = names(directory, "Mila", "Ravi", "Noor")
    for one, number in ((mila, "E1"), (ravi, "E2")):
        directory.change_user(one, employeeId=number)
    directory.change_user(noor, employeeId=None)
    staff.connect()
    staff.run()
    staff.disconnect()
    directory.change_user(ravi, accountEnabled=False)
    directory.change_user(names(directory, "Sol")[0], employeeId="E4", displayName="Sol F")
    staff.connect()
    log = staff.log()

    over = staff.run(preview=True)

    planned = over.progress.plan
    assert (planned["created"], planned["adopted"], planned["leaving"], planned["waiting"]) == (1, 2, 1, 1)
    assert [one["uid"] for one in staff.people()] == ["E1", "E2"]
    assert staff.log() == log
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        samples = plan.samples(cursor, staff.list_id)
    assert ("created", "Sol F", "sol@n.example") in samples


def test_a_run_after_a_preview_reads_nothing_twice(staff: Pulled, directory: Directory) -> None:
    names(directory, *(f"P{number}" for number in range(450)))
    staff.connect()
    staff.run(preview=True)
    assert staff.people() == []
    asked = len(pages(staff))

    staff.run()

    assert len(pages(staff)) == asked + 1, "one question: what has changed since?"
    assert len(staff.people()) == 450


def test_what_has_changed_since_a_preview_counts(staff: Pulled, directory: Directory) -> None:
    mila, ravi = names(directory, "Mila", "Ravi")
    group = directory.add_group("Staff", [mila])
    staff.connect(group)
    staff.run(preview=True)
    directory.remove_members(group, [mila])
    directory.add_members(group, [ravi])

    staff.run()

    assert set(staff.by_anchor()) == {ravi}


def test_another_choice_of_groups_is_compared(staff: Pulled, directory: Directory) -> None:
    mila, ravi, noor = names(directory, "Mila", "Ravi", "Noor")
    teachers, office = directory.add_group("Teachers", [mila, noor]), directory.add_group("Office", [ravi, noor])
    staff.connect(teachers)
    staff.run()

    staff.choose(office)
    staff.run()
    assert staff.active() == {"ravi@n.example", "noor@n.example"}

    staff.choose()
    staff.run()
    assert staff.active() == {"mila@n.example", "ravi@n.example", "noor@n.example"}

    staff.choose(teachers)
    staff.run()
    assert staff.active() == {"mila@n.example", "noor@n.example"}
