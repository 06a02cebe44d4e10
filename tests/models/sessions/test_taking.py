"""A session is the list at one moment; neither side changes the other."""

import pytest

from models import connection as connections
from models import job, master_list
from models.errors import Refused, Taken, Unknown
from models.fields import removal, retype, schema
from models.sessions import people, taking
from tests.models.sessions.conftest import School
from workers import sessions


def test_a_session_holds_everybody_and_the_schema_of_that_moment(school: School) -> None:
    taken = school.take()

    assert (taken.taken, taken.taken_by, taken.state, taken.changed) == (3, "ruth", "open", 0)
    assert [field.label for field in taken.fields] == school.labels
    assert {uid: (one.active, one.fields) for uid, one in school.copied(taken).items()} == {
        "ada": (True, {"locker": "12", "age": 36, "team": "Red"}),
        "bo": (True, {"locker": "7", "team": "Blue"}),
        "cy": (False, {"locker": "9", "team": "Red"}),
    }


@pytest.mark.parametrize(
    ("wanted", "uids"),
    [
        ({"status": "active"}, ["ada", "bo"]),
        ({"status": "inactive"}, ["cy"]),
        ({"search": "red"}, ["ada", "cy"]),
        ({"search": "AD"}, ["ada"]),
        ({"field": "team", "value": "Red", "status": "active"}, ["ada"]),
        ({"field": "age", "value": "36"}, ["ada"]),
        ({"field": "age", "value": ""}, ["bo", "cy"]),
        ({"field": "team", "value": "red"}, ["ada", "cy"]),
    ],
)
def test_a_session_may_be_of_some(school: School, wanted: dict[str, str], uids: list[str]) -> None:
    assert list(school.copied(school.take(**wanted))) == uids


def test_names_are_unique_and_what_is_wrong_is_said(school: School) -> None:
    school.take("Spring")

    with pytest.raises(Taken, match="has a session called 'SPRING'"):
        school.take("SPRING")
    with pytest.raises(Refused, match="1 to 100 characters"):
        school.take(" ")
    with pytest.raises(Refused, match="status 'gone'"):
        school.take("Summer", status="gone")
    with pytest.raises(Unknown, match="no field with the key 'shoe'"):
        school.take("Summer", field="shoe")
    for wrong in ("a\x00", "x" * 10_001):
        with pytest.raises(Refused, match="to choose people by"):
            school.take("Summer", search=wrong)
        with pytest.raises(Refused, match="to choose people by"):
            school.take("Summer", field="locker", value=wrong)
    with pytest.raises(Refused, match="say which field is to have the value '12'"):
        school.take("Summer", value="12")
    with pytest.raises(Unknown, match="no session 'Winter'"):
        school.session("Winter")


def test_whatever_happens_to_the_list_the_copy_stays(school: School) -> None:
    school.do(connections.connect, "userName", "test")
    taken = school.take()
    before = school.copied(taken)

    school.do(removal.remove, "locker")
    school.work()
    school.do(retype.save, "age", "text")
    school.work()
    school.do(schema.relabel, "team", "Side")
    school.do(connections.disconnect)
    while school.do(connections.forget):
        pass
    school.connection.execute("update person set active = false, uid = uid || 'x', uid_key = uid_key || 'x'")

    assert school.copied(taken) == before
    assert school.session("spring") == taken
    assert school.do(taking.using, "locker") == ["Spring"]


def test_whatever_happens_to_the_copy_the_list_stays(school: School) -> None:
    taken = school.take()
    before = school.connection.execute("select * from person order by uid").fetchall()

    school.edit(taken, "ada", uid="ada2", active=False, locker="1", age="", team="Blue")
    bo = school.copied(taken)["bo"]
    school.do(people.remove, taken.id, bo.id, bo.version, "ruth")
    school.do(people.add, taken.id, "ruth", {"uid": "new"})

    assert school.connection.execute("select * from person order by uid").fetchall() == before


def test_nothing_is_taken_while_values_are_being_changed(school: School) -> None:
    school.do(retype.save, "age", "text")

    with pytest.raises(Taken, match="still being changed"):
        school.take()


def test_what_is_left_of_a_removed_field_is_not_taken(school: School) -> None:
    school.connection.execute("update master_list set retired_fields = '{locker}'")

    assert "locker" not in school.copied(school.take())["ada"].fields


def test_a_session_is_closed_opened_archived_and_deleted(school: School) -> None:
    taken = school.take()
    school.do(taking.change_state, taken.id, "closed", "ruth")

    with pytest.raises(Taken, match="session 'Spring' is closed: open it again to change it"):
        school.edit(taken, "ada", locker="1")
    with pytest.raises(Taken, match="it cannot become deleting"):
        school.do(taking.delete, taken.id, "ruth")
    school.do(taking.change_state, taken.id, "open", "ruth")
    school.edit(taken, "ada", locker="1")
    school.do(taking.change_state, taken.id, "archived", "ruth")
    assert (school.do(taking.listing), [one.name for one in school.do(taking.listing, True)]) == ([], ["Spring"])
    assert school.session(taken.id).state_by == "ruth"

    job_id = school.do(taking.delete, taken.id, "ruth")
    with pytest.raises(Taken, match="it cannot become open"):
        school.do(taking.change_state, taken.id, "open", "ruth")
    assert sessions.purge(school.connection, school.id, job_id, 60) is False

    assert school.do(taking.listing, True) == []
    assert school.connection.execute("select count(*) from list_session_person").fetchone() == (0,)
    found = school.do(job.find, job.SESSION, job_id)
    assert found is not None
    assert found.state == "done"


def test_a_killed_deletion_is_gone_on_with(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "SLICE", 1)
    kept, gone = school.take("Kept"), school.take("Gone")
    school.do(taking.change_state, gone.id, "archived", "ruth")
    job_id = school.do(taking.delete, gone.id, "ruth")
    with school.cursor() as cursor:
        assert job.claim(cursor, school.id, job_id)
        assert taking.purge(cursor, school.id, gone.id)

    assert sessions.purge(school.connection, school.id, job_id, 60) is False  # somebody has it
    assert school.do(taking.listing, True)
    school.connection.execute("update job set heartbeat_at = heartbeat_at - interval '1 minute'")
    sessions.purge(school.connection, school.id, job_id, 60)

    assert [one.id for one in school.do(taking.listing, True)] == [kept.id]
    assert len(school.copied(kept)) == 3


def test_a_session_is_its_lists_alone(school: School) -> None:
    taken = school.take()
    other = School(school.connection, school.do(lambda cursor, _: master_list.create(cursor, _owner(cursor), "Other")))

    with pytest.raises(Unknown):
        other.session(taken.id)
    assert other.do(taking.listing, True) == []


def _owner(cursor: object) -> str:
    row = cursor.execute("select id::text from organisation").fetchone()  # type: ignore[attr-defined]
    return str(row[0])
