"""People by way of the API."""

import threading
import time
from typing import Any

import pytest

from models import database, person
from models.database import Connection
from tests.ingress.api.conftest import Caller
from tests.ingress.console.test_people import add


def test_people_are_added_read_and_found(caller: Caller) -> None:
    made = caller.post("/lists/L/people", {"uid": "EMP1", "fields": {"locker": "A 7"}}, 201)

    assert made["fields"] == {"locker": "A 7"}
    assert caller.get(f"/lists/L/people/{made['id']}") == made
    assert [one["uid"] for one in caller.get("/lists/L/people?q=a%207")["items"]] == ["EMP1"]
    assert caller.get("/lists/L/people?q=zoe")["items"] == []


def test_a_uid_is_taken_once(caller: Caller) -> None:
    caller.post("/lists/L/people", {"uid": "EMP1"}, 201)

    told = caller.post("/lists/L/people", {"uid": "emp1"}, 409)

    assert told["type"] == "/api/v1/docs#problem-conflict"
    assert told["detail"] == "UID 'emp1' belongs to another person of this list, active or inactive"


def test_pages_neither_hide_nor_repeat_anybody_while_people_come_and_go(caller: Caller) -> None:
    for uid in "bdfh":
        caller.post("/lists/L/people", {"uid": uid}, 201)
    first = caller.ask("GET", "/lists/L/people?limit=2")
    caller.post("/lists/L/people", {"uid": "a"}, 201)
    caller.post("/lists/L/people", {"uid": "g"}, 201)

    link = first.links["next"]["url"]
    second = caller.get("/lists/L/people" + link)
    third = caller.get(f"/lists/L/people?limit=2&cursor={second['next_cursor']}")

    pages = [[one["uid"] for one in page["items"]] for page in (first.json(), second, third)]
    assert pages == [["b", "d"], ["f", "g"], ["h"]]
    assert third["next_cursor"] is None


def test_an_edit_with_an_old_version_changes_nothing(caller: Caller) -> None:
    made = caller.ask("POST", "/lists/L/people", {"uid": "EMP1"})
    path = f"/lists/L/people/{made.json()['id']}"
    tag = made.headers["etag"]

    assert caller.patch(path, {"fields": {"locker": "A"}}, If_Match=tag)["version"] == 2
    told = caller.patch(path, {"fields": {"locker": "B"}}, 412, If_Match=tag)

    assert told["type"].endswith("#problem-version")
    assert caller.get(path)["fields"] == {"locker": "A"}
    assert caller.patch(path, {"fields": {"locker": None}}, If_Match="*")["fields"] == {}


def test_locked_fields_and_fields_that_there_are_not_are_refused_by_name(
    caller: Caller, connection: Connection
) -> None:
    person_id = add(connection, caller.tenant.list_id, "E1", synced=True)

    locked = caller.patch(f"/lists/L/people/{person_id}", {"fields": {"job_title": "Head"}}, 422)
    unknown = caller.patch(f"/lists/L/people/{person_id}", {"fields": {"a/b": "Head"}}, 422)

    assert "Job Title is written by the identity provider" in locked["detail"]
    assert "job_title" in caller.get(f"/lists/L/people/{person_id}")["locked"]
    assert unknown["errors"][0]["pointer"] == "#/fields/a~1b"


def test_somebody_is_made_inactive_and_active_again_and_the_key_is_named(
    caller: Caller, connection: Connection
) -> None:
    made = caller.post("/lists/L/people", {"uid": "EMP1"}, 201)
    path = f"/lists/L/people/{made['id']}"

    assert caller.patch(path, {"active": False})["active"] is False
    assert [one["uid"] for one in caller.get("/lists/L/people?status=inactive")["items"]] == ["EMP1"]
    assert caller.patch(path, {"active": True})["active"] is True

    with database.transaction(connection) as cursor:
        cursor.execute("select operator, action from audit_entry order by at")
        found = cursor.fetchall()
    assert {row[0] for row in found} == {f"API key {caller.key[:12]}"}
    assert [row[1] for row in found] == ["person.add", "person.deactivate", "person.reactivate"]


def test_what_is_no_value_is_refused_with_its_place(caller: Caller) -> None:
    wrong = caller.post("/lists/L/people", {"uid": "E", "fields": {"locker": ["A"]}}, 422)
    member = caller.post("/lists/L/people", {"uid": "E", "field": {}}, 422)
    unstorable = caller.post("/lists/L/people", {"uid": "E\x00"}, 422)

    assert wrong["errors"][0]["pointer"] == "#/fields"
    assert "field" in member["errors"][0]["detail"]
    assert unstorable["errors"][0]["pointer"] == "#/uid"


def test_of_an_edit_that_is_refused_in_part_nothing_is_done(caller: Caller, connection: Connection) -> None:
    person_id = add(connection, caller.tenant.list_id, "E1")
    connection.execute("update person set held_seq = 1, held_at = now() where id = %s", (person_id,))
    path = f"/lists/L/people/{person_id}"

    caller.patch(path, {"fields": {"locker": "A"}, "active": False}, 409)

    assert (caller.get(path)["fields"], caller.get(path)["version"]) == ({}, 1)


@pytest.mark.parametrize("change", [{"active": False}, {"fields": {"locker": "C"}}, {"fields": {"locker": "A"}}])
def test_a_change_with_a_version_waits_for_one_that_is_being_made_and_is_refused_after_it(
    caller: Caller, connection: Connection, database_url: str, change: dict[str, Any]
) -> None:
    made = caller.ask("POST", "/lists/L/people", {"uid": "EMP1", "fields": {"locker": "A"}})
    person_id, list_id, tag = made.json()["id"], caller.tenant.list_id, made.headers["etag"]
    path, answers = f"/lists/L/people/{person_id}", list[Any]()
    late = threading.Thread(target=lambda: answers.append(caller.ask("PATCH", path, change, If_Match=tag)))
    with database.connect(database_url) as other, database.transaction(other, [list_id]) as cursor:
        person.edit(cursor, list_id, person_id, 1, {"locker": "B"})
        late.start()
        wait_for_a_lock(connection)
    late.join()

    assert [one.status_code for one in answers] == [412], answers[0].text
    assert caller.get(path)["fields"] == {"locker": "B"}
    assert caller.get(path)["active"] is True


def test_what_was_sent_without_a_version_is_so_after_it_whatever_was_there(
    caller: Caller, connection: Connection, database_url: str
) -> None:
    made = caller.post("/lists/L/people", {"uid": "EMP1", "fields": {"locker": "A"}}, 201)
    path, list_id = f"/lists/L/people/{made['id']}", caller.tenant.list_id
    late = threading.Thread(target=lambda: caller.patch(path, {"fields": {"locker": "A"}, "active": True}))
    with database.connect(database_url) as other, database.transaction(other, [list_id]) as cursor:
        person.edit(cursor, list_id, made["id"], 1, {"locker": "B"})
        person.deactivate(cursor, list_id, made["id"])
        late.start()
        wait_for_a_lock(connection)
    late.join()

    now = caller.get(path)
    assert (now["fields"], now["active"]) == ({"locker": "A"}, True)


def wait_for_a_lock(connection: Connection) -> None:
    """Until a request waits for somebody else's transaction; at once where it is answered without."""
    query = "select 1 from pg_stat_activity where application_name = 'muster-api' and wait_event_type = 'Lock'"
    for _ in range(200):
        if connection.execute(query).fetchone():
            return
        time.sleep(0.01)
