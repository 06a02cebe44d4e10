"""The options of a dropdown, and the people who have one."""

import pytest

from models.errors import Refused, Taken, Unknown
from models.fields import options, schema
from models.fields.rewriting import NOTHING
from tests.models.fields.conftest import Staff


@pytest.fixture(autouse=True)
def _people(staff: Staff) -> None:
    for uid, team in (("ada", "Red"), ("bo", "Blue"), ("cy", "Red")):
        staff.add(uid, team=team)
    staff.add("di")


def test_options_are_added_and_reordered(staff: Staff) -> None:
    staff.do(options.add, "team", ["Green", " Gold "])
    staff.do(options.move, "team", "Gold", 0)

    assert staff.field("team").options == ("Gold", "Red", "Blue", "Green")
    with pytest.raises(Taken, match="has an option 'gold'"):
        staff.do(options.add, "team", ["gold"])
    with pytest.raises(Refused, match="position from 1 to 4"):
        staff.do(options.move, "team", "Gold", 4)


def test_people_follow_an_option_that_is_renamed(staff: Staff) -> None:
    assert staff.do(options.rename, "team", "Red", "Crimson").values is not None
    staff.work()

    assert staff.field("team").options == ("Crimson", "Blue")
    assert staff.values("team") == {"ada": "Crimson", "bo": "Blue", "cy": "Crimson", "di": None}
    words = staff.connection.execute("select search from person where uid = 'ada'").fetchone()
    assert words == ("ada crimson",)


def test_another_spelling_is_a_rename(staff: Staff) -> None:
    staff.do(options.rename, "team", "Red", "RED")
    staff.work()

    assert staff.values("team")["ada"] == "RED"
    with pytest.raises(Taken):
        staff.do(options.rename, "team", "RED", "blue")


@pytest.mark.parametrize(("keep", "left"), [(True, "Red"), (False, None)])
def test_who_has_an_option_that_goes_keeps_or_loses_it(staff: Staff, keep: bool, left: str | None) -> None:
    people, following = staff.do(options.remove, "team", "Red", keep)
    if not keep:
        staff.work()

    assert (people, following.values is None) == (2, keep)
    assert staff.field("team").options == ("Blue",)
    assert staff.values("team") == {"ada": left, "bo": "Blue", "cy": left, "di": None}
    with pytest.raises(Refused, match="the last option"):
        staff.do(options.remove, "team", "Blue", keep)


def test_an_option_that_nobody_has_needs_no_job(staff: Staff) -> None:
    staff.do(options.add, "team", ["Green"])

    assert staff.do(options.rename, "team", "Green", "Lime") == NOTHING
    assert staff.do(options.remove, "team", "Lime", False) == (0, NOTHING)


def test_a_second_change_waits_for_the_first_ones_values(staff: Staff) -> None:
    """Red, added anew, would be taken for the one that was renamed."""
    staff.do(options.rename, "team", "Red", "Crimson")

    with pytest.raises(Taken, match="still being changed"):
        staff.do(options.add, "team", ["Red"])
    staff.do(schema.relabel, "team", "Side")
    staff.work()

    staff.do(options.add, "team", ["Red"])
    assert staff.field("team").options == ("Crimson", "Blue", "Red")


def test_only_a_dropdown_has_options(staff: Staff) -> None:
    with pytest.raises(Refused, match="Locker is of type text and has no options"):
        staff.do(options.add, "locker", ["A"])
    with pytest.raises(Unknown, match="no option 'Pink'"):
        staff.do(options.rename, "team", "Pink", "Rose")
