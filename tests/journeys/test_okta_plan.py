"""Okta's published plan, step by step and in its order.

- "Okta SCIM 2.0 SPEC Test" and "Okta SCIM 2.0 CRUD Test" (github.com/okta/okta-developer-docs, SCIMFiles), explained in
  "Test your SCIM API" and "Test your Okta SCIM integration" (developer.okta.com)
- "Okta SCIM 2.0 Tests" (github.com/oktadev/okta-scim-beta), the older suite, where it asks for more
- "Okta and SCIM Version 2.0", the protocol reference (developer.okta.com). The manual "Okta SCIM Test Plan" is a
  spreadsheet, published without a text; its cases are these operations, carried out from Okta's console.

The suites also want every answer within 600 ms. No clock is asserted here: the bench measures, and a slow machine must
not fail a plan. Their pauses between steps wait for Okta, and are left out.
"""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.factories import ERROR, USER, Body, patch
from tests.journeys.idp import Idp
from tests.journeys.system import Muster
from tests.journeys.waiting import eventually

pytestmark = pytest.mark.journey

GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
NOBODY = "010101001010101011001010101011"  # the UserIdThatDoesNotExist of the suite


@pytest.fixture
def okta(staff: Idp) -> Idp:
    """The IdP with the headers of the suites."""
    staff.http.headers.update(
        {
            "Accept": "application/scim+json",
            "Accept-Charset": "utf-8",
            "Content-Type": "application/scim+json; charset=utf-8",
            "User-Agent": "OKTA SCIM Integration",
        }
    )
    return staff


def _okta_user(user_name: str, given: str, family: str, **more: Any) -> Body:
    """The user of the suites and of the reference."""
    return {
        "schemas": [USER],
        "userName": user_name,
        "name": {"givenName": given, "familyName": family},
        "emails": [{"primary": True, "value": user_name, "type": "work"}],
        "displayName": f"{given} {family}",
        "active": True,
    } | more


def _lookup(okta: Idp, user_name: str) -> Body:
    """What Okta asks before it assigns somebody; 200, however many it finds."""
    answer = okta.request("GET", f'/Users?filter=userName eq "{user_name}"&startIndex=1&count=100')
    assert answer.status_code == 200, answer.text
    found: Body = answer.json()
    assert LIST in found["schemas"]
    return found


def _assert_error(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status
    body = answer.json()
    assert ERROR in body["schemas"]
    assert (body["status"], body["detail"] != "") == (str(status), True)


def _assert_list(body: Body) -> None:
    assert LIST in body["schemas"]
    for name in ("itemsPerPage", "startIndex", "totalResults"):
        assert type(body[name]) is int


def _assert_okta_can_read(user: Body, identity_id: str) -> None:
    """What the SPEC test wants of every user that it reads."""
    assert user["id"] == identity_id
    for value in (user["name"]["familyName"], user["name"]["givenName"], user["userName"], user["emails"][0]["value"]):
        assert value
    assert type(user["active"]) is bool


# "Okta SCIM 2.0 SPEC Test"


def test_spec_users_endpoint_then_get_users_by_id(okta: Idp) -> None:
    mila = okta.create(_okta_user("mila.okafor@north.example", "Mila", "Okafor"))
    first = okta.request("GET", "/Users?count=1&startIndex=1")
    one = okta.get(mila)

    assert (first.status_code, one.status_code) == (200, 200)
    _assert_list(first.json())
    _assert_okta_can_read(first.json()["Resources"][0], mila)
    _assert_okta_can_read(one.json(), mila)


def test_spec_invalid_user_by_username_then_by_id(okta: Idp) -> None:
    by_name = _lookup(okta, "nobody@north.example")
    by_id = okta.get(NOBODY)

    assert by_name["totalResults"] == 0
    _assert_error(by_id, 404)


def test_spec_create_user_with_realistic_values_verify_recreate_and_look_up_in_capitals(
    muster: Muster, okta: Idp
) -> None:
    body = _okta_user("theo.brandt@north.example", "Theo", "Brandt")
    assert _lookup(okta, "theo.brandt@north.example")["totalResults"] == 0

    as_json = {"Content-Type": "application/json", "Accept": "application/scim+json; charset=utf-8"}
    created = okta.http.post(okta.base_url + "/Users", json=body, headers=as_json)
    read = okta.get(created.json()["id"])
    again = okta.http.post(okta.base_url + "/Users", json=body, headers=as_json)
    capitals = _lookup(okta, "THEO.BRANDT@NORTH.EXAMPLE")

    assert (created.status_code, read.status_code) == (201, 200)
    for user in (created.json(), read.json()):
        assert (user["active"], user["userName"], user["name"]) == (True, body["userName"], body["name"])
        assert USER in user["schemas"]
    assert created.headers["Location"] == f"{okta.base_url}/Users/{created.json()['id']}"
    _assert_error(again, 409)
    # The suite is content with any 200; a lookup that finds nobody would make Okta create the user twice.
    assert [user["id"] for user in capitals["Resources"]] == [created.json()["id"]]
    muster.settled(okta.list_id)
    [theo] = muster.people(okta.list_id)
    assert (theo["uid"], theo["active"], theo["fields"]["Display Name"]) == (body["userName"], True, "Theo Brandt")
    assert muster.story(okta.list_id) == ["create applied"]


def test_spec_optional_groups_endpoint(okta: Idp) -> None:
    answer = okta.request("GET", "/Groups")

    assert answer.status_code == 200
    _assert_list(answer.json())
    assert answer.json()["Resources"] == []


def test_spec_status_401(okta: Idp) -> None:
    answer = okta.http.get(
        okta.base_url + '/Users?filter=userName eq "MILA@NORTH.EXAMPLE"', headers={"Authorization": "non-token"}
    )

    _assert_error(answer, 401)


def test_spec_status_404(okta: Idp) -> None:
    _assert_error(okta.request("GET", "/Users/00919288221112222"), 404)


# "Okta SCIM 2.0 Tests", the older suite


def test_older_suite_test_api_credentials_then_verify_your_application(okta: Idp) -> None:
    okta.create(_okta_user("mila.okafor@north.example", "Mila", "Okafor"))
    users = okta.request("GET", "/Users?count=2&startIndex=1")
    groups = okta.request("GET", "/Groups?count=100&startIndex=1")

    for answer in (users, groups):
        assert answer.status_code == 200
        _assert_list(answer.json())
    assert len(users.json()["Resources"]) == 1


def test_older_suite_create_verify_then_unassign_user_from_app(muster: Muster, okta: Idp) -> None:
    body = _okta_user("tina.lund@north.example", "Tina", "Lund", externalId="00u5hwkpq7", groups=[])
    tina = okta.create(body)
    assert okta.get(tina).json()["userName"] == "tina.lund@north.example"
    unassigned = okta.patch(tina, {"op": "replace", "value": {"active": False}})
    muster.settled(okta.list_id)

    assert (unassigned.status_code, unassigned.json()["active"]) == (200, False)
    [person] = muster.people(okta.list_id)
    assert (person["anchor"], person["active"]) == ("00u5hwkpq7", False)
    assert person["fields"]["First Name"] == "Tina"


# "Okta SCIM 2.0 CRUD Test": done in Okta's console, seen at the SCIM server


def _update(okta: Idp, identity_id: str, **changes: Any) -> None:
    """Okta's update: what it reads, changed, back by PUT."""
    read = okta.get(identity_id)
    assert read.status_code == 200
    assert okta.put(identity_id, read.json() | changes).status_code == 200


def _set_active_by_put(okta: Idp, identity_id: str, active: bool) -> None:
    """An app of the App Integration Wizard."""
    _update(okta, identity_id, active=active)


def _set_active_by_patch(okta: Idp, identity_id: str, active: bool) -> None:
    """An app of the Okta Integration Network."""
    answer = okta.patch(identity_id, {"op": "replace", "value": {"active": active}})
    assert (answer.status_code, answer.json()["active"]) == (200, active)


@pytest.mark.parametrize("set_active", [_set_active_by_put, _set_active_by_patch], ids=["AIW", "OIN"])
def test_crud_assign_update_deactivate_reactivate_and_remove(
    muster: Muster, okta: Idp, set_active: Callable[[Idp, str, bool], None]
) -> None:
    login = "noor.haddad@north.example"
    # 2, 3: "Add new random user to Okta", "Assign user to SCIM App"
    assert _lookup(okta, login)["totalResults"] == 0
    okta.create(_okta_user(login, "Noor", "Haddad", externalId="00u1noor", locale="en-US", groups=[], password="x7Kq"))

    # 4: "Verify if user is created in SCIM App"
    [found] = _lookup(okta, login)["Resources"]
    assert (found["userName"], found["emails"][0]["value"]) == (login, login)
    assert found["name"] == {"givenName": "Noor", "familyName": "Haddad"}
    noor = found["id"]

    # 5, 6: "Update user firstname", "Verify firstname update in SCIM App"
    _update(okta, noor, name={"givenName": "Noora", "familyName": "Haddad"})
    assert okta.get(noor).json()["name"]["givenName"] == "Noora"

    # 7, 8: "Deactivate user in Okta", "Verify if user is deactivated in SCIM App"
    set_active(okta, noor, False)
    assert okta.get(noor).json()["active"] is False

    # 9 to 11: "Reactivate user in okta", "Assign user to SCIM App", "Verify if user is reactivated in SCIM App"
    assert [user["id"] for user in _lookup(okta, login)["Resources"]] == [noor]
    set_active(okta, noor, True)
    assert okta.get(noor).json()["active"] is True

    # 12, 13: "Removes an assignment for a user in Okta", "Verify if user is deactivated in SCIM App"
    set_active(okta, noor, False)
    assert okta.get(noor).json()["active"] is False

    muster.settled(okta.list_id)
    [person] = muster.people(okta.list_id)
    assert (person["uid"], person["anchor"], person["active"]) == (login, "00u1noor", False)
    assert (person["fields"]["First Name"], person["fields"]["Email"]) == ("Noora", login)
    assert muster.story(okta.list_id) == [
        "create applied", "update applied", "deactivate applied", "reactivate applied", "deactivate applied",
    ]  # fmt: skip


# "Okta and SCIM Version 2.0", operation by operation


def test_reference_create_users(muster: Muster, okta: Idp) -> None:
    body = _okta_user("sol.ferro@north.example", "Sol", "Ferro", locale="en-US", externalId="00u1sol", groups=[])
    assert _lookup(okta, "sol.ferro@north.example")["Resources"] == []
    created = okta.post(body | {"password": "1mz050nq"})
    again = okta.post(body | {"password": "1mz050nq"})

    assert (created.status_code, created.json()["meta"]["resourceType"]) == (201, "User")
    assert {name: created.json().get(name, []) for name in body} == body
    assert "password" not in created.json()
    _assert_error(again, 409)
    muster.settled(okta.list_id)
    # A refusal is written a moment after its answer.
    log = eventually(lambda: entries if len(entries := muster.log(okta.list_id)) == 2 else None, what="both entries")
    assert {(each["result"], each["detail"]) for each in log} == {
        ("applied", None),
        ("rejected", again.json()["detail"]),
    }
    assert "1mz050nq" not in str(log)


def test_reference_retrieve_users_page_by_page(okta: Idp) -> None:
    ids = {okta.create(_okta_user(f"import{number}@north.example", "Ida", f"Berg {number}")) for number in range(103)}
    pages = [okta.request("GET", f"/Users?startIndex={start}&count=100").json() for start in (1, 101)]
    again = okta.request("GET", "/Users?startIndex=1&count=100").json()

    for page in pages:
        _assert_list(page)
    assert [(page["totalResults"], page["startIndex"], page["itemsPerPage"]) for page in pages] == [
        (103, 1, 100),
        (103, 101, 3),
    ]
    seen = [user["id"] for page in pages for user in page["Resources"]]
    assert (len(seen), set(seen)) == (103, ids)
    assert [user["id"] for user in again["Resources"]] == seen[:100]


def test_reference_update_a_specific_user_by_put(muster: Muster, okta: Idp) -> None:
    user = _okta_user("rui.costa@north.example", "Rui", "Costa", title="Driver")
    rui = okta.create(user)
    read = okta.get(rui).json()
    name = {"givenName": "Another", "middleName": "Excited", "familyName": "Costa"}
    updated = okta.put(rui, read | {"name": name, "groups": []})
    emptied = okta.put(rui, read | {"name": name | {"middleName": ""}, "title": ""})
    muster.settled(okta.list_id)

    assert (updated.status_code, updated.json()["id"], updated.json()["name"]) == (200, rui, name)
    assert (updated.json()["emails"], updated.json()["title"]) == (user["emails"], "Driver")
    assert emptied.status_code == 200
    assert emptied.json()["name"] == {"givenName": "Another", "familyName": "Costa"}
    fields = muster.person(okta.list_id, "rui.costa@north.example")["fields"]
    assert (fields["First Name"], fields.get("Job Title")) == ("Another", None)


def test_reference_update_a_specific_user_by_patch_then_never_delete(muster: Muster, okta: Idp) -> None:
    ola = okta.create(_okta_user("ola.vik@north.example", "Ola", "Vik"))
    deactivated = okta.patch(ola, {"op": "replace", "value": {"active": False}})
    muster.settled(okta.list_id)

    assert (deactivated.status_code, deactivated.json()["active"]) == (200, False)
    assert deactivated.json()["emails"][0]["value"] == "ola.vik@north.example"
    assert okta.total() == 1
    assert [(each["uid"], each["active"]) for each in muster.people(okta.list_id)] == [("ola.vik@north.example", False)]
    assert muster.story(okta.list_id) == ["create applied", "deactivate applied"]


def _push(okta: Idp, name: str) -> str:
    """Push Groups > Push Groups: the id of the group that Okta creates."""
    answer = okta.request("POST", "/Groups", {"schemas": [GROUP], "displayName": name, "members": []})
    assert answer.status_code == 201, answer.text
    pushed: Body = answer.json()
    assert (pushed["displayName"], pushed.get("members", [])) == (name, [])
    assert (pushed["schemas"], pushed["meta"]["resourceType"]) == ([GROUP], "Group")
    assert answer.headers["Location"] == pushed["meta"]["location"] == f"{okta.base_url}/Groups/{pushed['id']}"
    assert answer.headers["ETag"] == pushed["meta"]["version"]
    group_id: str = pushed["id"]
    return group_id


def _change_group(okta: Idp, group_id: str, *operations: Body) -> Body:
    """The group after a PATCH."""
    answer = okta.request("PATCH", f"/Groups/{group_id}", patch(*operations))
    assert answer.status_code == 200, answer.text
    changed: Body = answer.json()
    return changed


def _members(group: Body) -> set[str]:
    return {member["value"] for member in group.get("members", [])}


def _rename(group_id: str, name: str) -> Body:
    """Rides along with every change of members; with the id, which is not for writing."""
    return {"op": "replace", "value": {"id": group_id, "displayName": name}}


def _add(user_id: str, login: str) -> Body:
    return {"op": "add", "path": "members", "value": [{"value": user_id, "display": login}]}


def test_reference_create_and_retrieve_groups(okta: Idp) -> None:
    group = _push(okta, "Drivers")
    listed = okta.request("GET", "/Groups?startIndex=1&count=100").json()
    read = okta.request("GET", f"/Groups/{group}")
    again = okta.request("POST", "/Groups", {"schemas": [GROUP], "displayName": "DRIVERS", "members": []})

    _assert_list(listed)
    assert [(each["id"], each["displayName"]) for each in listed["Resources"]] == [(group, "Drivers")]
    assert (read.status_code, read.json()["id"]) == (200, group)
    _assert_error(again, 409)
    assert again.json()["scimType"] == "uniqueness"
    assert "DRIVERS" in again.json()["detail"]


def test_reference_update_a_specific_group_name_and_membership_by_patch(muster: Muster, okta: Idp) -> None:
    sol = okta.create(_okta_user("sol.ferro@north.example", "Sol", "Ferro"))
    rui = okta.create(_okta_user("rui.costa@north.example", "Rui", "Costa"))
    group = _push(okta, "Drivers")
    added = _change_group(okta, group, _rename(group, "Drivers"), _add(sol, "sol.ferro@north.example"))
    renamed = _change_group(okta, group, _rename(group, "Drivers 2"))
    swapped = _change_group(
        okta, group, {"op": "remove", "path": f'members[value eq "{sol}"]'}, _add(rui, "rui.costa@north.example")
    )
    both = [{"value": sol, "display": "sol.ferro@north.example"}, {"value": rui, "display": "rui.costa@north.example"}]
    full = _change_group(okta, group, {"op": "replace", "path": "members", "value": both})

    assert added["members"] == [{"value": sol, "$ref": f"{okta.base_url}/Users/{sol}", "type": "User"}]
    assert (renamed["id"], renamed["displayName"], _members(renamed)) == (group, "Drivers 2", {sol})
    assert (swapped["displayName"], _members(swapped)) == ("Drivers 2", {rui})
    assert _members(full) == _members(okta.request("GET", f"/Groups/{group}").json()) == {sol, rui}
    muster.settled(okta.list_id)
    assert [each["active"] for each in muster.people(okta.list_id)] == [True, True]


def test_reference_update_a_specific_group_name_and_membership_by_put(okta: Idp) -> None:
    sol = okta.create(_okta_user("sol.ferro@north.example", "Sol", "Ferro"))
    group = _push(okta, "Drivers")
    read = okta.request("GET", f"/Groups/{group}").json()
    joined = okta.request(
        "PUT", f"/Groups/{group}", read | {"members": [{"value": sol, "display": "sol.ferro@north.example"}]}
    )
    renamed = okta.request("PUT", f"/Groups/{group}", joined.json() | {"displayName": "Drivers 2"})
    left = okta.request("PUT", f"/Groups/{group}", renamed.json() | {"members": []})

    assert (joined.status_code, _members(joined.json())) == (200, {sol})
    assert (renamed.status_code, renamed.json()["displayName"], _members(renamed.json())) == (200, "Drivers 2", {sol})
    assert (left.status_code, _members(left.json())) == (200, set())


def test_reference_group_membership_of_a_deactivated_user_stays(muster: Muster, okta: Idp) -> None:
    sol = okta.create(_okta_user("sol.ferro@north.example", "Sol", "Ferro"))
    group = _push(okta, "Drivers")
    _change_group(okta, group, _add(sol, "sol.ferro@north.example"))
    _set_active_by_patch(okta, sol, False)
    muster.settled(okta.list_id)

    assert _members(okta.request("GET", f"/Groups/{group}").json()) == {sol}
    assert muster.person(okta.list_id, "sol.ferro@north.example")["active"] is False


def test_reference_delete_a_specific_group(muster: Muster, okta: Idp) -> None:
    sol = okta.create(_okta_user("sol.ferro@north.example", "Sol", "Ferro"))
    group = _push(okta, "Drivers")
    _change_group(okta, group, _add(sol, "sol.ferro@north.example"))
    unlinked = okta.request("DELETE", f"/Groups/{group}")
    again = okta.request("DELETE", f"/Groups/{group}")
    muster.settled(okta.list_id)

    assert (unlinked.status_code, unlinked.content) == (204, b"")
    _assert_error(again, 404)
    _assert_error(okta.request("GET", f"/Groups/{group}"), 404)
    assert okta.get(sol).json()["active"] is True
    assert muster.person(okta.list_id, "sol.ferro@north.example")["active"] is True
    accepted = [each for each in muster.log(okta.list_id) if each["result"] != "rejected"]
    assert [(each["resource"], each["operation"]) for each in accepted] == [
        ("user", "create"),
        ("group", "create"),
        ("group", "update"),
        ("group", "delete"),
    ]
    assert _push(okta, "Drivers") != group
