"""Idempotency-Key: a lost answer can be asked for again, and nothing is done twice."""

import pytest

from models import database, replay
from models.database import Connection
from models.replay import Named
from tests.ingress.api.conftest import Caller, answered

KEY = '"8e03978e-40d5-43e8-bc93-6894a57f9324"'


def test_the_same_again_is_answered_the_same_and_done_once(caller: Caller, connection: Connection) -> None:
    first = caller.ask("POST", "/lists/L/people", {"uid": "E1"}, Idempotency_Key=KEY)
    again = caller.ask("POST", "/lists/L/people", {"uid": "E1"}, Idempotency_Key=KEY.strip('"'))

    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.content, again.headers["etag"], again.headers["location"]) == (
        first.content, first.headers["etag"], first.headers["location"],
    )  # fmt: skip
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert connection.execute("select count(*) from person").fetchone() == (1,)
    assert connection.execute("select count(*) from audit_entry").fetchone() == (1,)


def test_the_key_with_another_request_is_refused(caller: Caller) -> None:
    caller.post("/lists/L/people", {"uid": "E1"}, 201, Idempotency_Key=KEY)

    told = caller.post("/lists/L/people", {"uid": "E2"}, 422, Idempotency_Key=KEY)

    assert told["type"].endswith("#problem-key-reused")
    # Another path is another request, and may have the same key.
    caller.post("/lists", {"name": "Students"}, 201, Idempotency_Key=KEY)


def test_keys_of_two_callers_are_two(caller: Caller, stranger: Caller) -> None:
    mine = caller.post("/lists", {"name": "Students"}, 201, Idempotency_Key=KEY)
    theirs = stranger.post("/lists", {"name": "Students"}, 201, Idempotency_Key=KEY)

    assert mine["id"] != theirs["id"]


def test_a_refusal_is_not_kept(caller: Caller) -> None:
    path = "/lists/L/people"
    first = caller.post(path, {"uid": "E1"}, 201)
    caller.post(path, {"uid": "e1"}, 409, Idempotency_Key=KEY)
    caller.patch(f"{path}/{first['id']}", {"active": False})

    assert "belongs to another person" in caller.post(path, {"uid": "e1"}, 409, Idempotency_Key=KEY)["detail"]


def test_a_secret_is_not_kept(caller: Caller, connection: Connection) -> None:
    made = caller.post("/lists/L/tokens", {"label": "Okta"}, 201, Idempotency_Key=KEY)
    told = caller.post("/lists/L/tokens", {"label": "Okta"}, 409, Idempotency_Key=KEY)

    assert told["type"].endswith("#problem-not-kept")
    assert len(caller.get("/lists/L/tokens")["items"]) == 1
    kept = connection.execute("select api_replay::text from api_replay").fetchall()
    assert made["token"] not in str(kept)


def test_while_the_first_is_being_answered_the_second_is_refused(
    caller: Caller, connection: Connection, database_url: str
) -> None:
    key_id = connection.execute("select id::text from api_key where prefix = %s", (caller.key[:12],)).fetchone()
    assert key_id
    route = f"POST /api/v1/lists/{caller.tenant.list_id}/people"
    with database.connect(database_url) as other, database.transaction(other) as cursor:
        assert replay.enter(cursor, Named(key_id[0], route, KEY.strip('"'), b"")) is None

        told = caller.post("/lists/L/people", {"uid": "E1"}, 409, Idempotency_Key=KEY)

    assert told["type"].endswith("#problem-in-flight")
    caller.post("/lists/L/people", {"uid": "E1"}, 201, Idempotency_Key=KEY)


def test_after_a_day_a_key_is_new_and_old_answers_go(caller: Caller, connection: Connection) -> None:
    caller.post("/lists", {"name": "One"}, 201, Idempotency_Key='"a"')
    caller.post("/lists", {"name": "Two"}, 201, Idempotency_Key='"b"')
    connection.execute("update api_replay set at = at - interval '25 hours'")

    caller.post("/lists", {"name": "Three"}, 201, Idempotency_Key='"a"')

    assert connection.execute("select idempotency_key from api_replay").fetchall() == [("a",)]


@pytest.mark.parametrize("key", ["", '""', "a b", '"a', "x" * 256, '"a";b=1', "é"])
def test_a_key_that_is_none_is_refused(caller: Caller, key: str) -> None:
    headers = {b"Authorization": f"Bearer {caller.key}".encode(), b"Idempotency-Key": key.encode("latin-1")}
    answer = caller.client.post(caller.at("/api/v1/lists/L/people"), json={"uid": "E1"}, headers=headers)

    assert answered(answer, 400)["errors"][0]["parameter"] == "Idempotency-Key"


def test_what_is_removed_can_be_asked_for_again(caller: Caller) -> None:
    made = caller.post("/lists/L/tokens", {}, 201)
    for _ in range(2):
        assert caller.ask("DELETE", f"/lists/L/tokens/{made['id']}", Idempotency_Key=KEY).status_code == 204
