"""Lists, their fields, their connections and tokens, and the organisation."""

from datetime import UTC, datetime, timedelta

from models import database, token
from models.database import Connection
from models.token import Grant
from tests.ingress.api.conftest import Caller


def test_a_list_is_made_with_its_fields_and_found(caller: Caller) -> None:
    field = {"label": "House", "type": "dropdown", "options": ["North", "South"]}
    made = caller.post("/lists", {"name": "Students", "fields": [field]}, 201)

    assert [one["key"] for one in made["fields"]] == ["uid", "house"]
    assert caller.get(f"/lists/{made['id']}") == made
    assert [one["key"] for one in caller.get(f"/lists/{made['id']}/fields")["items"]] == ["uid", "house"]
    assert [one["name"] for one in caller.get("/lists")["items"]] == ["Staff", "Students"]
    assert "choose another name" in caller.post("/lists", {"name": "Students"}, 409)["detail"]


def test_lists_have_pages(caller: Caller) -> None:
    for name in ("A", "B", "C"):
        caller.post("/lists", {"name": name}, 201)

    first = caller.get("/lists?limit=3")
    second = caller.get(f"/lists?limit=3&cursor={first['next_cursor']}")

    assert [[one["name"] for one in page["items"]] for page in (first, second)] == [["A", "B", "C"], ["Staff"]]
    assert second["next_cursor"] is None


def test_a_list_is_connected_gets_a_token_and_is_disconnected(caller: Caller, connection: Connection) -> None:
    made = caller.post("/lists", {"name": "Students"}, 201)
    path = f"/lists/{made['id']}"
    caller.get(f"{path}/connection", 404)

    connected = caller.post(f"{path}/connection", {"unique_identifier": "email"}, 201)
    until = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    issued = caller.post(f"{path}/tokens", {"label": "Okta", "expires_at": until}, 201)

    assert (connected["state"], connected["unique_identifier"]) == ("connected", "email")
    assert connected["scim_base_url"] == f"http://127.0.0.1:8080/scim/v2/{made['id']}"
    assert isinstance(granted(connection, issued["token"]), Grant)
    [listed] = caller.get(f"{path}/tokens")["items"]
    assert "token" not in listed
    caller.delete(f"{path}/tokens/{listed['id']}")
    assert not isinstance(granted(connection, issued["token"]), Grant)
    caller.delete(f"{path}/connection")
    assert caller.get(f"{path}/connection")["state"] == "disconnecting"
    caller.delete(f"{path}/connection", 422)


def granted(connection: Connection, text: str) -> object:
    """What a bearer token allows now."""
    with database.transaction(connection) as cursor:
        holder = token.holder(cursor, text)
        assert holder is not None
        database.allow(cursor, [holder.list_id])
        return token.check(cursor, [holder.token_id])[holder.token_id]


def test_a_token_needs_a_moment_to_come_and_a_connected_list(caller: Caller) -> None:
    past = caller.post("/lists/L/tokens", {"expires_at": "2020-01-01T00:00:00Z"}, 422)
    zoneless = caller.post("/lists/L/tokens", {"expires_at": "2099-01-01T00:00:00"}, 422)
    made = caller.post("/lists", {"name": "Students"}, 201)

    assert past["errors"][0]["pointer"] == zoneless["errors"][0]["pointer"] == "#/expires_at"
    assert "is not connected" in caller.post(f"/lists/{made['id']}/tokens", {}, 422)["detail"]


def test_the_organisation_and_its_plan(caller: Caller) -> None:
    found = caller.get("/organisation")

    assert (found["name"], found["plan"], found["includes"]) == ("North", "business", {"scim": True, "directory": True})
