"""Editing a copy: everything of everybody, marked, and version by version."""

import pytest

from models.errors import Refused, Taken, Unknown
from models.sessions import export, people, taking
from models.text import new_id
from tests.models.sessions.conftest import School


def test_every_field_is_editable_uid_status_and_synced_ones_too(school: School) -> None:
    school.connection.execute("update person set identity_id = %s where uid = 'ada'", (new_id(),))
    taken = school.take()

    touched = school.edit(taken, "ada", uid=" Ada2 ", active=False, locker="99", age="37")

    one = school.copied(taken)["Ada2"]
    assert touched == ["UID", "Locker", "Age", "Status"]
    assert (one.active, one.fields) == (False, {"locker": "99", "age": 37, "team": "Red"})
    assert one.was == {"uid": "ada", "active": True, "fields": {"locker": "12", "age": 36, "team": "Red"}}
    assert (one.mark, one.changed_by, one.version) == ("changed", "ruth", 2)
    assert school.session(taken.id).changed == 1
    assert list(school.copied(taken, search="ada2 99")) == ["Ada2"]


def test_the_mark_goes_with_the_change(school: School) -> None:
    taken = school.take()

    school.edit(taken, "ada", locker="99")
    school.edit(taken, "ada", team="Blue")
    assert list(school.copied(taken, "changed")) == ["ada"]
    school.edit(taken, "ada", locker="12", team="Red")

    one = school.copied(taken)["ada"]
    assert (one.changed, one.was) == (False, None)
    assert school.edit(taken, "ada", locker="12") == []


def test_the_second_of_two_edits_is_refused(school: School) -> None:
    taken = school.take()
    ada = school.copied(taken)["ada"]
    school.edit(taken, "ada", locker="1")

    with pytest.raises(Taken, match="changed in the meantime"):
        school.do(people.edit, taken.id, ada.id, ada.version, "bob", {"locker": "2"})


def test_values_fit_the_schema_that_was_taken_and_uids_are_unique(school: School) -> None:
    taken = school.take()

    with pytest.raises(Refused, match="Age: 'old' is not a number"):
        school.edit(taken, "ada", age="old")
    with pytest.raises(Refused, match="is not one of its options"):
        school.edit(taken, "ada", team="Green")
    with pytest.raises(Taken, match="UID 'BO' belongs to another person of this session"):
        school.edit(taken, "ada", uid="BO")
    with pytest.raises(Refused, match="needs a UID"):
        school.edit(taken, "ada", uid=" ")


def test_people_are_added_and_removed_in_the_copy(school: School) -> None:
    taken = school.take()
    dee = school.do(people.add, taken.id, "ruth", {"uid": "dee", "locker": "5"})
    with pytest.raises(Taken, match="UID 'DEE' belongs"):
        school.do(people.add, taken.id, "ruth", {"uid": "DEE"})
    bo = school.copied(taken)["bo"]
    school.do(people.remove, taken.id, bo.id, bo.version, "ruth")

    assert list(school.copied(taken)) == ["ada", "cy", "dee"]
    assert {uid: one.mark for uid, one in school.copied(taken, "changed").items()} == {"bo": "removed", "dee": "added"}
    counted = school.do(lambda cursor, _: people.counts(cursor, taken))
    assert counted == people.Counts(people=3, added=1, removed=1, changed=0)

    # Who was added and removed was never there.
    school.do(people.remove, taken.id, dee, 1, "ruth")
    with pytest.raises(Unknown):
        school.do(people.find, taken.id, dee)


def test_who_was_removed_is_restored_unless_their_uid_was_given_away(school: School) -> None:
    taken = school.take()
    bo = school.copied(taken)["bo"]
    school.do(people.remove, taken.id, bo.id, 1, "ruth")
    new = school.do(people.add, taken.id, "ruth", {"uid": "bo"})

    with pytest.raises(Taken, match="UID 'bo' belongs"):
        school.do(people.restore, taken.id, bo.id, "ruth")
    school.do(people.remove, taken.id, new, 1, "ruth")
    school.do(people.restore, taken.id, bo.id, "ruth")

    one = school.copied(taken)["bo"]
    assert (one.id, one.changed) == (bo.id, False)


def test_pages_go_forth_and_back(school: School) -> None:
    taken = school.take()
    with school.cursor() as cursor:
        first = people.page(cursor, taken, "all", "", None, None, 2)
        second = people.page(cursor, taken, "all", "", first.after, None, 2)
        back = people.page(cursor, taken, "all", "", None, second.before, 2)

    assert [one.uid for one in first.rows] == [one.uid for one in back.rows] == ["ada", "bo"]
    assert [one.uid for one in second.rows] == ["cy"]
    assert (first.before, second.after, back.before) == (None, None, None)


def test_a_session_that_is_being_deleted_is_not_exported_in_part(school: School) -> None:
    taken = school.take()
    school.do(taking.change_state, taken.id, taking.ARCHIVED, "ruth")
    school.do(export.find, taken.id)
    school.do(taking.delete, taken.id, "ruth")

    with pytest.raises(Taken, match="is being deleted"):
        school.do(export.find, taken.id)


def test_two_of_one_uid_are_both_shown_wherever_a_page_ends(school: School) -> None:
    taken = school.take()
    bo = school.copied(taken)["bo"]
    school.do(people.remove, taken.id, bo.id, 1, "ruth")
    school.do(people.add, taken.id, "ruth", {"uid": "bo"})
    with school.cursor() as cursor:
        first = people.page(cursor, taken, "changed", "", None, None, 1)
        second = people.page(cursor, taken, "changed", "", first.after, None, 1)
        back = people.page(cursor, taken, "changed", "", None, second.before, 1)

    assert {one.mark for one in (*first.rows, *second.rows)} == {"added", "removed"}
    assert [one.id for one in back.rows] == [one.id for one in first.rows]


def test_a_copy_is_exported_with_formulas_defused(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "STRETCH", 2)
    taken = school.take()
    school.edit(taken, "ada", locker="=1+1", age="-3")

    text, after, begun = export.head(taken), None, False
    while after is not None or not begun:
        with school.cursor() as cursor:
            more, after = export.stretch(cursor, taken, after)
        text, begun = text + more, True

    assert text.splitlines() == [
        "\ufeffUID,Status,Locker,Age,Team",
        "ada,Active,'=1+1,-3,Red",
        "bo,Active,7,,Blue",
        "cy,Inactive,9,,Red",
    ]
