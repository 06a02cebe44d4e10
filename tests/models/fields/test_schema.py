"""Changes of a list's schema that touch no value."""

import threading

import pytest

from models import connection as connections
from models import database, mapping_edit, master_list
from models.errors import Refused, Taken, Unknown
from models.fields import schema, values
from models.fields.schema import ChangedElsewhere
from tests.models.fields.conftest import Staff


def test_a_field_is_added_at_the_end_with_a_key_of_its_own(staff: Staff) -> None:
    added = staff.do(schema.add, master_list.new_field("Room", "text", required=True))

    assert (added.key, added.required) == ("room", True)
    assert staff.labels == ["UID", "Locker", "Age", "Team", "Room"]


def test_labels_are_unique_in_any_case(staff: Staff) -> None:
    with pytest.raises(Taken, match="has a field called 'LOCKER'"):
        staff.do(schema.add, master_list.new_field("LOCKER", "text"))
    with pytest.raises(Taken, match="has a field called 'age'"):
        staff.do(schema.relabel, "locker", "age")
    with pytest.raises(Refused, match="1 to 60 characters"):
        staff.do(schema.relabel, "locker", " ")


def test_another_label_keeps_the_key_and_may_differ_in_case_alone(staff: Staff) -> None:
    staff.add("ada", locker="12")

    staff.do(schema.relabel, "locker", "LOCKER")
    staff.do(schema.relabel, "locker", "Cupboard")

    assert staff.field("locker").label == "Cupboard"
    assert staff.values("locker") == {"ada": "12"}


def test_a_mapping_goes_on_filling_a_field_that_is_called_otherwise(staff: Staff) -> None:
    staff.do(connections.connect, "userName", "test")

    staff.do(schema.relabel, "job_title", "Role")
    with staff.cursor() as cursor:
        roster = connections.rosters(cursor, [staff.id], {})[staff.id]
        enabled = mapping_edit.enabled(cursor, staff.id)

    assert roster.projection.project({"title": "Nurse"}).values["job_title"] == "Nurse"
    assert roster.labels["job_title"] == "Role"
    assert "title" in enabled


def test_a_compiled_roster_is_read_anew_after_any_change(staff: Staff) -> None:
    staff.do(connections.connect, "userName", "test")
    known: dict[str, connections.Roster] = {}
    with staff.cursor() as cursor:
        before = connections.rosters(cursor, [staff.id], known)[staff.id]
        again = connections.rosters(cursor, [staff.id], known)[staff.id]

    staff.do(schema.relabel, "job_title", "Role")
    with staff.cursor() as cursor:
        after = connections.rosters(cursor, [staff.id], known)[staff.id]

    assert before is again
    assert (before.labels["job_title"], after.labels["job_title"]) == ("Job Title", "Role")


def test_fields_are_reordered_behind_the_uid(staff: Staff) -> None:
    staff.do(schema.move, "team", 1)

    assert staff.labels == ["UID", "Team", "Locker", "Age"]
    for position in (0, 4):
        with pytest.raises(Refused, match="a position from 1 to 3"):
            staff.do(schema.move, "team", position)


def test_required_is_switched_and_says_nothing_of_who_is_there(staff: Staff) -> None:
    staff.add("ada", locker="12")
    staff.add("bo")

    staff.do(schema.require, "locker", True)

    found = staff.schema
    counted = staff.do(values.counts, found.fields, found.version)
    assert staff.field("locker").required
    assert (counted.people, counted.filled) == (2, {"locker": 1, "age": 0, "team": 0})


def test_the_uid_field_is_never_changed(staff: Staff) -> None:
    for act in (schema.relabel, schema.require, schema.move):
        with pytest.raises(Refused, match="the UID field stays"):
            staff.do(act, "uid", 1)
    with pytest.raises(Unknown, match="no field with the key 'nothing'"):
        staff.do(schema.require, "nothing", True)


def test_the_second_of_two_operators_is_told(staff: Staff) -> None:
    seen = staff.schema.version
    staff.do(schema.relabel, "locker", "Cupboard", expected=seen)

    with pytest.raises(ChangedElsewhere, match="somebody else changed") as refusal:
        staff.do(schema.relabel, "locker", "Shelf", expected=seen)

    assert refusal.value.status == 409
    assert staff.field("locker").label == "Cupboard"


def test_two_at_once_do_not_overwrite_each_other(staff: Staff, database_url: str) -> None:
    """The second waits for the first one's COMMIT, and reads what that left."""
    done = threading.Event()

    def add() -> None:
        with database.connect(database_url) as own, database.transaction(own, [staff.id]) as cursor:
            schema.add(cursor, staff.id, master_list.new_field("Room", "text"))
        done.set()

    with staff.cursor() as cursor:
        schema.relabel(cursor, staff.id, "locker", "Cupboard")
        thread = threading.Thread(target=add)
        thread.start()
        assert not done.wait(0.1)
    thread.join()

    assert staff.labels == ["UID", "Cupboard", "Age", "Team", "Room"]


def test_what_a_mapping_adds_is_a_change_as_well(staff: Staff) -> None:
    before = staff.schema.version

    staff.do(master_list.ensure_fields, [("Locker", "text")])
    same = staff.schema.version
    staff.do(master_list.ensure_fields, [("Room", "text")])

    assert (same, staff.schema.version) == (before, before + 1)
