"""The audit log by way of the API."""

from models import audit, database
from models.audit import Somebody
from models.database import Connection
from tests.ingress.api.conftest import Caller


def test_what_keys_do_is_read_with_filters_and_pages(caller: Caller, stranger: Caller, connection: Connection) -> None:
    caller.post("/lists", {"name": "Choir"}, 201)
    with database.transaction(connection) as cursor:
        for number in range(3):
            actor = Somebody(caller.tenant.organisation_id, "root (command line)")
            audit.record(cursor, actor, caller.tenant.list_id, "token.issue", str(number))

    first = caller.ask("GET", "/audit?limit=2&what=token")
    second = caller.get("/audit" + first.links["next"]["url"])

    assert [[one["detail"] for one in page["items"]] for page in (first.json(), second)] == [["2", "1"], ["0"]]
    [made] = caller.get(f"/audit?who={caller.key[:12]}")["items"]
    assert (made["what"], made["list"], made["address"]) == ("list.create", "Choir", "testclient")
    assert caller.get("/audit?until=2020-01-01T00:00:00Z")["items"] == []
    assert caller.get("/audit?since=2020-01-01T00:00:00Z&list=" + caller.tenant.list_id)["items"][0]["list"] == "Staff"
    assert stranger.get("/audit")["items"] == []
    assert "since" in caller.get("/audit?since=yesterday", 400)["detail"]
