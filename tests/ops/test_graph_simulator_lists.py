"""The simulated Graph's counts, single objects, lists and batches, over HTTP."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from ops.simulators.graph import Directory, GraphServer
from tests.ops.graph_client import EVENTUAL, Client

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def directory() -> Directory:
    return Directory(users=10, groups=3)


@pytest.fixture
def client(directory: Directory) -> Iterator[Client]:
    with GraphServer(directory) as server, closing(Client(server)) as client:
        yield client


def test_counts_are_text_of_what_is_there(client: Client, directory: Directory) -> None:
    everybody, half, _ = directory.group_ids()
    directory.remove_user(directory.user_ids()[0])
    directory.add_members(half, [directory.user_ids()[1], everybody])
    directory.remove_group(directory.add_group("Away"))
    reply = client.get("/users/$count", **EVENTUAL)

    assert (reply.status, reply.body, reply.headers["content-type"]) == (200, "9", "text/plain")
    assert client.good("/groups/$count", **EVENTUAL) == "3"
    counted = [client.good(f"/groups/{one}/members/$count", **EVENTUAL) for one in (everybody, half)]
    assert counted == [str(len(directory.members(one))) for one in (everybody, half)] == ["9", "7"]


def test_counts_need_their_header(client: Client, directory: Directory) -> None:
    for path in ("/users/$count", "/groups/$count", f"/groups/{directory.group_ids()[0]}/members/$count"):
        assert client.error(path) == (400, "Request_UnsupportedQuery")


def test_one_user_and_their_manager(client: Client, directory: Directory) -> None:
    first, second, *_ = directory.user_ids()
    found = client.good(f"/users/{second}?$select=displayName,accountEnabled")
    above = client.good(f"/users/{second}/manager?$select=id,displayName")

    assert (found["id"], found["displayName"], found["accountEnabled"]) == (second, "Ravi Okafor", True)
    assert (above["id"], above["displayName"]) == (first, "Mila Okafor")
    assert above["@odata.type"] == "#microsoft.graph.user"
    assert client.error(f"/users/{first}/manager") == (404, "Request_ResourceNotFound")


def test_who_is_not_there_is_not_found(client: Client, directory: Directory) -> None:
    first, second, *_ = directory.user_ids()
    directory.remove_user(first)
    away = directory.add_group("Away")
    directory.remove_group(away)

    for path in (f"/users/{first}", f"/users/{NOBODY}", f"/users/{NOBODY}/manager", f"/users/{second}/manager",
                 f"/groups/{away}", f"/groups/{NOBODY}/members/microsoft.graph.user"):  # fmt: skip
        assert client.error(path) == (404, "Request_ResourceNotFound")


def test_paths_that_are_none_and_methods_that_are_not_for_them(client: Client) -> None:
    assert client.error("/people") == (400, "BadRequest")
    assert client.error("/groups/x/members/delta") == (400, "BadRequest")
    assert client.send("POST", "/v1.0/users/delta").status == 405


def test_groups_are_listed_by_pages(client: Client, directory: Directory) -> None:
    pages = list(client.pages("/groups?$select=displayName&$top=2"))

    assert [len(page["value"]) for page in pages] == [2, 1]
    assert [one["id"] for page in pages for one in page["value"]] == directory.group_ids()
    assert set(pages[0]["value"][0]) == {"id", "displayName"}
    for top in ("0", "1000", "all"):
        assert client.error(f"/groups?$top={top}") == (400, "Request_UnsupportedQuery")


def test_groups_are_sorted(client: Client, directory: Directory) -> None:
    names = [one["displayName"] for one in client.good("/groups?$orderby=displayName")["value"]]
    back = [one["displayName"] for one in client.good("/groups?$orderby=displayName desc")["value"]]

    assert names == sorted(names) == back[::-1]
    assert client.error("/groups?$orderby=mail") == (400, "Request_UnsupportedQuery")


def test_groups_are_searched_by_the_words_of_their_names(client: Client, directory: Directory) -> None:
    for name in ("Night staff", "Staff, day", "Overstaffed"):
        directory.add_group(name)
    search = '/groups?$search="displayName:STAFF"&$count=true&$select=displayName'
    found = client.good(search, **EVENTUAL)

    assert ([one["displayName"] for one in found["value"]], found["@odata.count"]) == (["Night staff", "Staff, day"], 2)
    assert client.error(search) == (400, "Request_UnsupportedQuery")
    assert client.error("/groups?$search=staff", **EVENTUAL) == (400, "BadRequest")


def test_groups_are_filtered_by_how_their_names_begin(client: Client, directory: Directory) -> None:
    for name in ("Staff's club", "staff", "Night staff"):
        directory.add_group(name)

    def names(query: str, **headers: str) -> list[str]:
        return [one["displayName"] for one in client.good(f"/groups?{query}", **headers)["value"]]

    assert names("$filter=startswith(displayName,'Staff')") == ["Staff's club", "staff"]
    assert names("$filter=startswith(displayName,'Staff''s')") == ["Staff's club"]
    assert names("$filter=displayName eq 'staff'") == ["staff"]
    sorted_too = "$filter=startswith(displayName,'Staff')&$orderby=displayName&$count=true"
    assert names(sorted_too, **EVENTUAL) == ["staff", "Staff's club"]
    assert client.error(f"/groups?{sorted_too}") == (400, "Request_UnsupportedQuery")
    assert client.error("/groups?$filter=mail eq null") == (400, "Request_UnsupportedQuery")


def test_one_group_and_its_users(client: Client, directory: Directory) -> None:
    group = directory.group_ids()[0]
    directory.add_members(group, [directory.group_ids()[1]])
    directory.remove_members(group, directory.user_ids()[:1])
    path = f"/groups/{group}/members/microsoft.graph.user?$select=displayName&$top=4"
    pages = list(client.pages(path))
    counted = client.good(f"{path}&$count=true", **EVENTUAL)

    assert client.good(f"/groups/{group}?$select=displayName")["displayName"] == "Admissions 0"
    assert [one["id"] for page in pages for one in page["value"]] == directory.user_ids()[1:]
    assert set(pages[0]["value"][0]) == {"id", "displayName"}
    assert counted["@odata.count"] == 9


def test_a_batch_answers_each_request_by_itself_and_in_another_order(client: Client, directory: Directory) -> None:
    first, second, *_ = directory.user_ids()
    reply = client.batch(f"/users/{second}?$select=displayName", f"/users/{first}/manager", "/groups?$top=1")

    answers = {one["id"]: one for one in reply.body["responses"]}
    assert reply.status == 200
    assert [one["id"] for one in reply.body["responses"]] == ["3", "2", "1"]
    assert [answers[str(number)]["status"] for number in (1, 2, 3)] == [200, 404, 200]
    assert answers["1"]["body"]["displayName"] == "Ravi Okafor"
    assert answers["2"]["body"]["error"]["code"] == "Request_ResourceNotFound"
    assert answers["3"]["headers"]["Content-Type"].startswith("application/json")


def test_headers_of_inner_requests_count(client: Client) -> None:
    [plain] = client.batch("/users/$count").body["responses"]
    [eventual] = client.batch("/users/$count", headers=EVENTUAL).body["responses"]

    assert (plain["status"], eventual["status"], eventual["body"]) == (400, 200, "10")


def test_what_depends_on_a_failure_fails(client: Client, directory: Directory) -> None:
    first, second, *_ = directory.user_ids()
    urls = {"lost": f"/users/{NOBODY}", "needs lost": f"/users/{first}", "needs both": f"/users/{second}"}
    needs = {"needs lost": ["lost"], "needs both": ["needs lost"]}
    reply = client.send_batch(
        [{"id": name, "method": "GET", "url": url, "dependsOn": needs.get(name, [])} for name, url in urls.items()]
    )

    assert {one["id"]: one["status"] for one in reply.body["responses"]} == {
        "lost": 404, "needs lost": 424, "needs both": 424
    }  # fmt: skip


def test_a_batch_has_at_most_twenty_requests(client: Client) -> None:
    assert client.batch(*["/groups"] * 20).status == 200
    reply = client.batch(*["/groups"] * 21)

    assert (reply.status, reply.body["error"]["code"]) == (400, "BadRequest")


@pytest.mark.parametrize(
    "inner",
    [[], [{"id": "1"}], [{"id": "1", "method": "GET", "url": "/groups"}] * 2, ["GET /groups"], "GET"],
)  # fmt: skip
def test_a_batch_that_is_none_is_refused(client: Client, inner: object) -> None:
    assert client.send_batch(inner).status == 400  # type: ignore[arg-type]
