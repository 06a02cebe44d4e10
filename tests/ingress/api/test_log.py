"""The log and held deactivations by way of the API."""

from datetime import UTC, datetime, timedelta

from models import database
from models.database import Connection
from tests.ingress.api.conftest import Caller
from tests.ingress.console.test_people import add
from tests.models.test_log_page import write

NOW = datetime.now(UTC)


def entries(connection: Connection, list_id: str, count: int) -> None:
    """So many, each a second older than the one before."""
    with database.transaction(connection, [list_id]) as cursor:
        for number in range(1, count + 1):
            result = "rejected" if number % 2 else "applied"
            write(cursor, list_id, id=number, at=NOW - timedelta(seconds=100 - number), result=result, user_name="ada")


def test_the_log_is_filtered_and_has_pages(caller: Caller, connection: Connection) -> None:
    entries(connection, caller.tenant.list_id, 5)

    first = caller.ask("GET", "/lists/L/log?limit=2&result=rejected")
    second = caller.get("/lists/L/log" + first.links["next"]["url"])

    assert [[one["id"] for one in page["items"]] for page in (first.json(), second)] == [[5, 3], [1]]
    assert second["next_cursor"] is None
    assert [one["id"] for one in caller.get("/lists/L/log?result=attention&q=ada")["items"]] == [5, 3, 1]
    assert caller.get("/lists/L/log?operation=delete")["items"] == []
    assert caller.get("/lists/L/log?person=0197a2c4-5be1-7d10-9f3a-0c1d2e3f4a5b")["items"] == []


def test_one_entry_and_its_retry(caller: Caller, connection: Connection) -> None:
    entries(connection, caller.tenant.list_id, 1)

    assert caller.get("/lists/L/log/1")["can_be_retried"] is False
    assert "nothing of it was kept" in caller.post("/lists/L/log/1/retry", None, 422)["detail"]
    caller.post("/lists/L/log/9/retry", None, 404)


def test_how_long_the_log_is_kept(caller: Caller) -> None:
    assert caller.put("/lists/L/log-retention", {"days": 180}) == {"days": 180}
    assert caller.get("/lists/L/log-retention") == {"days": 180}
    assert caller.put("/lists/L/log-retention", {"days": 7}, 422)["errors"][0]["pointer"] == "#/days"


def hold(connection: Connection, list_id: str, *uids: str) -> list[str]:
    """People whose deactivation is held."""
    people = [add(connection, list_id, uid, synced=True) for uid in uids]
    for seq, person_id in enumerate(people, 1):
        connection.execute("update person set held_seq = %s, held_at = now() where id = %s", (seq, person_id))
    return people


def test_held_deactivations_are_listed_released_and_discarded(caller: Caller, connection: Connection) -> None:
    first, second, third = hold(connection, caller.tenant.list_id, "E1", "E2", "E3")
    page = caller.get("/lists/L/held?limit=2")

    assert [one["uid"] for one in page["items"]] == ["E1", "E2"]
    assert [one["uid"] for one in caller.get(f"/lists/L/held?cursor={page['next_cursor']}")["items"]] == ["E3"]
    assert caller.post("/lists/L/held/release", {"people": [second]}) == {"count": 1}
    assert caller.get(f"/lists/L/people/{second}")["active"] is False
    now = caller.get("/lists/L/held")
    chosen = {"all": {"up_to": now["newest_seq"], "count": now["count"]}}
    assert caller.post("/lists/L/held/discard", chosen) == {"count": 2}
    assert [caller.get(f"/lists/L/people/{one}")["active"] for one in (first, third)] == [True, True]
    assert "is held any more" in caller.post("/lists/L/held/discard", chosen, 409)["detail"]


def test_more_than_were_seen_are_not_released(caller: Caller, connection: Connection) -> None:
    hold(connection, caller.tenant.list_id, "E1", "E2")

    caller.post("/lists/L/held/release", {"all": {"up_to": 2, "count": 1}}, 409)
    caller.post("/lists/L/held/release", {}, 422)
    assert caller.get("/lists/L/held")["count"] == 2


def test_whose_deactivation_is_held_is_not_made_inactive_beside_it(caller: Caller, connection: Connection) -> None:
    [person_id] = hold(connection, caller.tenant.list_id, "E1")

    assert "is held" in caller.patch(f"/lists/L/people/{person_id}", {"active": False}, 409)["detail"]


def test_the_guard(caller: Caller) -> None:
    wanted = {"enabled": True, "percent": 10, "at_least": 5}

    assert caller.get("/lists/L/guard")["enabled"] is False
    assert caller.put("/lists/L/guard", wanted) == wanted == caller.get("/lists/L/guard")
    assert caller.put("/lists/L/guard", wanted | {"percent": 0}, 422)["errors"][0]["pointer"] == "#/percent"
