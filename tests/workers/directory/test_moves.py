"""User names, numbers and addresses that move from one user to another within one run."""

from typing import Any

import psycopg
import pytest

from models.directory import plan
from ops.simulators.graph import Directory
from tests.workers.directory.conftest import Pulled
from tests.workers.directory.test_run import names


@pytest.mark.parametrize("first", [0, 1], ids=["the-former-first", "the-latter-first"])
def test_one_who_comes_back_under_another_name_is_not_deleted_for_the_old_one(
    staff: Pulled, directory: Directory, first: int
) -> None:
    both = names(directory, "A", "B")
    back, other = both[first], both[1 - first]
    staff.connect()
    staff.run()
    directory.change_user(back, accountEnabled=False)
    staff.run()
    name = "ab"[first]
    directory.change_user(back, accountEnabled=True, userPrincipalName="c@n.example")
    directory.change_user(other, userPrincipalName=f"{name}@n.example")

    over = staff.run()

    people = staff.by_anchor()
    assert {key: (one["uid"], one["active"]) for key, one in people.items()} == {
        back: ("c@n.example", True),
        other: (f"{name}@n.example", True),
    }
    assert (over.progress.refused, staff.failures()) == (0, {})


@pytest.mark.parametrize("first", [0, 1], ids=["the-former-first", "the-latter-first"])
def test_an_inactive_user_who_is_renamed_gives_the_name_up_and_stays(
    staff: Pulled, directory: Directory, first: int
) -> None:
    both = names(directory, "A", "B")
    inactive, other = both[first], both[1 - first]
    staff.connect()
    directory.change_user(inactive, accountEnabled=False)
    staff.run()
    name = "ab"[first]
    directory.change_user(inactive, userPrincipalName="c@n.example")
    directory.change_user(other, userPrincipalName=f"{name}@n.example")

    staff.run()

    people = staff.by_anchor()
    assert {key: (one["uid"], one["active"]) for key, one in people.items()} == {
        inactive: ("c@n.example", False),
        other: (f"{name}@n.example", True),
    }
    assert "delete" not in [operation for operation, _, _ in staff.log()]


def test_two_who_swap_addresses_are_both_applied(make_pulled: Any, directory: Directory) -> None:
    staff: Pulled = make_pulled("email")
    both = [directory.add_user(userPrincipalName=f"{one}@n.example", mail=f"{one}@n.example") for one in "ab"]
    staff.connect()
    staff.run()
    for one, mail in zip(both, "ba", strict=True):
        directory.change_user(one, mail=f"{mail}@n.example")

    over = staff.run()

    people = staff.by_anchor()
    assert [people[one]["uid"] for one in both] == ["b@n.example", "a@n.example"]
    assert (over.progress.refused, staff.failures(), staff.waiting()) == (0, {}, 0)


@pytest.mark.parametrize("step", [1, -1])
def test_numbers_of_many_that_all_move_on_by_one_are_all_applied(
    make_pulled: Any, directory: Directory, step: int
) -> None:
    staff: Pulled = make_pulled("employeeNumber")
    everyone = names(directory, *(f"P{number}" for number in range(20)))
    for number, one in enumerate(everyone):
        directory.change_user(one, employeeId=str(100 + number))
    staff.connect()
    staff.run()
    for number, one in enumerate(everyone):
        directory.change_user(one, employeeId=str(100 + number + step))

    over = staff.run()

    people = staff.by_anchor()
    assert [people[one]["uid"] for one in everyone] == [str(100 + number + step) for number in range(20)]
    assert (over.progress.refused, staff.failures(), staff.waiting()) == (0, {}, 0)


def test_three_whose_numbers_move_in_a_circle_are_all_applied(make_pulled: Any, directory: Directory) -> None:
    staff: Pulled = make_pulled("employeeNumber")
    everyone = names(directory, "A", "B", "C")
    for number, one in enumerate(everyone):
        directory.change_user(one, employeeId=f"E{number}")
    staff.connect()
    staff.run()
    for number, one in enumerate(everyone):
        directory.change_user(one, employeeId=f"E{(number + 1) % 3}")

    staff.run()

    people = staff.by_anchor()
    assert [people[one]["uid"] for one in everyone] == ["E1", "E2", "E0"]
    assert (staff.failures(), staff.waiting()) == ({}, 0)


@pytest.mark.parametrize("enabled", [False, True], ids=["stays-disabled", "is-enabled-again"])
@pytest.mark.parametrize("disabled", [[0], [1], [0, 2], [0, 1, 2]])
def test_three_of_whom_some_were_disabled_move_in_a_circle(
    make_pulled: Any, directory: Directory, disabled: list[int], enabled: bool
) -> None:
    staff: Pulled = make_pulled("email")
    everyone = [directory.add_user(userPrincipalName=f"{one}@n.example", mail=f"{one}@n.example") for one in "abc"]
    for number in disabled:
        directory.change_user(everyone[number], accountEnabled=False)
    staff.connect()
    staff.run()
    for one, mail in zip(everyone, "bca", strict=True):
        directory.change_user(one, mail=f"{mail}@n.example")
    for number in disabled if enabled else ():
        directory.change_user(everyone[number], accountEnabled=True)

    staff.run()

    people = staff.by_anchor()
    assert [people[one]["uid"] for one in everyone] == ["b@n.example", "c@n.example", "a@n.example"]
    assert [people[one]["active"] for one in everyone] == [enabled or number not in disabled for number in range(3)]
    assert (staff.failures(), staff.waiting()) == ({}, 0)


@pytest.mark.parametrize("disabled", [[0], [1], [0, 1]])
def test_two_of_whom_some_are_disabled_swap_names(staff: Pulled, directory: Directory, disabled: list[int]) -> None:
    both = names(directory, "A", "B")
    for number in disabled:
        directory.change_user(both[number], accountEnabled=False)
    staff.connect()
    staff.run()
    for one, name in zip(both, "ba", strict=True):
        directory.change_user(one, userPrincipalName=f"{name}@n.example")

    staff.run()

    people = staff.by_anchor()
    assert [people[one]["uid"] for one in both] == ["b@n.example", "a@n.example"]
    assert [people[one]["active"] for one in both] == [number not in disabled for number in range(2)]
    assert (staff.failures(), staff.waiting()) == ({}, 0)


def test_whoever_stands_in_the_way_is_looked_up_in_tables_that_nobody_has_analysed(
    staff: Pulled, owner_url: str
) -> None:
    with psycopg.connect(owner_url) as owner:  # autovacuum may have, on account of other tests
        for table in ("identity", "person", "directory_change", "directory_member"):
            owner.execute("select pg_clear_relation_stats('public', %s)", (table,))
    rows = staff.connection.execute(f"explain (generic_plan) {plan.STANDING.replace('%s', '$1')}".encode()).fetchall()

    looked_up = {
        column for column in ("user_name_key", "uid_key") for (row,) in rows if f"{column} = c.{column}" in row
    }
    assert looked_up == {"user_name_key", "uid_key"}, rows
    assert any("Index Cond" in row and "object_id = o.external_id" in row for (row,) in rows), rows
    assert not any("Join Filter" in row for (row,) in rows), rows
