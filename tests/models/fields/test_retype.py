"""Another type: tried first, and everybody's values after it."""

from typing import Any

import pytest

from models.errors import Refused, Taken
from models.fields import retype
from models.fields.retype import DoNotFit
from tests.models.fields.conftest import Staff


def test_values_that_all_fit_become_the_new_types(staff: Staff) -> None:
    for uid, locker in (("ada", "12"), ("bo", " 7.5 "), ("cy", "-3")):
        staff.add(uid, locker=locker)

    trial, following = staff.do(retype.save, "locker", "number")
    staff.work()

    assert (trial.people, trial.misfits, following.values is not None) == (3, 0, True)
    assert staff.field("locker").type == "number"
    assert staff.values("locker") == {"ada": 12, "bo": 7.5, "cy": -3}


def test_what_does_not_fit_is_told_and_refused(staff: Staff) -> None:
    for uid, locker in (("ada", "12"), ("bo", "left"), ("cy", "left"), ("di", "top")):
        staff.add(uid, locker=locker)
    staff.add("ed")

    trial = staff.do(retype.check, "locker", "number")
    with pytest.raises(DoNotFit, match=r"3 of 4 values of Locker do not fit the type number \('left', 'top'\)"):
        staff.do(retype.save, "locker", "number")

    assert (trial.people, trial.misfits, trial.examples) == (4, 3, ["left", "top"])
    assert staff.field("locker").type == "text"


def test_what_does_not_fit_is_cleared_where_the_operator_says_so(staff: Staff) -> None:
    for uid, locker in (("ada", "12"), ("bo", "left")):
        staff.add(uid, locker=locker)

    staff.do(retype.save, "locker", "number", may_clear=1)
    staff.work()

    assert staff.values("locker") == {"ada": 12, "bo": None}


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("date", "2026-03-01T08:00:00Z", "2026-03-01"),
        ("email", "ada@north.example", "ada@north.example"),
        ("dropdown", "BLUE", "Blue"),
    ],
)
def test_a_value_is_kept_as_its_new_type_writes_it(staff: Staff, kind: str, value: str, kept: Any) -> None:
    staff.add("ada", locker=value)

    staff.do(retype.save, "locker", kind, ["Blue"] if kind == "dropdown" else [])
    staff.work()

    assert staff.values("locker") == {"ada": kept}


def test_no_more_is_cleared_than_the_operator_has_seen(staff: Staff) -> None:
    staff.add("ada", locker="left")
    seen = staff.do(retype.check, "locker", "number").misfits
    staff.add("bo", locker="right")

    with pytest.raises(DoNotFit, match="2 of 2 values"):
        staff.do(retype.save, "locker", "number", may_clear=seen)

    assert staff.values("locker") == {"ada": "left", "bo": "right"}


def test_numbers_become_text(staff: Staff) -> None:
    staff.add("ada", age=36)

    staff.do(retype.save, "age", "text")
    staff.work()

    assert staff.values("age") == {"ada": "36"}


def test_the_same_type_and_a_dropdown_without_options_are_refused(staff: Staff) -> None:
    with pytest.raises(Refused, match="of type text already"):
        staff.do(retype.save, "locker", "text")
    with pytest.raises(Refused, match="needs options"):
        staff.do(retype.save, "locker", "dropdown")
    with pytest.raises(Refused, match="UID field stays"):
        staff.do(retype.save, "uid", "number")


def test_two_changes_of_values_follow_each_other(staff: Staff) -> None:
    staff.add("ada", locker="1", age=3)
    staff.do(retype.save, "locker", "number")

    with pytest.raises(Taken, match="still being changed"):
        staff.do(retype.save, "age", "text")
