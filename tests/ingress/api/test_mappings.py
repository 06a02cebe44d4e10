"""Mappings by way of the API."""

from models import job
from models.database import Connection
from tests.ingress.api.conftest import Caller

TITLE = 12
CHOSEN = {"mappings": [{"number": 3, "on": False}]}


def number(caller: Caller, path: str) -> int:
    """Which of the 27 an attribute is."""
    return int(next(one["number"] for one in caller.get("/lists/L/mappings")["items"] if one["path"] == path))


def test_all_attributes_are_there_with_a_version(caller: Caller) -> None:
    answer = caller.ask("GET", "/lists/L/mappings")

    assert len(answer.json()["items"]) == 27
    assert answer.headers["etag"] == f'"{answer.json()["version"]}"'


def test_choices_are_checked_tried_and_saved_with_their_version(caller: Caller, connection: Connection) -> None:
    title = number(caller, "title")
    chosen = {"mappings": [{"number": title, "field": ":new", "label": "Role", "transform": "trim"}]}
    before = caller.ask("GET", "/lists/L/mappings")

    checked = caller.post("/lists/L/mappings/check", chosen)
    tried = caller.post("/lists/L/mappings/preview", chosen)
    saved = caller.patch("/lists/L/mappings", chosen, If_Match=before.headers["etag"])
    told = caller.patch("/lists/L/mappings", chosen, 412, If_Match=before.headers["etag"])

    assert checked == {"faults": [], "changes": ["Title to Role (trim)"]}
    assert (tried["changes"], tried["locked"], tried["freed"]) == (checked["changes"], ["Role"], ["Job Title"])
    assert saved["version"] == before.json()["version"] + 1
    assert told["type"].endswith("#problem-version")
    assert next(one for one in saved["items"] if one["number"] == title)["field"] == "role"
    assert connection.execute("select kind from job").fetchall() == [(job.REMAP,)]
    assert saved["remapping"]["state"] == "waiting"


def test_without_a_version_nothing_is_saved(caller: Caller) -> None:
    assert caller.patch("/lists/L/mappings", CHOSEN, 428)["type"].endswith("#problem-no-version")


def test_two_attributes_for_one_field_are_told_by_their_places(caller: Caller) -> None:
    title, name = number(caller, "title"), number(caller, "displayName")
    chosen = {"mappings": [{"number": title, "on": True, "field": "display_name"}, {"number": name, "on": True}]}

    [fault] = caller.post("/lists/L/mappings/check", chosen)["faults"]
    told = caller.patch("/lists/L/mappings", chosen, 422, If_Match="*")

    assert (fault["number"], fault["clash"]) == (title, True)
    assert told["errors"][0]["pointer"] == f"#/mappings/{title}"
    assert caller.post("/lists/L/mappings/preview", chosen, 422)["detail"] == told["detail"]


def test_a_number_is_chosen_for_once(caller: Caller) -> None:
    twice = {"mappings": [{"number": 0}, {"number": 0}]}

    assert "twice" in caller.post("/lists/L/mappings/check", twice, 422)["detail"]
    assert caller.post("/lists/L/mappings/check", {"mappings": [{"number": 27}]}, 422)
