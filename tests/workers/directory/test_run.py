"""What runs make of a directory: people, changes and leavers."""

from typing import Any

from models import database
from models.attributes import ENTERPRISE
from models.directory import syncs
from ops.simulators.graph import Directory
from tests.workers.directory.conftest import Pulled


def names(directory: Directory, *given: str) -> list[str]:
    return [directory.add_user(givenName=one, userPrincipalName=f"{one}@n.example".lower()) for one in given]


def test_everybody_becomes_a_person(staff: Pulled, directory: Directory) -> None:
    mila, ravi = names(directory, "Mila", "Ravi")
    directory.change_user(ravi, accountEnabled=False)
    staff.connect()

    over = staff.run()

    people = staff.by_anchor()
    assert {key: (one["uid"], one["active"]) for key, one in people.items()} == {
        mila: ("mila@n.example", True),
        ravi: ("ravi@n.example", False),
    }
    assert people[mila]["fields"]["First Name"] == "Mila"
    assert (over.progress.created, over.progress.full) == (2, True)


def test_only_what_changed_is_applied_afterwards(staff: Pulled, directory: Directory) -> None:
    mila, ravi, noor = names(directory, "Mila", "Ravi", "Noor")
    staff.connect()
    staff.run()
    directory.change_user(mila, jobTitle="Registrar")
    directory.remove_user(ravi)

    over = staff.run()

    people = staff.by_anchor()
    assert people[mila]["fields"]["Job Title"] == "Registrar"
    assert [people[one]["active"] for one in (mila, ravi, noor)] == [True, False, True]
    assert (over.progress.full, over.progress.seen, over.progress.plan["updated"]) == (False, 2, 1)
    assert sum(over.progress.results.values()) == 2


def test_members_of_groups_alone_are_pulled(staff: Pulled, directory: Directory) -> None:
    mila, ravi, noor = names(directory, "Mila", "Ravi", "Noor")
    teachers, office = directory.add_group("Teachers", [mila]), directory.add_group("Office", [mila, ravi])
    staff.connect(teachers, office)
    staff.run()
    assert staff.active() == {"mila@n.example", "ravi@n.example"}

    directory.add_members(teachers, [noor])
    directory.remove_members(office, [mila, ravi])
    staff.run()

    assert staff.active() == {"mila@n.example", "noor@n.example"}
    assert set(staff.by_anchor()) == {mila, ravi, noor}


def test_a_member_who_comes_back_is_read_anew(staff: Pulled, directory: Directory) -> None:
    mila, ravi = names(directory, "Mila", "Ravi")
    teachers = directory.add_group("Teachers", [mila, ravi])
    staff.connect(teachers)
    staff.run()
    directory.remove_members(teachers, [ravi])
    staff.run()
    directory.change_user(ravi, jobTitle="Bursar")
    staff.run()
    directory.add_members(teachers, [ravi])

    staff.run()

    person = staff.by_anchor()[ravi]
    assert (person["active"], person["fields"]["Job Title"]) == (True, "Bursar")


def test_guests_are_left_out_where_that_is_chosen(staff: Pulled, directory: Directory) -> None:
    mila, ravi = names(directory, "Mila", "Ravi")
    directory.change_user(ravi, userType="Guest")
    staff.connect(guests=False)
    staff.run()
    assert set(staff.by_anchor()) == {mila}

    directory.change_user(mila, userType="Guest")
    directory.change_user(ravi, userType="Member")
    staff.run()

    assert staff.active() == {"ravi@n.example"}


def test_nobody_is_deleted_who_is_deleted_in_the_directory(staff: Pulled, directory: Directory) -> None:
    mila, ravi, _ = names(directory, "Mila", "Ravi", "Noor")
    staff.connect()
    staff.run()
    directory.remove_user(mila)
    directory.remove_user(ravi, permanently=True)
    staff.run()
    assert [staff.by_anchor()[one]["active"] for one in (mila, ravi)] == [False, False]

    directory.restore_user(mila)
    staff.run()

    assert staff.active() == {"mila@n.example", "noor@n.example"}


def test_a_user_name_that_entra_gives_to_another_user_takes_the_person_over(
    staff: Pulled, directory: Directory
) -> None:
    (mila,) = names(directory, "Mila")
    staff.connect()
    staff.run()
    directory.remove_user(mila)
    staff.run()

    (again,) = names(directory, "Mila")
    staff.run()

    assert [(one["anchor"], one["uid"], one["active"]) for one in staff.people()] == [(again, "mila@n.example", True)]


def test_names_that_move_on_in_one_run_are_all_applied(staff: Pulled, directory: Directory) -> None:
    first, second, third = names(directory, "A", "B", "C")
    staff.connect()
    staff.run()
    directory.change_user(third, userPrincipalName="d@n.example")
    directory.change_user(second, userPrincipalName="c@n.example")
    directory.change_user(first, userPrincipalName="b@n.example")

    over = staff.run()

    people = staff.by_anchor()
    assert [people[one]["uid"] for one in (first, second, third)] == ["b@n.example", "c@n.example", "d@n.example"]
    assert over.progress.refused == 0


def test_two_who_swap_their_numbers_are_both_applied(make_pulled: Any, directory: Directory) -> None:
    staff: Pulled = make_pulled("employeeNumber")
    mila, ravi = names(directory, "Mila", "Ravi")
    directory.change_user(mila, employeeId="E1")
    directory.change_user(ravi, employeeId="E2")
    staff.connect()
    staff.run()
    directory.change_user(mila, employeeId="E2")
    directory.change_user(ravi, employeeId="E1")

    over = staff.run()

    people = staff.by_anchor()
    assert [people[one]["uid"] for one in (mila, ravi)] == ["E2", "E1"]
    assert over.progress.refused == 0
    assert staff.waiting() == 0


def test_three_who_rename_each_other_in_a_circle_are_all_applied(staff: Pulled, directory: Directory) -> None:
    first, second, third = names(directory, "A", "B", "C")
    staff.connect()
    staff.run()
    for one, name in ((first, "b"), (second, "c"), (third, "a")):
        directory.change_user(one, userPrincipalName=f"{name}@n.example")

    staff.run()

    people = staff.by_anchor()
    assert [people[one]["uid"] for one in (first, second, third)] == ["b@n.example", "c@n.example", "a@n.example"]
    assert (staff.failures(), staff.waiting()) == ({}, 0)


def test_one_number_of_two_users_is_refused_and_tried_again(make_pulled: Any, directory: Directory) -> None:
    staff: Pulled = make_pulled("employeeNumber")
    mila, ravi = names(directory, "Mila", "Ravi")
    directory.change_user(mila, employeeId="E1")
    directory.change_user(ravi, employeeId="E1")
    staff.connect()

    over = staff.run()

    (name,) = staff.failures()
    assert "employeeNumber 'E1'" in staff.failures()[name]
    assert (over.progress.refused, len(staff.people())) == (1, 1)
    refused = mila if name.startswith("mila") else ravi
    directory.change_user(({mila, ravi} - {refused}).pop(), employeeId="E7")
    staff.run()
    assert staff.active() == {"E1", "E7"}
    assert staff.failures() == {}


def test_who_has_no_unique_identifier_waits(make_pulled: Any, directory: Directory) -> None:
    staff: Pulled = make_pulled("employeeNumber")
    (mila,) = names(directory, "Mila")
    directory.change_user(mila, employeeId=None)
    staff.connect()
    over = staff.run()
    assert over.progress.results == {"waiting": 1}

    directory.change_user(mila, employeeId="E9")
    staff.run()

    assert staff.active() == {"E9"}


def test_managers_are_asked_for_where_they_are_mapped(staff: Pulled, directory: Directory) -> None:
    mila, ravi = names(directory, "Mila", "Ravi")
    directory.change_user(ravi, displayName="Ravi M")
    directory.set_manager(mila, ravi)
    staff.connect()
    staff.run()
    staff.map(f"{ENTERPRISE}:manager", "Manager")

    over = staff.run()

    assert staff.by_anchor()[mila]["fields"]["Manager"] == "Ravi M"
    assert over.progress.full
    directory.set_manager(mila, None)
    staff.run()
    assert "Manager" not in staff.by_anchor()[mila]["fields"]


def test_managers_of_new_members_are_asked_for(staff: Pulled, directory: Directory) -> None:
    mila, ravi = names(directory, "Mila", "Ravi")
    directory.change_user(ravi, displayName="Ravi M")
    directory.set_manager(mila, ravi)
    group = directory.add_group("Staff", [])
    staff.connect(group)
    staff.map(f"{ENTERPRISE}:manager", "Manager")
    staff.run()
    directory.add_members(group, [mila])

    staff.run()

    assert staff.by_anchor()[mila]["fields"]["Manager"] == "Ravi M"


def test_a_value_that_cannot_be_stored_is_told(staff: Pulled, directory: Directory) -> None:
    mila, ravi = names(directory, "Mila", "Ravi")
    directory.change_user(mila, jobTitle="Regis\x00trar")
    staff.connect()

    over = staff.run()

    assert (over.progress.refused, staff.active()) == (1, {"ravi@n.example"})
    assert list(staff.failures().values()) == ["title holds a character that cannot be stored: correct it in Entra ID"]
    directory.change_user(mila, jobTitle="Registrar")
    staff.run()
    assert staff.active() == {"mila@n.example", "ravi@n.example"}


def test_people_who_are_in_the_list_already_are_adopted(staff: Pulled, directory: Directory) -> None:
    mila, ravi = names(directory, "Mila", "Ravi")
    staff.connect()
    staff.run()
    staff.disconnect()
    directory.remove_user(ravi)
    staff.connect()

    over = staff.run()

    assert (over.progress.created, over.progress.plan["adopted"]) == (0, 1)
    assert {key: one["active"] for key, one in staff.by_anchor().items()} == {mila: True, ravi: True}
    assert len(staff.people()) == 2


def test_a_few_members_of_a_large_directory_are_asked_for_by_their_ids(staff: Pulled, directory: Directory) -> None:
    everyone = names(directory, *(f"P{number}" for number in range(400)))
    staff.connect(directory.add_group("Staff", everyone[:30]))

    over = staff.run()

    asked = [one.target for one in staff.graph.requests]
    assert len([one for one in asked if "$batch" in one]) == 2
    assert len([one for one in asked if "/users/delta" in one]) == 1
    assert (len(staff.people()), over.progress.created) == (30, 30)
    directory.change_user(everyone[0], jobTitle="Bursar")
    directory.change_user(everyone[40], jobTitle="Bursar")
    staff.run()
    assert [one["fields"].get("Job Title") for one in staff.people()].count("Bursar") == 1


def test_groups_beyond_fifty_are_read_in_several_streams(staff: Pulled, directory: Directory) -> None:
    everyone = names(directory, *(f"P{number}" for number in range(120)))
    groups = [directory.add_group(f"G{number}", [one]) for number, one in enumerate(everyone)]
    staff.connect(*groups)

    staff.run()

    assert len(staff.people()) == 120
    assert len([one for one in staff.graph.requests if "/groups/delta" in one.target]) == 3
    directory.remove_members(groups[70], [everyone[70]])
    staff.run()
    assert len(staff.active()) == 119


def test_a_group_that_holds_groups_is_told(staff: Pulled, directory: Directory) -> None:
    (mila,) = names(directory, "Mila")
    inner = directory.add_group("Inner", [])
    outer = directory.add_group("Outer", [mila, inner])
    staff.connect(outer)

    over = staff.run()

    assert set(staff.by_anchor()) == {mila}
    assert over.progress.warnings == [
        "The group “Outer” holds other groups, whose members are not followed: choose those groups as well"
    ]


def test_the_names_of_groups_follow_the_directory(staff: Pulled, directory: Directory) -> None:
    (mila,) = names(directory, "Mila")
    group = directory.add_group("Teachers", [mila])
    staff.connect(group)
    staff.run()
    directory.change_group(group, displayName="Teaching staff")

    staff.run()

    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        assert syncs.groups_of(cursor, staff.list_id, mila) == ["Teaching staff"]
