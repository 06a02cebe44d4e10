"""A field that goes: what is lost, what is in the way, and that nothing of it comes back."""

import pytest

from models import connection as connections
from models import job, master_list, person, person_page
from models.errors import Refused, Taken
from models.fields import removal, schema
from models.fields.removal import Use
from models.fields.rewriting import NOTHING
from tests.models.fields.conftest import Staff


def test_a_field_goes_with_everybodys_values(staff: Staff) -> None:
    staff.add("ada", locker="12", age=36)
    staff.add("bo")

    found, _ = staff.do(removal.remove, "locker")
    shown = list(person.people(staff.connection, staff.id, "all"))
    staff.work()

    assert found == Use(people=1, attribute=None)
    assert staff.labels == ["UID", "Age", "Team"]
    assert [one["fields"] for one in shown] == [{"Age": 36}, {}]
    assert staff.values("locker") == {"ada": None, "bo": None}
    assert not staff.do(person_page.page, "all", "12", None, None).rows


def test_a_key_is_never_another_fields(staff: Staff) -> None:
    staff.do(removal.remove, "locker")

    again = staff.do(schema.add, master_list.new_field("Locker", "text"))
    staff.do(removal.remove, again.key)
    keys = staff.do(master_list.ensure_fields, [("Locker", "text")])

    assert (again.key, keys) == ("locker_2", {"Locker": "locker_3"})


def test_a_mapped_field_stays_until_its_mapping_is_off(staff: Staff) -> None:
    staff.do(connections.connect, "userName", "test")

    with pytest.raises(Taken, match="Job Title is filled by the mapping of Title: switch that off first"):
        staff.do(removal.remove, "job_title")
    staff.connection.execute("update field_mapping set enabled = false where field = 'job_title'")
    staff.do(removal.remove, "job_title")

    assert "Job Title" not in staff.labels
    left = staff.connection.execute("select 1 from field_mapping where field = 'job_title'").fetchone()
    assert left is None


def test_what_an_earlier_connection_mapped_is_in_nobodys_way(staff: Staff) -> None:
    staff.do(connections.connect, "userName", "test")
    staff.do(connections.disconnect)
    with pytest.raises(Taken, match="switch that off first"):
        staff.do(removal.remove, "job_title")  # what was accepted before is still being applied
    while staff.do(connections.forget):
        pass

    staff.do(removal.remove, "job_title")
    staff.do(connections.connect, "userName", "test")

    assert "Job Title" not in staff.labels
    with staff.cursor() as cursor:
        roster = connections.rosters(cursor, [staff.id], {})[staff.id]
    assert "job_title" not in roster.projection.project({"title": "Nurse"}).values


def test_the_uid_never_goes(staff: Staff) -> None:
    with pytest.raises(Refused, match="UID field stays"):
        staff.do(removal.remove, "uid")


def test_a_field_that_nobody_filled_needs_no_job(staff: Staff) -> None:
    assert staff.do(removal.remove, "locker") == (Use(0, None), NOTHING)
    assert staff.do(job.latest, job.FIELDS) is None
