"""What runs make of a directory: people, changes and leavers."""

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
