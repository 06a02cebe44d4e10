"""Users who come again: tested connections, leavers who return, names that change (V2, V3, V3a)."""

from typing import Any

import pytest

from tests.factories import Body, patch, replace, user
from tests.journeys.idp import Idp
from tests.journeys.system import Muster

pytestmark = pytest.mark.journey

TESTER = "scim-check@harbor.example"
ADA, RENAMED = "ada@north.example", "ada.lovelace@north.example"


def accepted(idp: Idp, method: str, path: str, body: Body | None = None) -> Any:
    """The JSON of an answer that must be a success."""
    answer = idp.request(method, path, body)
    assert answer.status_code in (200, 201, 204), f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


def try_connection(idp: Idp, update: str, leave: str) -> str:
    """JumpCloud's Test Connection: the id of its user, who leaves by `leave`."""
    body = user(TESTER, name={"givenName": "Test", "familyName": "User"})
    tester: str = accepted(idp, "POST", "/Users", body)["id"]
    assert accepted(idp, "GET", f"/Users/{tester}")["active"] is True
    changed = body | {"id": tester, "displayName": "Test UserTwo"}
    accepted(idp, update, f"/Users/{tester}", changed if update == "PUT" else patch(replace("title", "Tester")))
    group = accepted(idp, "POST", "/Groups", {"displayName": "JumpCloud Test Group", "members": []})["id"]
    joining = patch({"op": "add", "path": "members", "value": [{"value": tester}]})
    shown = accepted(idp, "PATCH", f"/Groups/{group}", joining)
    assert [one["value"] for one in shown["members"]] == [tester]
    accepted(idp, "DELETE", f"/Groups/{group}")
    if leave == "DELETE":
        accepted(idp, "DELETE", f"/Users/{tester}")
        assert idp.get(tester).status_code == 404
    else:
        accepted(idp, "PUT", f"/Users/{tester}", changed | {"active": False})
    return tester


def memberships(idp: Idp, user_id: str) -> list[str]:
    """The names of the groups that a user shows."""
    return [one["display"] for one in accepted(idp, "GET", f"/Users/{user_id}").get("groups", [])]


def members(idp: Idp, group_id: str) -> list[str]:
    return [one["value"] for one in accepted(idp, "GET", f"/Groups/{group_id}").get("members", [])]


def leaver(idp: Idp, **more: Any) -> str:
    """The id of Ada, who was created and left."""
    ada = idp.create(user(ADA, **more))
    idp.set(ada, "active", False)
    return ada


# --- JumpCloud's Test Connection ---


@pytest.mark.parametrize("update", ["PUT", "PATCH"])
def test_a_connection_is_tested_again_and_again_with_one_address(muster: Muster, staff: Idp, update: str) -> None:
    people = []
    for leave in ("DELETE", "DELETE", "deactivation", "DELETE"):
        try_connection(staff, update, leave)
        muster.settled(staff.list_id)
        [tester] = muster.people(staff.list_id)
        assert (tester["uid"], tester["active"]) == (TESTER, False)
        people.append(tester["id"])

    assert set(people) == {people[0]}
    assert (staff.total(), accepted(staff, "GET", "/Groups")["totalResults"]) == (0, 0)


def test_a_test_that_deactivates_its_user_finds_it_again(muster: Muster, staff: Idp) -> None:
    first = try_connection(staff, "PUT", "deactivation")
    second = try_connection(staff, "PUT", "deactivation")
    muster.settled(staff.list_id)

    assert (first, staff.total()) == (second, 1)
    assert len(muster.people(staff.list_id)) == 1
    assert muster.story(staff.list_id, "user") == [
        "create applied", "update applied", "deactivate applied",
        "reactivate applied", "update applied", "deactivate applied",
    ]  # fmt: skip


def test_a_connection_is_tested_where_the_test_user_has_no_unique_identifier(muster: Muster, numbered: Idp) -> None:
    for leave in ("DELETE", "deactivation", "deactivation", "DELETE"):
        try_connection(numbered, "PUT", leave)
    muster.settled(numbered.list_id)

    assert (muster.people(numbered.list_id), numbered.total()) == ([], 0)


# --- Okta's leaver who returns ---


@pytest.mark.parametrize(("before", "after"), [("00u1", "00u1"), (None, None), ("00u1", None), (None, "00u1")])
def test_a_leaver_who_is_created_again_is_the_same_active_user_and_person(
    muster: Muster, staff: Idp, before: str | None, after: str | None
) -> None:
    ada = leaver(staff, externalId=before)
    muster.settled(staff.list_id)
    [left] = muster.people(staff.list_id)
    again = staff.post(user(ADA.upper(), externalId=after, title="Dean"))
    muster.settled(staff.list_id)
    [back] = muster.people(staff.list_id)

    assert (again.status_code, again.json()["id"], again.json()["active"]) == (201, ada, True)
    assert again.headers["Location"] == again.json()["meta"]["location"]
    assert again.json().get("externalId") == after
    assert (left["active"], back["active"]) == (False, True)
    assert (back["id"], back["identity_id"], back["fields"]["Job Title"]) == (left["id"], ada, "Dean")
    assert staff.total() == 1


def test_a_post_with_another_external_id_is_told_which_inactive_user_is_in_the_way(muster: Muster, staff: Idp) -> None:
    ada = leaver(staff, externalId="00u1")
    refused = staff.post(user(ADA, externalId="00u2"))
    muster.settled(staff.list_id)

    assert (refused.status_code, refused.json()["scimType"], refused.json()["status"]) == (409, "uniqueness", "409")
    for named in ("userName", ADA, "inactive", ada, "00u1"):
        assert named in refused.json()["detail"]
    assert (accepted(staff, "GET", f"/Users/{ada}")["active"], staff.total()) == (False, 1)
    assert [each["active"] for each in muster.people(staff.list_id)] == [False]


def test_external_ids_are_told_apart_by_case(staff: Idp) -> None:
    leaver(staff, externalId="00uA")

    assert staff.post(user(ADA, externalId="00ua")).status_code == 409


def test_a_post_that_says_inactive_leaves_the_leaver_inactive(muster: Muster, staff: Idp) -> None:
    ada = leaver(staff, externalId="00u1")
    again = staff.post(user(ADA, externalId="00u1", active=False, title="Dean"))
    muster.settled(staff.list_id)

    assert (again.status_code, again.json()["id"], again.json()["active"]) == (201, ada, False)
    [one] = muster.people(staff.list_id)
    assert (one["active"], one["fields"]["Job Title"]) == (False, "Dean")
    assert muster.story(staff.list_id) == ["create applied", "deactivate applied", "reactivate applied"]


def test_what_a_post_leaves_out_is_not_kept_of_the_leaver(staff: Idp) -> None:
    ada = leaver(staff, externalId="00u1", title="Dean", nickName="Countess")
    again = staff.post(user(ADA, externalId="00u1"))

    assert again.json()["id"] == ada
    assert not {"title", "nickName"} & again.json().keys()


# --- deleted and created anew ---


@pytest.mark.parametrize("external_id", ["00u1", None])
def test_a_user_who_is_deleted_and_created_is_a_new_user_and_the_same_person(
    muster: Muster, staff: Idp, external_id: str | None
) -> None:
    first = staff.create(user(ADA, externalId=external_id))
    muster.settled(staff.list_id)
    [before] = muster.people(staff.list_id)
    staff.delete(first)
    second = staff.create(user(ADA, externalId=external_id))
    muster.settled(staff.list_id)
    [after] = muster.people(staff.list_id)

    assert first != second
    assert (after["id"], after["active"], after["identity_id"]) == (before["id"], True, second)
    assert (staff.get(first).status_code, staff.total()) == (404, 1)


def test_a_user_who_is_deleted_while_inactive_may_return_with_another_external_id(muster: Muster, staff: Idp) -> None:
    staff.delete(leaver(staff, externalId="00u1"))
    again = staff.create(user(ADA, externalId="00u2"))
    muster.settled(staff.list_id)

    [one] = muster.people(staff.list_id)
    assert (one["identity_id"], one["anchor"], one["active"]) == (again, "00u2", True)


def test_memberships_outlast_deactivation_and_end_with_deletion(staff: Idp) -> None:
    ada = staff.create(user(ADA, externalId="00u1"))
    group = accepted(staff, "POST", "/Groups", {"displayName": "Staff", "members": [{"value": ada}]})["id"]
    staff.set(ada, "active", False)
    assert (members(staff, group), memberships(staff, ada)) == ([ada], ["Staff"])

    again = staff.post(user(ADA, externalId="00u1")).json()
    assert (again["id"], [one["value"] for one in again["groups"]]) == (ada, [group])
    assert (members(staff, group), memberships(staff, ada)) == ([ada], ["Staff"])

    staff.delete(ada)
    anew = staff.create(user(ADA, externalId="00u1"))
    assert (members(staff, group), memberships(staff, anew)) == ([], [])


# --- a name that changes: the old user deactivated, a new one created (growthbook#1680) ---


@pytest.mark.parametrize("deactivated", ["PUT", "PATCH", "DELETE"])
def test_a_new_name_for_the_same_external_id_is_the_same_person(muster: Muster, staff: Idp, deactivated: str) -> None:
    old = staff.create(user(ADA, externalId="00u1"))
    muster.settled(staff.list_id)
    [before] = muster.people(staff.list_id)
    body = {"PUT": user(ADA, externalId="00u1", active=False), "PATCH": patch(replace("active", False))}
    accepted(staff, deactivated, f"/Users/{old}", body.get(deactivated))
    new = staff.create(user(RENAMED, externalId="00u1"))
    muster.settled(staff.list_id)

    [one] = muster.people(staff.list_id)
    assert new != old
    assert (one["id"], one["uid"], one["active"], one["identity_id"]) == (before["id"], RENAMED, True, new)
    assert one["fields"]["Email"] == RENAMED


def test_a_new_name_for_the_same_employee_is_the_same_person(muster: Muster, numbered: Idp) -> None:
    old = numbered.create(user(ADA, employee_number="E-1", externalId="00u1"))
    numbered.set(old, "active", False)
    new = numbered.create(user(RENAMED, employee_number="E-1", externalId="00u1"))
    numbered.set(old, "title", "Ghost")
    muster.settled(numbered.list_id)

    [one] = muster.people(numbered.list_id)
    assert (one["uid"], one["active"], one["identity_id"]) == ("E-1", True, new)
    assert (one["fields"]["Email"], one["fields"].get("Job Title")) == (RENAMED, None)


def test_a_new_name_that_comes_before_the_old_ones_end_leaves_one_active_person(muster: Muster, staff: Idp) -> None:
    old = staff.create(user(ADA, externalId="00u1"))
    new = staff.create(user(RENAMED, externalId="00u1"))
    muster.settled(staff.list_id)
    staff.set(old, "active", False)
    muster.settled(staff.list_id)

    assert [(each["uid"], each["identity_id"]) for each in muster.people(staff.list_id, "active")] == [(RENAMED, new)]
    assert len(muster.people(staff.list_id)) == 2


def test_a_name_that_is_changed_back_finds_its_old_user(muster: Muster, staff: Idp) -> None:
    old = leaver(staff, externalId="00u1")
    muster.settled(staff.list_id)  # two users, two lanes: whoever comes first there makes the person
    new = staff.create(user(RENAMED, externalId="00u1"))
    staff.set(new, "active", False)
    again = staff.post(user(ADA, externalId="00u1"))
    muster.settled(staff.list_id)

    assert (again.status_code, again.json()["id"]) == (201, old)
    [one] = muster.people(staff.list_id)
    assert (one["uid"], one["active"], one["identity_id"]) == (ADA, True, old)
