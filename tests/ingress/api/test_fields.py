"""Fields of a list by way of the API."""

from typing import Any

import pytest

from models import database
from models.database import Connection
from tests.ingress.api.conftest import Caller

TEAM = {"label": "Team", "type": "dropdown", "options": ["Red", "Blue"]}


@pytest.fixture
def staff(caller: Caller) -> Caller:
    """A dropdown Team, and Ada (Red, locker 12) and Bo (Blue, locker A 7)."""
    caller.post("/lists/L/fields", TEAM, 201)
    caller.post("/lists/L/people", {"uid": "ada", "fields": {"locker": "12", "team": "Red"}}, 201)
    caller.post("/lists/L/people", {"uid": "bo", "fields": {"locker": "A 7", "team": "Blue"}}, 201)
    return caller


def own(caller: Caller) -> list[str]:
    """The keys of the fields that are no mapping's and not the UID's."""
    found = caller.get("/lists/L/fields")["items"]
    return [one["key"] for one in found if not one["uid"] and one["filled_by"] is None]


def jobs(connection: Connection) -> list[Any]:
    return [row[0] for row in connection.execute("select progress ->> 'act' from job where kind = 'fields'")]


def test_a_field_is_added_read_renamed_required_and_moved(staff: Caller) -> None:
    path = "/lists/L/fields/team"

    found = staff.get(path)
    changed = staff.patch(path, {"label": "House", "required": True, "position": 1})
    listed = staff.get("/lists/L/fields")

    assert (found["people"], found["filled_by"], found["sessions"]) == (2, None, [])
    assert found["options_used"] == [{"option": "Red", "people": 1}, {"option": "Blue", "people": 1}]
    assert (changed["key"], changed["label"], changed["required"]) == ("team", "House", True)
    assert [one["key"] for one in listed["items"]][:2] == ["uid", "team"]
    assert (listed["items"][0]["people"], listed["changing"]) == (2, None)


def test_the_key_is_named_in_the_audit_log_for_each_change(staff: Caller, connection: Connection) -> None:
    staff.patch("/lists/L/fields/team", {"label": "House", "position": 1})

    with database.transaction(connection) as cursor:
        cursor.execute("select action, detail from audit_entry where action like 'field.%' order by at")
        found = cursor.fetchall()
    assert found == [("field.add", "Team"), ("field.label", "Team to House"), ("field.move", "Team to 1")]


def test_a_change_at_an_old_version_changes_nothing(staff: Caller) -> None:
    tag = staff.ask("GET", "/lists/L/fields").headers["etag"]
    staff.patch("/lists/L/fields/locker", {"required": True}, If_Match=tag)

    told = staff.patch("/lists/L/fields/locker", {"label": "Cupboard"}, 412, If_Match=tag)

    assert told["type"].endswith("#problem-version")
    assert staff.get("/lists/L/fields/locker")["label"] == "Locker"
    assert staff.ask("DELETE", "/lists/L/fields/locker", If_Match=tag).status_code == 412


def test_what_is_wrong_with_a_field_is_said(staff: Caller) -> None:
    taken = staff.post("/lists/L/fields", TEAM, 409)
    uid = staff.patch("/lists/L/fields/uid", {"label": "Number"}, 422)
    nowhere = staff.patch("/lists/L/fields/team", {"position": 150}, 422)

    assert "called 'Team'" in taken["detail"]
    assert "The UID field stays as it is" in uid["detail"]
    assert "can have a position from 1 to" in nowhere["detail"]
    staff.get("/lists/L/fields/nothing", 404)


def test_a_type_is_tried_refused_and_changed_with_what_does_not_fit_cleared(
    staff: Caller, connection: Connection
) -> None:
    path = "/lists/L/fields/locker/type"

    tried = staff.post(f"{path}/check", {"type": "number"})
    refused = staff.put(path, {"type": "number"}, 422)
    changed = staff.put(path, {"type": "number", "clear": True})

    assert tried == {"people": 2, "misfits": 1, "examples": ["A 7"]}
    assert "1 of 2 values of Locker do not fit" in refused["detail"]
    assert changed["type"] == "number"
    assert jobs(connection) == ["fit"]
    assert staff.get("/lists/L/fields")["changing"] == {"label": "Locker", "total": 2, "done": 0, "changed": 0}
    assert "are still being changed" in staff.put(path, {"type": "text"}, 409)["detail"]


def test_all_that_does_not_fit_is_cleared_however_many_there_are(staff: Caller) -> None:
    for uid in ("X1", "X2", "X3"):
        staff.post("/lists/L/people", {"uid": uid, "fields": {"locker": "upstairs"}}, 201)

    changed = staff.put("/lists/L/fields/locker/type", {"type": "number", "clear": True})

    assert changed["type"] == "number"


def test_options_are_added_moved_renamed_and_removed(staff: Caller, connection: Connection) -> None:
    path = "/lists/L/fields/team/options"

    added = staff.post(path, {"options": ["Gold"]})
    moved = staff.patch(path, {"option": "Gold", "position": 1})
    kept = staff.post(f"{path}/remove", {"option": "Blue", "keep": True})
    renamed = staff.patch(path, {"option": "Red", "name": "Crimson", "position": 1})

    assert added["options"] == ["Red", "Blue", "Gold"]
    assert moved["options"] == ["Gold", "Red", "Blue"]
    assert kept["options_used"][-1] == {"option": "Blue", "people": 1}
    assert renamed["options"] == ["Crimson", "Gold"]
    assert jobs(connection) == ["rename"]


def test_a_dropdown_keeps_an_option_and_others_have_none(staff: Caller) -> None:
    staff.post("/lists/L/fields/team/options/remove", {"option": "Green", "keep": True}, 404)
    staff.post("/lists/L/fields/team/options/remove", {"option": "Red", "keep": True})

    last = staff.post("/lists/L/fields/team/options/remove", {"option": "Blue", "keep": False}, 422)
    text = staff.post("/lists/L/fields/locker/options", {"options": ["A"]}, 422)

    assert "is the last option of Team" in last["detail"]
    assert "is of type text" in text["detail"]


def test_a_field_goes_with_its_values_unless_a_mapping_fills_it(staff: Caller, connection: Connection) -> None:
    staff.post("/lists/L/sessions", {"name": "Spring"}, 201)

    assert staff.get("/lists/L/fields/team")["sessions"] == ["Spring"]
    told = staff.delete("/lists/L/fields/team", 200)

    assert told == {"key": "team", "people": 2, "sessions": ["Spring"]}
    assert own(staff) == ["locker"]
    assert jobs(connection) == ["purge"]


def test_a_field_that_a_mapping_fills_stays(caller: Caller) -> None:
    assert caller.get("/lists/L/fields/job_title")["filled_by"] == "Title"

    told = caller.delete("/lists/L/fields/job_title", 409)

    assert "is filled by the mapping of" in told["detail"]
