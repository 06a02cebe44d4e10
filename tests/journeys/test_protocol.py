"""What RFC 7644 and RFC 9865 offer beside plain reading and writing, over HTTP against real processes."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.factories import ENTERPRISE, USER, enterprise, patch, replace, user
from tests.journeys.idp import Idp
from tests.journeys.system import Muster
from tests.journeys.waiting import eventually

pytestmark = pytest.mark.journey

BADGE = "urn:ietf:params:scim:schemas:extension:Custom:2.0:User"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
Json = dict[str, Any]


def badge(**attributes: Any) -> Any:
    """An extension that no standard knows, to be merged into a user."""
    return {BADGE: attributes}


def bulk(idp: Idp, *operations: Any, **more: Any) -> httpx.Response:
    return idp.request("POST", "/Bulk", {"schemas": [BULK], "Operations": list(operations), **more})


def post(name: str, bulk_id: str | None = None, **more: Any) -> Json:
    """A POST of a user within a bulk request."""
    return {"method": "POST", "path": "/Users", "bulkId": bulk_id or name, "data": user(name, **more)}


def fill(idp: Idp, count: int, **more: Any) -> list[str]:
    """The ids of as many users, in the order of their names."""
    made = bulk(idp, *(post(f"u{n:04d}@north.example", **more) for n in range(count))).json()["Operations"]
    assert {one["status"] for one in made} == {"201"}
    return [one["location"].rsplit("/", 1)[1] for one in made]


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one.get("userName", one.get("displayName")) for one in answer.json()["Resources"]]


def walk(idp: Idp, query: str = "", count: int = 7, path: str = "/Users") -> Iterator[Json]:
    """Every page of a list, by cursor."""
    cursor: str | None = ""
    while cursor is not None:
        answer = idp.request("GET", f"{path}?cursor={cursor}&count={count}{query}")
        assert answer.status_code == 200, answer.text
        page: Json = answer.json()
        yield page
        cursor = page.get("nextCursor")


# --- entity tags (RFC 7644 §3.14) ---


def test_an_entity_tag_is_in_the_header_and_in_meta(staff: Idp) -> None:
    made = staff.post(user("ada@north.example"))
    ada = made.json()["id"]

    for answer in (
        made,
        staff.get(ada),
        staff.put(ada, user("ada@north.example")),
        staff.request("HEAD", f"/Users/{ada}"),
    ):
        assert answer.headers["ETag"] == 'W/"1"'
    assert made.json()["meta"]["version"] == 'W/"1"'
    assert staff.patch(ada, replace("title", "Dean")).headers["ETag"] == 'W/"2"'


@pytest.mark.parametrize("tag", ['W/"1"', '"1"', "*", 'W/"9", W/"1"'])
def test_a_known_entity_tag_is_answered_without_a_body(staff: Idp, tag: str) -> None:
    ada = staff.create(user("ada@north.example"))

    answer = staff.http.get(f"{staff.base_url}/Users/{ada}", headers={"If-None-Match": tag})

    assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", 'W/"1"')
    assert "Content-Length" not in answer.headers
    assert staff.http.get(f"{staff.base_url}/Users/{ada}", headers={"If-None-Match": 'W/"2"'}).status_code == 200


@pytest.mark.parametrize(
    ("method", "body"), [("PUT", user("ada")), ("PATCH", patch(replace("title", "x"))), ("DELETE", None)]
)
def test_a_change_for_another_version_is_412_and_changes_nothing(staff: Idp, method: str, body: Json | None) -> None:
    ada = staff.create(user("ada@north.example"))
    url = f"{staff.base_url}/Users/{ada}"

    for stale in ('W/"2"', '"2"', 'W/"2.5"'):
        answer = staff.http.request(method, url, json=body, headers={"If-Match": stale})
        assert (answer.status_code, answer.json()["status"]) == (412, "412"), answer.text
        assert 'for version W/"2", and this user is at W/"1"' in answer.json()["detail"]
    answer = staff.http.request(method, url, json=body, headers={"If-None-Match": "*"})
    assert (answer.status_code, answer.json()["status"]) == (412, "412"), answer.text
    answer = staff.http.request(method, url, json=body, headers={"If-Match": "nonsense"})
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
    assert "If-Match takes entity tags" in answer.json()["detail"]
    assert staff.get(ada).headers["ETag"] == 'W/"1"'
    assert staff.http.request(method, url, json=body, headers={"If-Match": 'W/"1"'}).status_code in (200, 204)


def test_of_many_who_expect_one_version_one_wins(staff: Idp) -> None:
    ada = staff.create(user("ada@north.example"))
    statuses: Counter[int] = Counter()

    def attempt(number: int) -> None:
        with Idp(staff.list_id, staff.base_url, staff.token) as idp:
            answer = idp.http.patch(
                f"{idp.base_url}/Users/{ada}", json=patch(replace("title", str(number))), headers={"If-Match": 'W/"1"'}
            )
            statuses[answer.status_code] += 1

    threads = [threading.Thread(target=attempt, args=[number]) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == {200: 1, 412: 15}
    assert staff.get(ada).headers["ETag"] == 'W/"2"'


# --- lists (§3.4.2, RFC 9865) ---


def test_pages_by_index_are_stable_and_clamped(staff: Idp) -> None:
    fill(staff, 25)
    pages = [staff.request("GET", f"/Users?startIndex={start}&count=10") for start in (1, 11, 21)]

    assert [name for page in pages for name in names(page)] == [f"u{n:04d}@north.example" for n in range(25)]
    assert [page.json()["itemsPerPage"] for page in pages] == [10, 10, 5]
    for query, count in (("startIndex=-3&count=2", 2), ("startIndex=26", 0), ("count=0", 0), ("count=-1", 0)):
        answer = staff.request("GET", f"/Users?{query}")
        assert (len(names(answer)), answer.json()["totalResults"]) == (count, 25), query
    assert len(names(staff.request("GET", "/Users?count=999999"))) == 25


def test_a_walk_by_cursor_shows_everybody_once(staff: Idp) -> None:
    fill(staff, 25)
    pages = list(walk(staff))

    assert [one["userName"] for page in pages for one in page["Resources"]] == [
        f"u{n:04d}@north.example" for n in range(25)
    ]
    assert [page["itemsPerPage"] for page in pages] == [7, 7, 7, 4]
    assert {page["totalResults"] for page in pages} == {25}
    assert all("startIndex" not in page for page in pages)


@pytest.mark.parametrize(
    ("query", "last"),
    [
        ("&sortBy=userName", "z"),
        ("&sortBy=title&sortOrder=descending", "none"),
        ("&sortBy=title", "none"),
        ("&sortBy=id&sortOrder=descending", ""),
        ("&sortBy=meta.lastModified", ""),
        ("&filter=title%20pr&sortBy=name.familyName", ""),
        (f"&sortBy={quote(ENTERPRISE)}:department", ""),
    ],
)
def test_a_walk_by_cursor_follows_any_order(staff: Idp, query: str, last: str) -> None:
    titles = ["b", "A", "c", None, "B", None, "a", "C"]
    for number, title in enumerate(titles):
        more = enterprise(department=f"d{number % 3}") if number % 2 else {}
        staff.create(user(f"u{number}@north.example", title=title, **more))
    whole = names(staff.request("GET", f"/Users?count=100{query}"))
    walked = [one["userName"] for page in walk(staff, query, 3) for one in page["Resources"]]

    assert walked == whole
    assert len(set(walked)) == len(whole)


@pytest.mark.parametrize("query", ["", "&sortBy=title", "&sortBy=title&sortOrder=descending", "&sortBy=userName"])
def test_a_walk_by_cursor_may_turn_back_anywhere(staff: Idp, query: str) -> None:
    for number, title in enumerate(["b", "A", None, "c", None, "B", "a"]):
        staff.create(user(f"u{number}@north.example", title=title))
    pages = list(walk(staff, query, 2))

    for number, page in enumerate(pages):
        back = page
        for earlier in reversed(pages[:number]):
            back = staff.request("GET", f"/Users?count=2{query}&cursor={back['previousCursor']}").json()
            assert names_in(back) == names_in(earlier)
            onward = staff.request("GET", f"/Users?count=2{query}&cursor={back['nextCursor']}").json()
            assert names_in(onward) == names_in(pages[pages.index(earlier) + 1])
        assert "previousCursor" not in back


def names_in(page: Json) -> list[str]:
    return [one["userName"] for one in page["Resources"]]


def test_an_order_is_without_regard_to_case_and_ends_with_who_has_no_value(staff: Idp) -> None:
    for name, title in (("u1", "b"), ("u2", "A"), ("u3", None), ("u4", "C")):
        staff.create(
            user(name, title=title, emails=[{"value": f"{name[::-1]}@x"}, {"value": "z@x", "primary": name == "u1"}])
        )

    assert names(staff.request("GET", "/Users?sortBy=title")) == ["u2", "u1", "u4", "u3"]
    assert names(staff.request("GET", "/Users?sortBy=TITLE&sortOrder=descending")) == ["u3", "u4", "u1", "u2"]
    assert names(staff.request("GET", "/Users?sortBy=emails")) == ["u2", "u3", "u4", "u1"]
    refused = staff.request("GET", "/Users?sortBy=shoeSize")
    assert (refused.status_code, refused.json()["scimType"]) == (400, "invalidPath")


def test_a_walk_beside_changes_skips_and_repeats_nobody_who_stays(staff: Idp) -> None:
    ids = fill(staff, 60)
    stop = threading.Event()

    def disturb() -> None:
        with Idp(staff.list_id, staff.base_url, staff.token) as idp:
            for number, user_id in enumerate(ids[::2]):
                idp.delete(user_id)
                idp.create(user(f"late{number}@north.example"))
                if stop.is_set():
                    return

    thread = threading.Thread(target=disturb)
    thread.start()
    seen = [one["id"] for page in walk(staff, count=3) for one in page["Resources"]]
    stop.set()
    thread.join()

    assert max(Counter(seen).values()) == 1
    assert set(ids[1::2]) <= set(seen)


def test_cursors_are_sealed(muster: Muster, staff: Idp) -> None:
    fill(staff, 5)
    cursor = staff.request("GET", "/Users?cursor&count=2").json()["nextCursor"]
    second = Idp(staff.list_id, staff.base_url, muster.new_token(staff.list_id))
    forged = cursor[:-8] + ("a" if cursor[-8] != "a" else "b") + cursor[-7:]

    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    for idp, query in (
        (staff, f"cursor={forged}"),
        (staff, "cursor=nonsense"),
        (staff, f"cursor={cursor}&filter=title%20pr"),
        (staff, f"cursor={cursor}&sortBy=userName"),
        (second, f"cursor={cursor}"),
    ):
        answer = idp.request("GET", f"/Users?{query}")
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidCursor"), query
    for count in ("0", "-1", "x"):
        answer = staff.request("GET", f"/Users?cursor&count={count}")
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidCount")
    assert len(names(staff.request("GET", f"/Users?cursor={cursor}&count=100000"))) == 3
    assert staff.request("GET", f"/Groups?cursor={cursor}").json()["scimType"] == "invalidCursor"
    second.http.close()


def test_a_search_is_asked_by_post_at_the_root_and_per_type(staff: Idp) -> None:
    ada = staff.create(user("ada@north.example", title="Dean"))
    staff.create(user("bob@north.example"))
    staff.request("POST", "/Groups", {"displayName": "Deans", "members": [{"value": ada}]})

    def search(path: str, **asked: Any) -> httpx.Response:
        return staff.request("POST", f"{path}/.search", {"schemas": [SEARCH], **asked})

    users = search("/Users", filter='title eq "dean"', attributes=["userName"])
    assert (users.status_code, users.json()["Resources"]) == (
        200,
        [{"schemas": [USER], "id": ada, "userName": "ada@north.example"}],
    )
    assert names(search("/Groups", filter=f'members eq "{ada}"', excludedAttributes=["members"])) == ["Deans"]
    assert names(search("")) == ["ada@north.example", "bob@north.example", "Deans"]
    assert names(search("", filter='title pr or displayName eq "deans"', count=5)) == ["ada@north.example", "Deans"]
    assert names(search("", filter='meta.resourceType eq "Group"')) == ["Deans"]
    assert names(search("", sortBy="displayName", sortOrder="descending")) == [
        "Deans",
        "bob@north.example",
        "ada@north.example",
    ]
    first = search("", cursor="", count=2).json()
    assert names(search("", cursor=first["nextCursor"], count=2)) == ["Deans"]
    assert search("", filter='shoe eq "44"').json()["scimType"] == "invalidFilter"
    assert search("/Users", count="many").json()["scimType"] == "invalidValue"
    assert names(staff.request("GET", "/?count=2")) == ["ada@north.example", "bob@north.example"]


def test_a_filter_of_any_form_is_answered_over_http(staff: Idp) -> None:
    staff.create(user("ada@north.example", title="Dean", **badge(badge=7)))
    staff.create(user("bob@north.example"))

    for text, found in (
        ('title co "ea" and not (userName sw "bob")', ["ada@north.example"]),
        ('not (title pr) or userName eq "ada@north.example"', ["ada@north.example", "bob@north.example"]),
        (f"{BADGE}:badge ge 7", ["ada@north.example"]),
        (
            'meta.lastModified gt "2020-01-01T00:00:00Z" and emails[type eq "work"]',
            ["ada@north.example", "bob@north.example"],
        ),
    ):
        assert names(staff.request("GET", f"/Users?filter={quote(text)}")) == found, text
    never = staff.request("GET", f"/Users?filter={quote(f'{BADGE}:height gt 1')}")
    assert (never.status_code, never.json()["scimType"]) == (400, "invalidFilter")


# --- projection (§3.9) ---


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "GET"])
def test_every_answer_with_a_resource_is_projected(staff: Idp, method: str) -> None:
    ada = staff.create(user("ada@north.example", title="Dean"))
    body = {"POST": user("bob@north.example"), "PUT": user("ada@north.example"), "PATCH": patch(replace("title", "x"))}
    path = "/Users" if method == "POST" else f"/Users/{ada}"

    only = staff.request(method, f"{path}?attributes=userName,name.givenName", body.get(method)).json()
    assert only.keys() == {"schemas", "id", "userName", "name"}
    assert only["name"].keys() == {"givenName"}
    body["POST"] = user("eve@north.example")
    without = staff.request(method, f"{path}?excludedAttributes=name,emails,id", body.get(method)).json()
    assert not {"name", "emails"} & without.keys()
    assert without["id"]


# --- bulk (§3.7) ---


def test_a_bulk_request_carries_its_operations_out_and_tells_each_outcome(muster: Muster, staff: Idp) -> None:
    ada = staff.create(user("ada@north.example"))
    staffed = {"displayName": "Staff", "members": [{"value": "bulkId:bob"}, {"value": ada}]}
    answer = bulk(
        staff,
        {"method": "post", "path": "/Groups", "bulkId": "g", "data": staffed},
        post("bob@north.example", "bob", **enterprise(manager={"value": "bulkId:eve"})),
        post("eve@north.example", "eve"),
        post("ADA@north.example", "twice"),
        {"method": "PATCH", "path": f"/Users/{ada}", "version": 'W/"1"', "data": patch(replace("title", "Dean"))},
        {"method": "PUT", "path": f"/Users/{ada}", "version": 'W/"1"', "data": user("ada@north.example")},
        {"method": "DELETE", "path": "/Users/bulkId:eve"},
        {"method": "GET", "path": "/Users"},
        {"method": "DELETE", "path": "/Users/none"},
        {"method": "POST", "path": "/Users", "data": user("no.bulkid@north.example")},
        {"method": "DELETE", "path": f"/Users/{ada}", "version": 2},
        {"path": f"/Users/{ada}"},
        post("blank@north.example", "a b"),
        {"method": "POST", "path": "/Groups", "bulkId": "own", "data": {
            "displayName": "Own", "members": [{"value": "bulkId:own"}]}},
        "nonsense",
        {"method": {"password": "hunter2"}, "path": "/Users"},
    )  # fmt: skip
    outcomes = answer.json()["Operations"]

    assert answer.status_code == 200
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"]
    assert [one["status"] for one in outcomes] == [
        "201", "201", "201", "409", "200", "412", "204", "405", "404", "400", "400", "400", "400", "400", "400",
        "400",
    ]  # fmt: skip
    assert "hunter2" not in answer.text.lower()
    for number, words in (
        (5, "for version"), (8, "look the user up by userName"), (9, "without blanks"), (10, "version takes text"),
        (11, "needs a method"), (12, "without blanks"), (13, "no user has the id 'bulkId:own'"),
    ):  # fmt: skip
        assert words in outcomes[number]["response"]["detail"]
    assert "method" not in outcomes[11]
    group, bob, eve, twice, patched = outcomes[:5]
    assert (group["method"], group["bulkId"], group["version"]) == ("POST", "g", 'W/"1"')
    assert (patched["version"], patched["location"]) == ('W/"2"', f"{staff.base_url}/Users/{ada}")
    assert (twice["response"]["scimType"], twice.get("location")) == ("uniqueness", None)
    shown = staff.http.get(group["location"]).json()
    assert {one["value"] for one in shown["members"]} == {ada, bob["location"].rsplit("/", 1)[1]}
    manager = staff.http.get(bob["location"]).json()[ENTERPRISE]["manager"]["value"]
    assert manager == eve["location"].rsplit("/", 1)[1]
    muster.settled(staff.list_id)
    story = muster.story(staff.list_id)
    assert sorted(story[1:]) == sorted(
        ["create applied", "create applied", "create applied", "update applied", "delete applied"]
    )
    requests = {one["request_id"] for one in muster.log(staff.list_id)}
    assert len(requests) >= 6


def test_users_of_a_bulk_request_may_manage_each_other(staff: Idp) -> None:
    def managed(name: str, by: str) -> Json:
        return post(name, name, **enterprise(manager=f"bulkId:{by}"))

    outcomes = bulk(staff, managed("a", "b"), managed("b", "a")).json()["Operations"]

    assert [one["status"] for one in outcomes] == ["201", "201"]
    users = [staff.http.get(one["location"]).json() for one in outcomes]
    assert [one[ENTERPRISE]["manager"]["value"] for one in users] == [users[1]["id"], users[0]["id"]]


def test_a_bulk_request_stops_after_so_many_errors(staff: Idp) -> None:
    outcomes = bulk(staff, post("a"), post("a", "2"), post("b"), failOnErrors=1).json()["Operations"]

    assert [one["status"] for one in outcomes] == ["201", "409"]
    assert staff.total() == 1


@pytest.mark.parametrize(
    ("body", "status", "scim_type"),
    [
        ({"Operations": [{}] * 1001}, 413, None),
        ({"Operations": [post("a", title="x" * 1_100_000)]}, 413, None),
        ({"Operations": "all"}, 400, "invalidSyntax"),
        ({"schemas": [BULK]}, 400, "invalidSyntax"),
        ({"Operations": [post("a", "x"), post("b", "x")]}, 400, "invalidSyntax"),
        ({"Operations": [post("a")], "failOnErrors": "one"}, 400, "invalidValue"),
        ([], 400, "invalidSyntax"),
    ],
)
def test_a_bulk_request_that_cannot_be_read_is_refused_whole(
    staff: Idp, body: Any, status: int, scim_type: str | None
) -> None:
    answer = staff.http.post(f"{staff.base_url}/Bulk", content=json.dumps(body))

    assert (answer.status_code, answer.json().get("scimType")) == (status, scim_type), answer.text[:300]
    assert staff.total() == 0


def test_a_revoked_token_opens_neither_bulk_nor_search_nor_groups(muster: Muster, staff: Idp) -> None:
    muster.cli("token", "revoke", staff.token[:12])

    for answer in (
        bulk(staff, post("a")),
        staff.request("POST", "/.search", {}),
        staff.request("GET", "/Users?cursor"),
        staff.request("GET", "/Users?filter=title%20pr"),
        staff.request("POST", "/Groups", {"displayName": "A"}),
        staff.request("OPTIONS", "/Users"),
    ):
        assert answer.status_code == 401


# --- discovery and the rest of HTTP ---


def test_what_an_extension_holds_is_described_once_it_was_seen(staff: Idp) -> None:
    before = staff.request("GET", f"/Schemas/{BADGE}").status_code
    staff.create(user("ada@north.example", **badge(badge=7, Skills=["a"])))
    after = staff.request("GET", f"/Schemas/{BADGE.upper()}").json()
    types = staff.request("GET", "/ResourceTypes/User").json()

    assert before == 404
    assert {one["name"]: (one["type"], one["multiValued"]) for one in after["attributes"]} == {
        "badge": ("integer", False),
        "Skills": ("string", True),
    }
    assert BADGE in [one["schema"] for one in types["schemaExtensions"]]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/Users", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("/Groups/00000000-0000-7000-8000-000000000000", {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}),
        ("/Bulk", {"POST", "OPTIONS"}),
        ("/Users/.search", {"POST", "OPTIONS"}),
        ("/Schemas", {"GET", "HEAD", "OPTIONS"}),
        ("/ServiceProviderConfig", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_what_an_endpoint_takes_is_told(staff: Idp, path: str, allowed: set[str]) -> None:
    options = staff.request("OPTIONS", path)
    refused = staff.request(next(iter({"DELETE", "PUT", "GET", "POST"} - allowed)), path, {})

    assert (options.status_code, options.content) == (204, b"")
    assert refused.status_code == 405
    for answer in (options, refused):
        assert set(answer.headers["Allow"].split(", ")) == allowed


def test_me_is_not_implemented_and_says_so(staff: Idp) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        assert staff.request(method, "/Me", {} if method == "PATCH" else None).status_code == 501


def test_discovery_cannot_be_filtered(staff: Idp) -> None:
    assert staff.request("GET", "/Schemas?filter=id%20pr").status_code == 403


def test_a_head_tells_what_a_get_would(staff: Idp) -> None:
    ada = staff.create(user("ada@north.example"))

    for path in (f"/Users/{ada}", "/Users", "/Schemas", "/Users/none"):
        head, get = staff.request("HEAD", path), staff.request("GET", path)
        assert (head.status_code, head.content) == (get.status_code, b"")
        for name in ("Content-Length", "Content-Type", "ETag"):
            assert head.headers.get(name) == get.headers.get(name)


def test_what_is_refused_is_logged_as_what_it_was(muster: Muster, staff: Idp) -> None:
    staff.request("POST", "/Users/.search", {"filter": "shoe pr"})
    staff.request("POST", "/Groups", {"displayName": " "})
    bulk(staff, {"method": "PUT", "path": "/Users/none", "data": user("eve@north.example", password="s3cret")})

    def refused() -> list[tuple[Any, ...]]:
        return [(one["resource"], one["operation"], one["user_name"]) for one in muster.log(staff.list_id)]

    eventually(lambda: len(refused()) == 3, 10, "three entries")
    assert sorted(refused(), key=str) == [
        ("group", "create", None),
        ("request", "request", None),
        ("user", "update", "eve@north.example"),
    ]
    bodies = muster.rows("select body from log_entry where list_id = %s", staff.list_id)
    assert "s3cret" not in str(bodies)
