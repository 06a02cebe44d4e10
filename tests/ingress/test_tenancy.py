"""Whose things a bearer token reaches: every method at every path of SCIM, answered as if nobody else were there."""

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import httpx
import pytest
from litestar.testing import TestClient

from ingress.app import build
from ingress.scim.changes import KINDS
from ingress.scim.endpoints import DISCOVERY, operation
from models import connection as connections
from models import database, master_list, organisation, token
from models.database import Connection
from ops.settings import Settings
from tests.factories import PATCH
from tests.ingress.others import everything, furnish

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PATHS = (
    "", "/.search", "/Bulk", "/Me", *(f"/{name}" for name in DISCOVERY),
    *(f"/{kind}{rest}" for kind in KINDS for rest in ("", "/.search", "/{id}")),
)  # fmt: skip
NOBODYS = "01a21108-bf1d-73cc-9468-64aba8b054de"  # an id


class List(NamedTuple):
    """A list, its organisation and a token."""

    list_id: str
    organisation_id: str
    token: str


@pytest.fixture(scope="module")
def client(database_url: str) -> Iterator[TestClient[Any]]:
    """SCIM, in this process."""
    settings = Settings(database_url=database_url, redis_url="redis://127.0.0.1:1/0", serve="scim", log_level="error")
    with TestClient(build(settings), base_url="http://muster.example") as opened:
        yield opened


def make(connection: Connection, name: str) -> List:
    with database.transaction(connection) as cursor:
        owner = organisation.ensure(cursor, name, "business")
        list_id = master_list.create(cursor, owner, "Staff")
        connections.connect(cursor, list_id, "userName", "test")
        return List(list_id, owner, token.issue(cursor, list_id, "", None, "test").token)


@pytest.fixture
def north(connection: Connection) -> List:
    """Whose token it is."""
    return make(connection, "North")


@pytest.fixture
def theirs(connection: Connection) -> dict[str, str]:
    """What South has."""
    south = make(connection, "South")
    return furnish(connection, south.organisation_id, south.list_id)


def ask(client: TestClient[Any], whose: List, method: str, path: str, body: Any = None, at: str = "") -> httpx.Response:
    """A request with a token, at its list or another one."""
    return client.request(
        method, f"/scim/v2/{at or whose.list_id}{path}", headers={"Authorization": f"Bearer {whose.token}"},
        json=body if method in ("POST", "PUT", "PATCH") else None,
    )  # fmt: skip


def bodies(path: str, user_id: str, group_id: str) -> dict[str, Any]:
    """What is sent to a path by method, with these ids wherever an id may stand."""
    search = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": f'id eq "{user_id}"'}
    steps = [
        {"method": method, "path": f"/{kind}/{one}", "bulkId": "b", "data": {"displayName": "x", "userName": "x"}}
        for kind, one in (("Users", user_id), ("Groups", group_id)) for method in ("PUT", "DELETE")
    ]  # fmt: skip
    bulk = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": steps}
    team = {"displayName": "Team", "members": [{"value": user_id}]}
    whole = team if path.startswith("/Groups") else {"userName": "ada", "displayName": "Ada"}
    edit = {"schemas": [PATCH], "Operations": [{"op": "add", "path": "displayName", "value": "x"}]}
    made = search if path.endswith(".search") else bulk if path == "/Bulk" else whole
    return {"POST": made, "PUT": whole, "PATCH": edit}


def said(answer: httpx.Response, *ids: str) -> tuple[int, str]:
    """An answer without the ids that were asked for."""
    text = answer.text
    for one in ids:
        text = text.replace(one, "")
    return answer.status_code, text


@pytest.mark.parametrize("path", PATHS)
def test_another_lists_base_url_is_answered_as_one_that_there_is_not(
    client: TestClient[Any], north: List, theirs: dict[str, str], connection: Connection, path: str
) -> None:
    before, list_id = everything(connection, theirs["list_id"]), theirs["list_id"]
    for method, kind in product(METHODS, ("user_id", "group_id")):
        at, body = path.format(id=theirs[kind]), bodies(path, theirs["user_id"], theirs["group_id"]).get(method)
        answer = ask(client, north, method, at, body, list_id)

        assert answer.status_code == 401, (method, path)
        assert said(answer, list_id) == said(ask(client, north, method, at, body, "aaaaaaaaaa"), "aaaaaaaaaa")
    assert everything(connection, list_id) == before


@pytest.mark.parametrize("path", PATHS)
def test_another_lists_ids_are_answered_as_ids_that_nobody_has(
    client: TestClient[Any], north: List, theirs: dict[str, str], connection: Connection, path: str
) -> None:
    before, list_id = everything(connection, theirs["list_id"]), theirs["list_id"]
    users, groups = theirs["user_id"], theirs["group_id"]
    for method, kind in product(METHODS, ("user_id", "group_id")):
        label = operation(method, tuple(filter(None, path.split("/"))))
        answers = [
            ask(client, north, method, path.format(id=one), bodies(path, user_id, group_id).get(method))
            for one, user_id, group_id in ((theirs[kind], users, groups), (NOBODYS, NOBODYS, NOBODYS))
        ]

        if "create" not in label:  # a user's body names nobody else
            assert said(answers[0], users, groups) == said(answers[1], NOBODYS), (method, path)
        assert "south" not in answers[0].text.lower(), (method, path)
        assert "{id}" not in path or answers[0].status_code in (404, 405, 204, 501), (method, path)
    assert everything(connection, list_id) == before


@pytest.mark.parametrize("kind", ["Users", "Groups", ""])
def test_no_filter_finds_what_another_list_has(
    client: TestClient[Any], north: List, theirs: dict[str, str], kind: str
) -> None:
    eve, south = theirs["user_id"], theirs["group_id"]
    for filtered in (
        "id pr", f'id eq "{eve}"', f'id eq "{south}"', 'externalId sw "south"', 'externalId eq "south-1"',
        *(('displayName eq "South"', f'members.value eq "{eve}"') if kind == "Groups" else ()),
        *(('userName eq "eve@south.example"', 'emails.value eq "eve@south.example"', 'userName sw "e"',
           f'groups.value eq "{south}"') if kind == "Users" else ()),
    ):  # fmt: skip
        answer = client.get(
            f"/scim/v2/{north.list_id}/{kind}", params={"filter": filtered},
            headers={"Authorization": f"Bearer {north.token}"},
        )  # fmt: skip

        assert (answer.status_code, answer.json().get("totalResults")) in ((200, 0), (400, None)), filtered
        assert answer.status_code == 200 or "groups" in filtered, answer.text


def test_a_member_that_another_list_has_is_unknown(
    client: TestClient[Any], north: List, theirs: dict[str, str], connection: Connection
) -> None:
    before = everything(connection, theirs["list_id"])
    team = ask(client, north, "POST", "/Groups", {"displayName": "Team"}).json()["id"]
    told = []
    for stranger in (theirs["user_id"], theirs["group_id"], NOBODYS):
        add = {"op": "add", "path": "members", "value": [{"value": stranger}]}
        told.append(
            said(ask(client, north, "PATCH", f"/Groups/{team}", {"schemas": [PATCH], "Operations": [add]}), stranger)
        )

    assert told[0] == told[1] == told[2]
    assert told[0][0] == 400
    assert everything(connection, theirs["list_id"]) == before
