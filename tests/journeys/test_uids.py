"""UIDs that are wanted by two: who keeps one, who waits for it, who gets it (V2, V3, V3b)."""

import pytest

from tests.factories import ENTERPRISE, replace, user
from tests.journeys.idp import Idp
from tests.journeys.system import Muster

pytestmark = pytest.mark.journey
NUMBER = f"{ENTERPRISE}:employeeNumber"


def test_a_new_uid_that_is_another_persons_is_not_taken_and_the_rest_is_written(muster: Muster, numbered: Idp) -> None:
    ada = numbered.create(user("ada@north.example", employee_number="E-1", externalId="a"))
    bob = numbered.create(user("bob@north.example", employee_number="E-2", externalId="b"))
    numbered.set(bob, "active", False)
    muster.settled(numbered.list_id)  # lanes are drained at once, and whoever is applied first has the UID
    answer = numbered.patch(ada, replace(NUMBER, "E-2"), replace("title", "Dean"))
    muster.settled(numbered.list_id)

    assert answer.status_code == 200
    people = [(each["uid"], each["identity_id"], each["active"]) for each in muster.people(numbered.list_id)]
    assert people == [("E-1", ada, True), ("E-2", bob, False)]
    assert muster.person(numbered.list_id, "E-1")["fields"]["Job Title"] == "Dean"
    last = muster.log(numbered.list_id)[-1]
    assert last["result"] == "partly_applied"
    assert "bob@north.example" in last["detail"]


def test_whoever_waits_for_a_uid_gets_it_when_it_is_freed(muster: Muster, numbered: Idp) -> None:
    ada = numbered.create(user("ada@north.example", employee_number="E-1"))
    numbered.patch(ada, {"op": "remove", "path": NUMBER})
    muster.settled(numbered.list_id)
    bob = numbered.create(user("bob@north.example", employee_number="E-1"))
    muster.settled(numbered.list_id)
    # Ada has no number any more and her person keeps it: nobody claims it, and yet Bob must wait.
    assert muster.story(numbered.list_id) == ["create applied", "update partly_applied", "create waiting"]

    numbered.set(ada, NUMBER, "E-9")
    muster.settled(numbered.list_id)

    people = [(each["uid"], each["identity_id"]) for each in muster.people(numbered.list_id)]
    assert people == [("E-1", bob), ("E-9", ada)]
    assert muster.story(numbered.list_id) == [
        "create applied",
        "update partly_applied",
        "create applied",
        "update applied",
    ]


def test_a_user_who_is_deleted_while_waiting_leaves_nothing_waiting(muster: Muster, numbered: Idp) -> None:
    ada = numbered.create(user("ada@north.example"))
    assert numbered.delete(ada).status_code == 204
    muster.settled(numbered.list_id)

    assert muster.people(numbered.list_id) == []
    assert muster.story(numbered.list_id) == ["create no_change", "delete no_change"]


def test_two_users_can_swap_their_names_by_way_of_a_third(muster: Muster, staff: Idp) -> None:
    ada, bob = staff.create(user("ada@north.example")), staff.create(user("bob@north.example"))
    for identity_id, name in ((ada, "between"), (bob, "ada@north.example"), (ada, "bob@north.example")):
        staff.set(identity_id, "userName", name)
    muster.settled(staff.list_id)

    people = [(each["uid"], each["identity_id"]) for each in muster.people(staff.list_id)]
    assert people == [("ada@north.example", bob), ("bob@north.example", ada)]
    assert muster.story(staff.list_id) == ["create applied"] * 2 + ["update applied"] * 3
