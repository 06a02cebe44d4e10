"""The simulated Graph's delta queries, over HTTP."""

import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from ops.simulators.graph import Directory, GraphServer
from tests.ops.graph_client import Client

REMOVED = {"reason": "changed"}
DEVICE = "dddddddd-0000-4000-8000-00000000000d"
GONE = {"reason": "deleted"}


@pytest.fixture
def directory() -> Directory:
    return Directory(users=5)


@pytest.fixture
def client(directory: Directory) -> Iterator[Client]:
    with GraphServer(directory) as server, closing(Client(server)) as client:
        yield client


def user(user_id: str) -> dict[str, Any]:
    return {"@odata.type": "#microsoft.graph.user", "id": user_id}


def test_a_first_round_gives_everybody_by_pages_with_what_was_selected(client: Client, directory: Directory) -> None:
    client.server.paging.size = 2
    pages = list(client.pages("/users/delta?$select=displayName,companyName,city,otherMails"))

    assert [len(page["value"]) for page in pages] == [2, 2, 1]
    assert [one["id"] for page in pages for one in page["value"]] == directory.user_ids()
    first = pages[0]["value"][0]
    assert first == {
        "id": directory.user_ids()[0], "displayName": "Mila Okafor", "companyName": "North", "city": None,
        "otherMails": [],
    }  # fmt: skip
    assert pages[0]["@odata.context"] == f"{client.server.url}/v1.0/$metadata#users"
    assert ["@odata.deltaLink" in page for page in pages] == [False, False, True]


def test_without_a_selection_the_default_properties_are_given(client: Client) -> None:
    [first, *_], _ = client.round("/users/delta")

    assert set(first) == {
        "businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone", "officeLocation",
        "preferredLanguage", "surname", "userPrincipalName",
    }  # fmt: skip


def test_later_rounds_give_what_changed_in_full(client: Client, directory: Directory) -> None:
    _, link = client.round("/users/delta?$select=displayName,jobTitle")
    first, second, third, *_ = directory.user_ids()
    directory.change_user(first, jobTitle=None)
    directory.change_user(second, city="Oslo")
    directory.change_user(third, displayName="Nora", jobTitle="Bursar")
    changed, later = client.round(link)
    nothing, _ = client.round(later)

    assert changed == [
        {"id": first, "displayName": "Mila Okafor", "jobTitle": None},
        {"id": third, "displayName": "Nora", "jobTitle": "Bursar"},
    ]
    assert nothing == []


def test_joiners_leavers_and_those_who_come_back(client: Client, directory: Directory) -> None:
    _, link = client.round("/users/delta?$select=displayName")
    gone, away, *_ = directory.user_ids()
    added = directory.add_user(displayName="Nia Okoye", id="aaaaaaaa-0000-4000-8000-000000000001")
    directory.remove_user(gone, permanently=True)
    directory.remove_user(away)
    changed, link = client.round(link)
    directory.restore_user(away)
    restored, _ = client.round(link)

    assert changed == [
        {"id": added, "displayName": "Nia Okoye"}, {"id": gone, "@removed": GONE}, {"id": away, "@removed": REMOVED}
    ]  # fmt: skip
    assert restored == [{"id": away, "displayName": "Ravi Okafor"}]


def test_a_token_from_now_gives_only_what_comes_after(client: Client, directory: Directory) -> None:
    page = client.good("/users/delta?$select=jobTitle&$deltatoken=latest")
    directory.change_user(directory.user_ids()[2], jobTitle="Bursar")
    changed, _ = client.round(page["@odata.deltaLink"])

    assert page["value"] == []
    assert changed == [{"id": directory.user_ids()[2], "jobTitle": "Bursar"}]


def test_what_changes_during_a_round_is_in_the_next(client: Client, directory: Directory) -> None:
    client.server.paging.size = 3
    page = client.good("/users/delta?$select=jobTitle")
    directory.change_user(directory.user_ids()[0], jobTitle="Bursar")
    _, link = client.round(page["@odata.nextLink"])
    changed, _ = client.round(link)

    assert changed == [{"id": directory.user_ids()[0], "jobTitle": "Bursar"}]


def test_managers_are_given_when_they_are_selected(client: Client, directory: Directory) -> None:
    first, second, third, *_ = directory.user_ids()
    everybody, link = client.round("/users/delta?$select=id,manager")
    directory.set_manager(second, third)
    directory.set_manager(third, None)
    changed, link = client.round(link)
    directory.set_manager(third, second)
    again, _ = client.round(link)

    assert everybody[:2] == [{"id": first}, {"id": second, "manager@delta": [user(first)]}]
    assert changed == [
        {"id": second, "manager@delta": [user(first) | {"@removed": GONE}, user(third)]},
        {"id": third, "manager@delta": [user(first) | {"@removed": GONE}]},
    ]
    assert again == [{"id": third, "manager@delta": [user(second)]}]


def test_a_manager_who_leaves_manages_nobody(client: Client, directory: Directory) -> None:
    first, second, third, *_ = directory.user_ids()
    directory.set_manager(second, third)
    directory.set_manager(first, third)
    _, link = client.round("/users/delta?$select=manager")
    directory.remove_user(third)
    left, link = client.round(link)
    directory.restore_user(third)
    back, _ = client.round(link)

    assert left[1:] == [
        {"id": one, "manager@delta": [user(third) | {"@removed": GONE}]} for one in (second, first)
    ]  # fmt: skip
    assert back[1:] == [{"id": one, "manager@delta": [user(third)]} for one in (second, first)]


def test_properties_with_parts_are_objects(client: Client, directory: Directory) -> None:
    directory.change_user(
        directory.user_ids()[0],
        employeeOrgData={"division": "North", "costCenter": "12"},
        onPremisesExtensionAttributes={"extensionAttribute3": "blue"},
    )
    [first, second, *_], _ = client.round("/users/delta?$select=employeeOrgData,onPremisesExtensionAttributes")

    assert (first["employeeOrgData"], second["employeeOrgData"]) == ({"division": "North", "costCenter": "12"}, None)
    assert first["onPremisesExtensionAttributes"]["extensionAttribute3"] == "blue"
    assert len(second["onPremisesExtensionAttributes"]) == 15


def test_a_filter_by_ids_is_kept_in_later_rounds(client: Client, directory: Directory) -> None:
    first, second, *_ = directory.user_ids()
    filtered = f"/users/delta?$select=jobTitle&$filter=id eq '{second}' or id eq '00000000-0000-4000-8000-000000000000'"
    found, link = client.round(filtered)
    directory.change_user(first, jobTitle="Bursar")
    directory.change_user(second, jobTitle="Bursar")
    changed, _ = client.round(link)

    assert [one["id"] for one in found] == [second]
    assert changed == [{"id": second, "jobTitle": "Bursar"}]


@pytest.mark.parametrize(
    "query",
    ["$top=5", "$orderby=displayName", "$expand=manager", "$filter=startswith(displayName,'M')",
     "$filter=" + " or ".join(["id eq 'x'"] * 51)],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["users", "groups"])
def test_other_queries_are_refused(client: Client, kind: str, query: str) -> None:
    assert client.error(f"/{kind}/delta?{query}") == (400, "Request_UnsupportedQuery")


def test_fifty_ids_are_not_too_many(client: Client) -> None:
    assert client.round("/users/delta?$filter=" + " or ".join(["id eq 'x'"] * 50))[0] == []


def test_a_property_that_is_none_is_refused(client: Client) -> None:
    assert client.error("/users/delta?$select=shoeSize") == (400, "BadRequest")
    assert client.error("/groups/delta?$select=manager") == (400, "BadRequest")


@pytest.mark.parametrize("kind", ["users", "groups"])
@pytest.mark.parametrize("name", ["skiptoken", "deltatoken", "deltaToken"])
def test_a_token_that_nobody_gave_is_unknown(client: Client, kind: str, name: str) -> None:
    for token in ("OLD", "AAAA", "x" * 99, "\N{SNOWMAN}"):
        assert client.error(f"/{kind}/delta?${name}={token}") == (400, "syncStateNotFound")


def test_tokens_are_of_one_kind_and_one_tenant(client: Client) -> None:
    _, link = client.round("/users/delta")
    token = link.partition("=")[2]

    assert client.error(f"/groups/delta?$deltatoken={token}") == (400, "syncStateNotFound")
    with GraphServer(Directory(users=5)) as other, closing(Client(other)) as there:
        there.round("/users/delta")
        assert there.error(f"/users/delta?$deltatoken={token}") == (400, "syncStateNotFound")


def test_tokens_expire(client: Client, directory: Directory) -> None:
    _, link = client.round("/users/delta")
    directory.expire_delta_tokens()
    expired = client.error(link)
    _, later = client.round("/users/delta")

    assert expired == (400, "syncStateNotFound")
    assert client.round(later)[0] == []


def test_a_resync_is_demanded_and_begins_anew(client: Client, directory: Directory) -> None:
    _, link = client.round("/users/delta")
    directory.demand_resync()
    reply = client.get(link)

    assert (reply.status, reply.body["error"]["code"]) == (410, "resyncRequired")
    assert reply.headers["location"] == f"{client.server.url}/v1.0/users/delta?$deltatoken="
    assert len(client.round(reply.headers["location"])[0]) == 5


def test_a_page_may_be_empty_and_objects_may_come_again(client: Client, directory: Directory) -> None:
    client.server.paging.size = 2
    client.server.paging.empty = client.server.paging.repeat = True
    pages = list(client.pages("/users/delta?$select=id"))
    ids = directory.user_ids()

    assert [[one["id"] for one in page["value"]] for page in pages] == [ids[:2], [], ids[1:4], ids[3:]]


def test_removed_users_may_be_in_a_first_round(client: Client, directory: Directory) -> None:
    away = directory.user_ids()[0]
    directory.remove_user(away)
    without, _ = client.round("/users/delta?$select=id")
    client.server.paging.tombstones = True
    with_them, _ = client.round("/users/delta?$select=id")

    assert {"id": away, "@removed": REMOVED} not in without
    assert {"id": away, "@removed": REMOVED} in with_them


def test_groups_come_with_their_members_in_stretches(client: Client, directory: Directory) -> None:
    client.server.paging.members = 2
    nested = directory.add_group("Nested")
    staff = directory.add_group("Staff", members=[*directory.user_ids(), nested, DEVICE])
    pages = list(client.pages(f"/groups/delta?$select=displayName,members&$filter=id eq '{staff}' or id eq '{nested}'"))
    shown = [one for page in pages for one in page["value"]]

    assert [one["displayName"] for one in shown] == ["Staff", "Staff", "Staff", "Staff", "Nested"]
    members = [member for one in shown for member in one.get("members@delta", [])]
    assert [member["id"] for member in members] == directory.members(staff)
    assert [member["@odata.type"].rpartition(".")[2] for member in members] == ["user"] * 5 + ["group", "device"]
    assert "members@delta" not in shown[-1]


def test_members_who_come_and_go(client: Client, directory: Directory) -> None:
    first, second, third, *_ = directory.user_ids()
    staff = directory.add_group("Staff", members=[first, second])
    other = directory.add_group("Other", members=[first])
    _, link = client.round(f"/groups/delta?$select=displayName,members&$filter=id eq '{staff}'")
    directory.remove_members(staff, [first])
    directory.add_members(staff, [third])
    directory.add_members(other, [third])
    changed, link = client.round(link)
    directory.remove_user(second)
    left, link = client.round(link)
    directory.restore_user(second)
    back, _ = client.round(link)

    def shown(*members: Any) -> list[dict[str, object]]:
        return [{"id": staff, "displayName": "Staff", "members@delta": list(members)}]

    assert changed == shown(user(first) | {"@removed": GONE}, user(third))
    assert left == shown(user(second) | {"@removed": GONE})
    assert back == shown(user(second))


def test_groups_that_are_new_renamed_or_gone(client: Client, directory: Directory) -> None:
    staff, away = directory.add_group("Staff"), directory.add_group("Away")
    _, link = client.round("/groups/delta?$select=displayName,members")
    directory.change_group(staff, displayName="All staff")
    directory.remove_group(away)
    new = directory.add_group("New", members=directory.user_ids()[:1])
    changed, _ = client.round(link)

    assert changed == [
        {"id": staff, "displayName": "All staff"},
        {"id": away, "@removed": REMOVED},
        {"id": new, "displayName": "New", "members@delta": [user(directory.user_ids()[0])]},
    ]
    assert {one["id"] for one in client.round("/groups/delta?$select=displayName")[0]} == {staff, new}


def test_many_changed_members_come_in_stretches(client: Client, directory: Directory) -> None:
    staff = directory.add_group("Staff")
    _, link = client.round("/groups/delta?$select=members")
    client.server.paging.members = 2
    directory.add_members(staff, directory.user_ids())
    pages = list(client.pages(link))

    assert [[len(one["members@delta"]) for one in page["value"]] for page in pages] == [[2], [2], [1]]


def test_a_member_who_leaves_between_pages_hides_nobody(client: Client, directory: Directory) -> None:
    client.server.paging.members = 2
    staff = directory.add_group("Staff", members=directory.user_ids())
    page = client.good("/groups/delta?$select=members")
    directory.remove_members(staff, directory.user_ids()[:1])
    rest, _ = client.round(page["@odata.nextLink"])

    assert [one["id"] for each in rest for one in each["members@delta"]] == directory.user_ids()[2:]


def test_a_large_tenant_needs_little_memory() -> None:
    tracemalloc.start()
    directory = Directory(users=100_000, groups=500)
    with directory.lock:
        largest = directory.groups[directory.group_ids()[0]]
        sizes = (directory.size(largest), len(largest), directory.users.count)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert sizes == (100_000, 100_000, 100_000)
    assert peak < 5_000_000


def test_a_property_that_a_user_does_not_have_cannot_be_set(directory: Directory) -> None:
    with pytest.raises(TypeError, match="has no jobTitel"):
        directory.add_user(jobTitel="Bursar")
    with pytest.raises(TypeError, match="has no jobTitel"):
        directory.change_user(directory.user_ids()[0], jobTitel="Bursar")
    directory.add_user(extension_0123_badge="7")
