"""Groups over HTTP: members in every form that is sent, and what is answered (contract rules C9, C18, C21)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.factories import Body, patch, user
from tests.journeys.idp import Idp
from tests.journeys.system import Muster
from tests.journeys.waiting import eventually

pytestmark = pytest.mark.journey


def create(idp: Idp, name: str = "Staff", *members: str) -> str:
    """The id of a group that must be accepted."""
    answer = idp.request("POST", "/Groups", {"displayName": name, "members": [{"value": one} for one in members]})
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["id"]
    return made


def change(idp: Idp, group_id: str, *operations: Body, query: str = "") -> Any:
    """A PATCH that must be accepted."""
    answer = idp.request("PATCH", f"/Groups/{group_id}{query}", patch(*operations))
    assert answer.status_code in (200, 204), answer.text
    return answer


def members(idp: Idp, group_id: str) -> set[str]:
    found = idp.request("GET", f"/Groups/{group_id}").json()
    return {one["value"] for one in found.get("members", [])}


def add(value: Any, path: str | None = "members") -> Body:
    return {"op": "add", **({"path": path} if path else {}), "value": value}


def remove(path: str, **value: Any) -> Body:
    return {"op": "Remove", "path": path, **value}


@pytest.mark.parametrize(
    "form",
    [
        lambda ada: add([{"value": ada}]),
        lambda ada: add([{"$ref": None, "value": ada, "display": "ada", "type": "User"}]),
        lambda ada: add({"value": ada}),
        lambda ada: add(ada),
        lambda ada: add([ada]),
        lambda ada: add({"members": [{"value": ada}]}, None),
        lambda ada: add([{"value": ada}, {"value": ada}]),
        lambda ada: add({"urn:ietf:params:scim:schemas:core:2.0:Group:members": [{"value": ada}]}, None),
        lambda ada: {"op": "Replace", "path": "members", "value": [{"value": ada}]},
        lambda ada: {"op": "replace", "value": {"members": [{"value": ada}]}},
    ],
)
def test_a_member_is_added_in_every_form(staff: Idp, form: Any) -> None:
    ada = staff.create(user("ada@north.example"))
    group = create(staff)

    for _ in range(2):
        change(staff, group, form(ada))

    assert members(staff, group) == {ada}


@pytest.mark.parametrize(
    ("form", "left"),
    [
        (lambda ada: remove(f'members[value eq "{ada}"]'), {"bob"}),
        (lambda ada: remove(f'members[Value EQ "{ada}"]'), {"bob"}),
        (lambda ada: remove(f'members[value ne "{ada}"]'), {"ada"}),
        (lambda ada: remove("members", value=[{"$ref": None, "value": ada}]), {"bob"}),
        (lambda ada: remove("members", value=[{"value": [{"value": ada}]}]), None),
        (lambda ada: remove("members", value=ada), {"bob"}),
        (lambda ada: remove("members", value=[]), {"ada", "bob"}),
        (lambda ada: remove("members"), set()),
        (lambda ada: remove("members", value=[{"value": "nobody"}]), {"ada", "bob"}),
        (lambda ada: remove('members[value eq "00000000-0000-7000-8000-000000000000"]'), {"ada", "bob"}),
        (lambda ada: {"op": "replace", "path": "members", "value": None}, set()),
        (lambda ada: {"op": "replace", "path": "members", "value": []}, set()),
        (lambda ada: {"op": "replace", "path": f'members[value eq "{ada}"]', "value": []}, {"bob"}),
    ],
)
def test_a_member_is_removed_in_every_form(staff: Idp, form: Any, left: set[str] | None) -> None:
    ids = {name: staff.create(user(f"{name}@north.example")) for name in ("ada", "bob")}
    group = create(staff, "Staff", *ids.values())

    answer = staff.request("PATCH", f"/Groups/{group}", patch(form(ids["ada"])))

    if left is None:
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
    else:
        assert answer.status_code == 200, answer.text
    expected = {"ada", "bob"} if left is None else left
    assert members(staff, group) == {ids[name] for name in expected}


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        (add([{"value": "00000000-0000-7000-8000-000000000000"}]), "invalidValue"),
        ({"op": "replace", "path": "members", "value": [{"value": "nobody"}]}, "invalidValue"),
        (add([{"value": 7}]), "invalidValue"),
        ({"op": "replace", "path": 'members[value eq "x"].value', "value": "y"}, "mutability"),
        ({"op": "replace", "path": "members.value", "value": "y"}, "mutability"),
        ({"op": "remove", "path": 'members[display eq "ada"]'}, "invalidPath"),
        ({"op": "remove", "path": "displayName"}, "mutability"),
        ({"op": "remove"}, "noTarget"),
        ({"op": "replace", "path": "userName", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "displayName", "value": ""}, "invalidValue"),
    ],
)
def test_what_cannot_be_done_to_a_group_is_refused_whole(staff: Idp, operation: Body, scim_type: str) -> None:
    ada = staff.create(user("ada@north.example"))
    group = create(staff)

    rename = {"op": "replace", "path": "displayName", "value": "Crew"}
    answer = staff.request("PATCH", f"/Groups/{group}", patch(rename, add([{"value": ada}]), operation))

    assert (answer.status_code, answer.json()["scimType"]) == (400, scim_type), answer.text
    found = staff.request("GET", f"/Groups/{group}").json()
    assert (found["displayName"], found.get("members")) == ("Staff", None)


def test_oktas_rename_with_a_foreign_id_renames_and_keeps_its_own(staff: Idp) -> None:
    group = create(staff)

    answer = change(staff, group, {"op": "replace", "value": {"id": "foreign", "displayName": "Crew"}})

    assert (answer.json()["id"], answer.json()["displayName"]) == (group, "Crew")


def test_a_user_shows_its_groups_and_keeps_them_while_inactive(muster: Muster, staff: Idp) -> None:
    ada = staff.create(user("ada@north.example"))
    group = create(staff, "Staff", ada)
    before = staff.get(ada)
    staff.set(ada, "active", False)
    change(staff, group, {"op": "replace", "path": "displayName", "value": "Crew"})
    after = staff.get(ada)

    assert before.json()["groups"] == [
        {"value": group, "$ref": f"{staff.base_url}/Groups/{group}", "display": "Staff", "type": "direct"}
    ]
    assert after.json()["groups"][0]["display"] == "Crew"
    assert before.headers["ETag"] != after.headers["ETag"]
    assert members(staff, group) == {ada}
    assert "groups" not in staff.request("GET", f"/Users/{ada}?excludedAttributes=groups").json()


def test_a_deleted_user_is_a_member_no_more(staff: Idp) -> None:
    ada, bob = (staff.create(user(f"{name}@north.example")) for name in ("ada", "bob"))
    group = create(staff, "Staff", ada, bob)
    before = staff.request("GET", f"/Groups/{group}").headers["ETag"]
    staff.delete(ada)
    after = staff.request("GET", f"/Groups/{group}")

    assert [one["value"] for one in after.json()["members"]] == [bob]
    assert after.headers["ETag"] != before


def test_members_are_left_out_where_they_are_not_wanted(staff: Idp) -> None:
    ada = staff.create(user("ada@north.example"))
    group = create(staff, "Staff", ada)

    for query in ("excludedAttributes=members", "attributes=displayName"):
        alone = staff.request("GET", f"/Groups/{group}?{query}").json()
        listed = staff.request("GET", f"/Groups?{query}").json()["Resources"]
        patched = change(staff, group, add([{"value": ada}]), query=f"?{query}").json()
        for shown in (alone, *listed, patched):
            assert (shown["id"], shown["displayName"]) == (group, "Staff")
            assert "members" not in shown
    full = staff.request("GET", f"/Groups?filter=members%20eq%20%22{ada}%22").json()["Resources"][0]
    assert full["members"] == [{"value": ada, "$ref": f"{staff.base_url}/Users/{ada}", "type": "User"}]


def test_a_patch_of_a_large_group_answers_without_a_body(staff: Idp) -> None:
    posts = [
        {"method": "POST", "path": "/Users", "bulkId": str(n), "data": user(f"u{n}@north.example")} for n in range(1000)
    ]
    made = staff.request("POST", "/Bulk", {"Operations": posts}).json()["Operations"]
    ids = [one["location"].rsplit("/", 1)[1] for one in made]
    group = create(staff, "Everyone", *ids[:999])
    small = change(staff, group, add([{"value": ids[999]}]))
    late = staff.create(user("late@north.example"))
    large = change(staff, group, add([{"value": late}]))
    without = change(staff, group, add([{"value": late}]), query="?excludedAttributes=members")

    assert (small.status_code, len(small.json()["members"])) == (200, 1000)
    assert (large.status_code, large.content) == (204, b"")
    assert (without.status_code, without.json()["displayName"]) == (200, "Everyone")
    put = staff.request("PUT", f"/Groups/{group}", {"displayName": "Everyone", "members": [{"value": late}]})
    assert (put.status_code, [one["value"] for one in put.json()["members"]]) == (200, [late])


def test_a_put_replaces_a_group_and_clears_what_it_omits(staff: Idp) -> None:
    ada = staff.create(user("ada@north.example"))
    body = {"displayName": "Staff", "externalId": "g-1", "members": [{"value": ada}]}
    group = staff.request("POST", "/Groups", body).json()["id"]

    answer = staff.request("PUT", f"/Groups/{group}", {"displayName": "Crew"})

    assert answer.status_code == 200
    assert (answer.json()["displayName"], answer.json().get("externalId")) == ("Crew", None)
    assert members(staff, group) == set()


def test_entras_requests_for_groups_are_answered(staff: Idp) -> None:
    legacy = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
    body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", legacy], "externalId": "e", "displayName": "A"}
    made = staff.request("POST", "/Groups", body)
    group = made.json()["id"]

    assert made.headers["Location"] == made.json()["meta"]["location"] == f"{staff.base_url}/Groups/{group}"
    found = staff.request("GET", '/Groups?excludedAttributes=members&filter=externalId eq "e"').json()
    assert found["totalResults"] == 1
    change(staff, group, {"op": "Replace", "path": "externalId", "value": "f"})
    assert staff.request("GET", f"/Groups/{group}").json()["externalId"] == "f"


def test_what_cannot_be_a_members_id_is_left_out_of_an_add_and_named_in_the_log(muster: Muster, staff: Idp) -> None:
    ada = staff.create(user("ada@north.example"))
    group = create(staff)
    change(staff, group, add([{"value": "made-up"}, {"value": ada}]))
    muster.settled(staff.list_id)

    assert members(staff, group) == {ada}
    entry = muster.log(staff.list_id)[-1]
    assert entry["result"] == "partly_applied"
    assert "'made-up'" in entry["detail"]


def test_groups_of_another_list_do_not_exist(muster: Muster, staff: Idp) -> None:
    group = create(staff)
    with Idp.of(muster.new_list()) as other:
        stranger = other.create(user("eve@north.example"))
        for answer in (
            other.request("GET", f"/Groups/{group}"),
            other.request("PATCH", f"/Groups/{group}", patch(add([{"value": stranger}]))),
            other.request("PUT", f"/Groups/{group}", {"displayName": "Mine"}),
            other.request("DELETE", f"/Groups/{group}"),
        ):
            assert answer.status_code == 404
        assert other.request("GET", "/Groups").json()["totalResults"] == 0
    refused = staff.request("PATCH", f"/Groups/{group}", patch(add([{"value": stranger}])))
    assert refused.status_code == 400
    assert stranger in refused.json()["detail"]


def test_the_log_tells_what_was_done_to_groups(muster: Muster, staff: Idp) -> None:
    ada = staff.create(user("ada@north.example"))
    group = create(staff, "Staff", ada)
    change(staff, group, {"op": "replace", "path": "displayName", "value": "Crew"}, remove("members"))
    change(staff, group, remove("members"))
    staff.request("DELETE", f"/Groups/{group}")
    muster.settled(staff.list_id)

    entries = [one for one in muster.log(staff.list_id) if one["resource"] == "group"]
    assert [(one["operation"], one["result"], one["user_name"]) for one in entries] == [
        ("create", "applied", "Staff"),
        ("update", "applied", "Crew"),
        ("update", "no_change", "Crew"),
        ("delete", "applied", "Crew"),
    ]
    assert entries[1]["changes"] == [
        {"field": "displayName", "before": "Staff", "after": "Crew"},
        {"field": "members", "before": None, "after": "0 added, 1 removed"},
    ]


def test_disconnecting_forgets_groups_and_memberships(muster: Muster, staff: Idp) -> None:
    create(staff, "Staff", staff.create(user("ada@north.example")))
    muster.cli("list", "disconnect", staff.list_id)

    def left() -> list[tuple[Any, ...]]:
        return [
            row
            for table in ("scim_group", "group_member", "identity", "identity_email", "connection")
            for row in muster.rows(f"select 1 from {table} where list_id = %s", staff.list_id)
        ]

    eventually(lambda: not left(), 20, "the end of forgetting")


def at_once(staff: Idp, acts: list[Callable[[Idp], Any]]) -> list[Any]:
    """What each comes to, all of them at the same time over connections of their own."""

    def act(one: Callable[[Idp], Any]) -> Any:
        with Idp(staff.list_id, staff.base_url, staff.token) as idp:
            return one(idp)

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(act, acts))


def joining(group: str, one: str) -> Callable[[Idp], Any]:
    """One user's joining of a group."""
    return lambda idp: idp.request("PATCH", f"/Groups/{group}", patch(add([{"value": one}])))


def leaving(one: str) -> Callable[[Idp], Any]:
    """One user's end."""
    return lambda idp: idp.delete(one)


def test_members_added_at_once_are_all_there(staff: Idp) -> None:
    users = [staff.create(user(f"u{n}@north.example")) for n in range(24)]
    group = create(staff)

    answers = at_once(staff, [joining(group, one) for one in users])

    assert {answer.status_code for answer in answers} == {200}
    assert members(staff, group) == set(users)
    assert staff.request("GET", f"/Groups/{group}").headers["ETag"] == 'W/"25"'


def test_of_groups_created_at_once_with_one_name_there_is_one(staff: Idp) -> None:
    def attempt(number: int) -> Callable[[Idp], int]:
        body = {"displayName": "STAFF" if number % 2 else "staff"}
        return lambda idp: idp.request("POST", "/Groups", body).status_code

    statuses = at_once(staff, [attempt(number) for number in range(16)])

    assert sorted(statuses) == [201, *[409] * 15]


def test_a_user_who_is_deleted_while_being_added_is_no_member_of_anything(muster: Muster, staff: Idp) -> None:
    group = create(staff)
    for number in range(30):
        ada = staff.create(user(f"ada{number}@north.example"))
        at_once(staff, [leaving(ada), joining(group, ada)])

    rows = muster.rows("select count(*) from group_member where list_id = %s", staff.list_id)
    counted = muster.rows("select member_count from scim_group where list_id = %s", staff.list_id)
    assert (rows, counted) == ([(0,)], [(0,)])
