"""Sessions by way of the API."""

from typing import Any

import pytest

from models.database import Connection
from models.sessions import export
from tests.ingress.api.conftest import Caller

PEOPLE = {"ada": "12", "bo": "=7", "cy": "9"}


@pytest.fixture
def staff(caller: Caller) -> Caller:
    """Ada, Bo and Cy, each with a locker."""
    for uid, locker in PEOPLE.items():
        caller.post("/lists/L/people", {"uid": uid, "fields": {"locker": locker}}, 201)
    return caller


@pytest.fixture
def path(staff: Caller) -> str:
    """A session of all of them."""
    return f"/lists/L/sessions/{staff.post('/lists/L/sessions', {'name': 'Spring'}, 201)['id']}"


def person(caller: Caller, path: str, uid: str) -> str:
    """Where somebody of a session is."""
    [one] = caller.get(f"{path}/people?q={uid}")["items"]
    return f"{path}/people/{one['id']}"


def uids(answer: Any) -> list[str]:
    return [one["uid"] for one in answer["items"]]


def test_a_session_is_taken_with_a_filter_listed_and_read(staff: Caller, path: str) -> None:
    wanted = {"field": "locker", "value": "12"}
    some = staff.post("/lists/L/sessions", {"name": "Lockers", "filter": wanted}, 201)
    found = staff.get(path)

    assert (some["taken"], some["filter"]) == (1, {"status": "all", "search": "", **wanted})
    assert (found["taken"], found["state"], found["taken_by"]) == (3, "open", f"API key {staff.key[:12]}")
    assert found["people"] == {"people": 3, "added": 0, "removed": 0, "changed": 0}
    assert "locker" in [field["key"] for field in found["fields"]]
    assert [one["name"] for one in staff.get("/lists/L/sessions")["items"]] == ["Lockers", "Spring"]


def test_what_is_wrong_with_a_session_is_said(staff: Caller, path: str) -> None:
    taken = staff.post("/lists/L/sessions", {"name": "spring"}, 409)
    unknown = staff.post("/lists/L/sessions", {"name": "A", "filter": {"field": "nothing"}}, 422)

    assert "has a session called 'spring'" in taken["detail"]
    assert unknown["errors"][0]["pointer"] == "#/filter/field"
    staff.get("/lists/L/sessions/Spring", 404)


def test_a_session_is_closed_archived_reopened_and_deleted(staff: Caller, path: str, connection: Connection) -> None:
    assert staff.patch(path, {"state": "closed"})["state_by"] == f"API key {staff.key[:12]}"
    assert "is closed: open it again" in staff.post(f"{path}/people", {"uid": "dee"}, 409)["detail"]
    staff.patch(path, {"state": "closed"}, 409)
    staff.delete(path, 409)
    assert staff.patch(path, {"state": "archived"})["state"] == "archived"
    assert staff.get("/lists/L/sessions")["items"] == []
    assert [one["name"] for one in staff.get("/lists/L/sessions?archived=true")["items"]] == ["Spring"]
    assert staff.patch(path, {"state": "open"})["state"] == "open"
    staff.patch(path, {"state": "archived"})

    staff.delete(path)

    assert staff.get(path)["state"] == "deleting"
    assert [row[0] for row in connection.execute("select kind from job")] == ["session"]
    acts = connection.execute("select action from audit_entry where action like 'session.%' order by at").fetchall()
    assert [row[0] for row in acts] == [
        "session.take", "session.close", "session.archive", "session.reopen", "session.archive", "session.delete",
    ]  # fmt: skip


def test_people_of_a_session_come_in_pages(staff: Caller, path: str) -> None:
    first = staff.get(f"{path}/people?limit=2")
    second = staff.get(f"{path}/people?limit=2&cursor={first['next_cursor']}")

    assert (uids(first), uids(second), second["next_cursor"]) == (["ada", "bo"], ["cy"], None)
    staff.get(f"/lists/L/people?cursor={first['next_cursor']}", 400)


def test_somebody_is_edited_in_the_copy_alone(staff: Caller, path: str) -> None:
    ada = person(staff, path, "ada")
    tag = staff.ask("GET", ada).headers["etag"]

    changed = staff.patch(ada, {"uid": "ada2", "fields": {"locker": "99"}, "active": False}, If_Match=tag)
    staff.patch(ada, {"fields": {"locker": "1"}}, 412, If_Match=tag)

    assert (changed["uid"], changed["active"], changed["fields"], changed["mark"]) == (
        "ada2", False, {"locker": "99"}, "changed",
    )  # fmt: skip
    assert changed["original"] == {"uid": "ada", "active": True, "fields": {"locker": "12"}}
    assert uids(staff.get(f"{path}/people?shown=changed")) == ["ada2"]
    assert uids(staff.get("/lists/L/people")) == ["ada", "bo", "cy"]


def test_what_does_not_fit_a_session_is_refused_with_its_place(staff: Caller, path: str) -> None:
    ada = person(staff, path, "ada")

    unknown = staff.patch(ada, {"fields": {"a/b": "1"}}, 422)
    taken = staff.patch(ada, {"uid": "BO"}, 409)
    again = staff.post(f"{path}/people", {"uid": "Cy"}, 409)

    assert unknown["errors"][0]["pointer"] == "#/fields/a~1b"
    assert "belongs to another person of this session" in taken["detail"]
    assert "Cy" in again["detail"]
    staff.get(f"{path}/people/nobody", 404)


def test_somebody_is_added_removed_and_restored(staff: Caller, path: str) -> None:
    made = staff.post(f"{path}/people", {"uid": "dee", "fields": {"locker": "5"}}, 201)
    bo = person(staff, path, "bo")

    staff.delete(bo)
    counted = staff.get(path)["people"]
    removed = staff.get(bo)
    again = staff.ask("DELETE", bo)
    restored = staff.post(f"{bo}/restore")
    staff.delete(f"{path}/people/{made['id']}")

    assert (made["mark"], made["original"], made["fields"]) == ("added", None, {"locker": "5"})
    assert counted == {"people": 3, "added": 1, "removed": 1, "changed": 0}
    assert (removed["mark"], restored["mark"], again.status_code) == ("removed", None, 409)
    staff.get(f"{path}/people/{made['id']}", 404)
    staff.post(f"{bo}/restore", None, 409)


def test_a_session_is_compared_with_its_list(staff: Caller, path: str) -> None:
    for uid in ("ada", "bo"):
        staff.patch(person(staff, path, uid), {"fields": {"locker": "99"}})
    staff.post(f"{path}/people", {"uid": "dee"}, 201)
    staff.post("/lists/L/people", {"uid": "eve"}, 201)
    staff.post("/lists/L/fields", {"label": "House"}, 201)

    counted = staff.get(f"{path}/comparison")
    first = staff.get(f"{path}/comparison/people?limit=1")
    second = staff.get(f"{path}/comparison/people?limit=1&cursor={first['next_cursor']}")
    [copy], [only] = (staff.get(f"{path}/comparison/people?kind={kind}")["items"] for kind in ("copy", "list"))

    assert counted == {
        "only_in_session": 1, "only_in_list": 1, "different": 2, "fields_of_session": [], "fields_of_list": ["House"],
    }  # fmt: skip
    assert (uids(first), uids(second), second["next_cursor"]) == (["ada"], ["bo"], None)
    assert first["items"][0]["differences"] == [
        {"field": "Locker", "session": "99", "original": "12", "list": "12"}
    ]  # fmt: skip
    assert (copy["uid"], copy["mark"], only["uid"], only["mark"]) == ("dee", "added", "eve", None)


def test_a_session_is_exported_as_one_file(
    staff: Caller, path: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "STRETCH", 2)

    answer = staff.ask("GET", f"{path}/export")

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="session-{path.rpartition("/")[2]}.csv"'
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in lines] == ["UID", "ada", "bo", "cy"]
    assert "'=7" in lines[2]
    assert connection.execute("select detail from audit_entry where action = 'session.export'").fetchall() == [
        ("Spring",)
    ]
