"""Answers that Microsoft never gave: a run ends with a sentence, and the next one goes on from where it was."""

import json
from typing import Any

import pytest

from models.directory.runs import Run
from ops.simulators.graph import Directory
from tests.workers.directory.conftest import Pulled
from tests.workers.directory.test_run import names

ALWAYS = 10_000
NEXT = "@odata.nextLink"
DELTA = "@odata.deltaLink"
DEEP: Any = {}
for _ in range(60):
    DEEP = {"a": DEEP}
ODD: list[Any] = [
    5,
    -1.5,
    True,
    False,
    [],
    ["x", None, {}],
    {},
    {"a": [1]},
    "",
    " ",
    "x" * 300_000,
    "\0",
    DEEP,
]


def over(staff: Pulled) -> Run:
    """A run, which ends after some tries whatever happens."""
    run_id = staff.begin()
    for _ in range(60):
        staff.work(run_id, seconds=0.05)
        staff.drain()
        staff.hurry(run_id)
        if not staff.look(run_id).is_open:
            break
    return staff.look(run_id)


def link(staff: Pulled, rest: str = "users/delta?$deltatoken=latest") -> str:
    return f"{staff.graph.url}/v1.0/{rest}"


PAGES: dict[str, Any] = {
    "no object": [],
    "null": None,
    "a number": 5,
    "a text": "x",
    "an error": {"error": {"code": "x", "message": "y"}},
    "no value": {DELTA: "/x"},
    "no list": {"value": {"id": "1"}, DELTA: "/x"},
    "null in it": {"value": [None], DELTA: "/x"},
    "no id": {"value": [{"userPrincipalName": "x@n.example"}], DELTA: "/x"},
    "a number for an id": {"value": [{"id": 5, "userPrincipalName": "x@n.example"}], DELTA: "/x"},
    "an object for an id": {"value": [{"id": {"a": 1}, "userPrincipalName": "x@n.example"}], DELTA: "/x"},
    "a long id": {"value": [{"id": "".join(map(str, range(20_000))), "userPrincipalName": "x@n.example"}], DELTA: "/x"},
    "an id with NUL": {"value": [{"id": "a\0", "userPrincipalName": "x@n.example"}], DELTA: "/x"},
    "an id in two lines": {"value": [{"id": "a\nb", "userPrincipalName": "x@n.example"}], DELTA: "/x"},
    "no link": {"value": []},
    "an empty link": {"value": [], DELTA: ""},
    "a link that is a list": {"value": [], NEXT: ["/x"]},
    "a link that is no URL": {"value": [], NEXT: "http://["},
    "a link with NUL": {"value": [], NEXT: "{root}\0"},
    "a link with spaces": {"value": [], NEXT: "{root} x\r\nHost: y"},
    "a link with a port that is none": {"value": [], NEXT: "http://127.0.0.1:x/"},
    "a page that is its own next": {"value": [], NEXT: "{root}users/delta?$skiptoken=loop"},
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_that_is_none_ends_the_run(staff: Pulled, directory: Directory, page: str) -> None:
    names(directory, "Mila")
    staff.connect()
    body = json.loads(json.dumps(PAGES[page]).replace("{root}", link(staff, "")))
    staff.graph.faults.add("users/delta", times=ALWAYS, status=200, body=json.dumps(body).encode())

    ended = over(staff)

    assert (ended.state, bool(ended.progress.error)) == ("failed", True)
    staff.graph.faults.clear()
    staff.run()
    assert staff.active() == {"mila@n.example"}


def test_pages_in_a_circle_end_the_run(staff: Pulled, directory: Directory) -> None:
    names(directory, "Mila")
    staff.connect()
    for number in range(3):
        body = {"value": [], NEXT: link(staff, f"users/delta?$skiptoken=loop{(number + 1) % 3}")}
        staff.graph.faults.add(f"skiptoken=loop{number}", times=ALWAYS, status=200, body=body)
    body = {"value": [], NEXT: link(staff, "users/delta?$skiptoken=loop0")}
    staff.graph.faults.add("select=", times=ALWAYS, status=200, body=body)

    ended = over(staff)

    assert ended.state == "failed"
    assert "the same page" in ended.progress.error
    staff.graph.faults.clear()
    assert over(staff).state == "done"
    assert staff.active() == {"mila@n.example"}


def test_a_state_that_is_lost_again_and_again_ends_the_run(staff: Pulled, directory: Directory) -> None:
    names(directory, *(f"P{number}" for number in range(5)))
    staff.graph.routes.paging.size = 2
    staff.connect()
    staff.graph.faults.add("skiptoken", times=ALWAYS, status=410)

    assert over(staff).state == "failed"
    staff.graph.faults.clear()
    staff.run()
    assert len(staff.active()) == 5


@pytest.mark.parametrize(
    "told", [None, 5, "x", {"a": 1}, [None, 5, "x", [], {}, {"id": 5}, {"id": "a\0"}, {"id": "b" * 9_000}]]
)
def test_members_that_are_none_are_nobody(staff: Pulled, directory: Directory, told: Any) -> None:
    (mila,) = names(directory, "Mila")
    group = directory.add_group("Staff", [mila])
    staff.connect(group)
    staff.run()
    page = {
        "value": [{"id": group, "displayName": 5, "members@delta": told}],
        DELTA: link(staff, "groups/delta?$deltatoken=latest"),
    }
    staff.graph.faults.add("groups/delta", status=200, body=page)

    assert over(staff).state == "done"

    assert staff.active() == {"mila@n.example"}


@pytest.mark.parametrize("odd", range(len(ODD)))
def test_a_user_with_odd_properties_stops_nobody_else(staff: Pulled, directory: Directory, odd: int) -> None:
    mila, ravi = names(directory, "Mila", "Ravi")
    staff.connect()
    staff.run()
    for name in (
        "givenName",
        "mail",
        "otherMails",
        "businessPhones",
        "employeeId",
        "employeeOrgData",
        "city",
        "preferredLanguage",
        "userType",
        "jobTitle",
        "displayName",
    ):
        directory.change_user(mila, **{name: ODD[odd]})
        directory.change_user(ravi, jobTitle=name)

        ended = over(staff)

        assert (ended.state, staff.by_anchor()[ravi]["fields"]["Job Title"]) == ("done", name), ended
        assert staff.by_anchor()[mila]["active"]
        directory.change_user(mila, **{name: None})
        assert over(staff).state == "done"
    assert staff.failures() == {}


def test_a_batch_that_answers_with_somebody_else_ends_the_run(staff: Pulled, directory: Directory) -> None:
    mila, ravi = names(directory, "Mila", "Ravi")
    group = directory.add_group("Staff", [mila])
    staff.connect(group)
    staff.run()
    directory.add_members(group, [ravi])
    staff.graph.faults.add(
        f"GET /v1.0/users/{ravi}", times=ALWAYS, status=200, body={"id": mila, "userPrincipalName": "x"}
    )

    assert over(staff).state == "failed"
    staff.graph.faults.clear()
    staff.run()
    assert staff.active() == {"mila@n.example", "ravi@n.example"}


BATCHES: dict[str, Any] = {
    "nothing": {"responses": []},
    "no list": {"responses": None},
    "texts": {"responses": ["x"]},
    "a list for headers": {"responses": [{"id": "1", "status": 200, "headers": ["x"], "body": {}}]},
    "no body": {"responses": [{"id": "1", "status": 200}]},
    "no status": {"responses": [{"id": "1", "body": {}}]},
    "a text for a body": {"responses": [{"id": "1", "status": 200, "body": "x"}]},
    "another id": {"responses": [{"id": "7", "status": 200, "body": {}}]},
    "401": {"responses": [{"id": "1", "status": 401, "body": {"error": {"code": "InvalidAuthenticationToken"}}}]},
    "403": {"responses": [{"id": "1", "status": 403, "body": {"error": "x"}}]},
    "500": {"responses": [{"id": "1", "status": 500}]},
}  # fmt: skip


@pytest.mark.parametrize("batch", BATCHES)
def test_a_batch_that_is_none_ends_the_run(staff: Pulled, directory: Directory, batch: str) -> None:
    (mila,) = names(directory, "Mila")
    staff.graph.routes.paging.size = 1
    names(directory, *(f"P{number}" for number in range(20)))
    staff.connect(directory.add_group("Staff", [mila]))
    staff.graph.faults.add("batch", times=ALWAYS, status=200, body=BATCHES[batch])

    ended = over(staff)

    assert (ended.state, bool(ended.progress.error)) == ("failed", True)
    staff.graph.faults.clear()
    staff.run()
    assert staff.active() == {"mila@n.example"}


WAITS = [
    "Wed, 21 Oct 2099 07:28:00 GMT",
    "Wed, 21 Oct 2015 07:28:00 GMT",
    "-5",
    "1e9",
    "9" * 40,
    "nan",
    "inf",
    "soon",
    "",
]


@pytest.mark.parametrize("wait", WAITS)
def test_a_wait_is_an_hour_at_most(staff: Pulled, directory: Directory, wait: str) -> None:
    (mila,) = names(directory, "Mila")
    staff.connect()
    staff.graph.faults.add("users/delta", status=429, headers={"Retry-After": wait})
    run_id = staff.begin()

    staff.work(run_id)

    run = staff.look(run_id)
    assert run.not_before is not None
    assert 1 <= run.progress.throttled <= 3600
    assert staff.finish(run_id).state == "done"


@pytest.mark.parametrize("wait", WAITS)
def test_a_wait_within_a_batch_is_an_hour_at_most(staff: Pulled, directory: Directory, wait: str) -> None:
    everyone = names(directory, *(f"P{number}" for number in range(20)))
    staff.connect(directory.add_group("Staff", everyone[:1]))
    staff.graph.faults.add(f"GET /v1.0/users/{everyone[0]}", status=429, headers={"Retry-After": wait})

    run = staff.finish(staff.begin())

    assert (run.state, 1 <= run.progress.throttled <= 3600) == ("done", True)


TOKENS: dict[str, Any] = {
    "no time": {"access_token": "t"},
    "a text for a time": {"access_token": "t", "expires_in": "soon"},
    "no token": {"expires_in": 3600},
    "null": {"access_token": None, "expires_in": 3600},
    "two lines": {"access_token": "SECRET\r\nX: y", "expires_in": 3600},
    "not ASCII": {"access_token": "SECRET\u20ac", "expires_in": 3600},
    "a list": ["x"],
    "an odd error": {"error": {"code": 1}},
}  # fmt: skip


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_that_is_none_ends_the_run(
    staff: Pulled, directory: Directory, token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names(directory, "Mila")
    staff.connect()
    staff.graph.faults.add("oauth2", times=ALWAYS, status=200, body=TOKENS[token])

    ended = over(staff)

    assert (ended.state, bool(ended.progress.error)) == ("failed", True)
    assert "SECRET" not in ended.progress.error + capsys.readouterr().out
    staff.graph.faults.clear()
    staff.run()
    assert staff.active() == {"mila@n.example"}


@pytest.mark.parametrize("body", [b"null", b"[]", b"{}", b'"x"', b"\xff", b"9" * 5000, b"-3"])
def test_a_count_that_is_none_is_not_known(staff: Pulled, directory: Directory, body: bytes) -> None:
    names(directory, "Mila")
    staff.connect()
    staff.graph.faults.add("users/\\$count", times=ALWAYS, status=200, body=body)

    assert over(staff).state == "done"
    assert staff.active() == {"mila@n.example"}
