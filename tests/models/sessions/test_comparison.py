"""A copy beside the list as it is now."""

from typing import Any

from models import master_list
from models.fields import removal, retype, schema
from models.sessions import comparison, people
from models.sessions.comparison import Compared, Counts
from models.sessions.sides import Difference
from models.sessions.taking import Session
from tests.models.sessions.conftest import School


def counts(school: School, session: Session) -> Counts:
    with school.cursor() as cursor:
        return comparison.counts(cursor, session)


def page(school: School, session: Session, kind: str, after: str | None = None, count: int = 50) -> list[Compared]:
    with school.cursor() as cursor:
        return comparison.page(cursor, session, kind, after, count)


def numbers(school: School, session: Session) -> tuple[int, int, int]:
    found = counts(school, session)
    return found.copy, found.list, found.differ


def store(school: School, uid: str, **fields: Any) -> None:
    import json

    school.connection.execute(
        "update person set fields = fields || %s::jsonb where uid = %s", (json.dumps(fields), uid)
    )


def test_a_fresh_copy_is_the_list(school: School) -> None:
    taken = school.take()

    assert counts(school, taken) == Counts(0, 0, 0, [], [])
    assert [page(school, taken, kind) for kind in comparison.KINDS] == [[], [], []]


def test_each_difference_is_told_three_times(school: School) -> None:
    taken = school.take()
    school.edit(taken, "ada", locker="99", age="")
    store(school, "ada", locker="13", team="Blue")
    school.connection.execute("update person set active = false where uid = 'bo'")

    ada, bo = page(school, taken, "differ")

    assert numbers(school, taken) == (0, 0, 2)
    assert (ada.uid, ada.differences) == (
        "ada",
        [
            Difference("Locker", "99", "12", "13"),
            Difference("Age", None, 36, 36),
            Difference("Team", "Red", "Red", "Blue"),
        ],
    )
    with school.cursor() as cursor:
        one = people.find(cursor, school.id, taken.id, ada.id)
        assert comparison.of_person(cursor, taken, one) == ada.differences
    assert (bo.uid, bo.differences) == ("bo", [Difference("Status", "Active", "Active", "Inactive")])


def test_who_is_on_one_side_alone(school: School) -> None:
    taken = school.take()
    bo = school.copied(taken)["bo"]
    school.do(people.remove, taken.id, bo.id, 1, "ruth")
    school.do(people.add, taken.id, "ruth", {"uid": "dee"})
    school.add("eve")

    assert numbers(school, taken) == (1, 2, 0)
    assert [(one.uid, one.mark) for one in page(school, taken, "copy")] == [("dee", "added")]
    assert [(one.uid, one.mark) for one in page(school, taken, "list")] == [("bo", "removed"), ("eve", "")]


def test_who_was_added_is_whoever_has_the_uid_in_the_list(school: School) -> None:
    taken = school.take()
    school.do(people.add, taken.id, "ruth", {"uid": "Dee", "locker": "1"})
    school.add("dee", locker="2")

    (dee,) = page(school, taken, "differ")

    assert numbers(school, taken) == (0, 0, 1)
    assert (dee.mark, dee.differences) == (
        "added",
        [Difference("UID", "Dee", None, "dee"), Difference("Locker", "1", None, "2")],
    )


def test_somebody_is_the_same_whatever_their_uid_became(school: School) -> None:
    taken = school.take()
    school.edit(taken, "ada", uid="ada2")
    school.connection.execute("update person set uid = 'ada3', uid_key = 'ada3' where uid = 'ada'")
    # Somebody else, with the UID that ada had.
    school.do(people.add, taken.id, "ruth", {"uid": "ada"})

    assert numbers(school, taken) == (1, 0, 1)
    (ada,) = page(school, taken, "differ")
    assert ada.differences == [Difference("UID", "ada2", "ada", "ada3")]


def test_an_added_person_is_not_taken_for_one_whom_the_copy_has(school: School) -> None:
    taken = school.take()
    school.edit(taken, "ada", uid="ada2")
    school.do(people.add, taken.id, "ruth", {"uid": "ada"})

    assert numbers(school, taken) == (1, 0, 1)
    assert [one.mark for one in page(school, taken, "copy")] == ["added"]


def test_fields_that_only_one_side_has_are_named_and_not_compared(school: School) -> None:
    taken = school.take()
    school.do(removal.remove, "locker")  # its values are still there
    school.do(schema.add, master_list.new_field("Shoe", "number"))
    store(school, "ada", shoe=38)

    assert counts(school, taken) == Counts(0, 0, 0, ["Locker"], ["Shoe"])
    school.work()
    assert numbers(school, taken) == (0, 0, 0)


def test_values_of_another_type_are_compared_as_text(school: School) -> None:
    taken = school.take()
    school.do(retype.save, "locker", "number")
    school.work()
    assert numbers(school, taken) == (0, 0, 0)

    store(school, "ada", locker=13)

    (ada,) = page(school, taken, "differ")
    assert ada.differences == [Difference("Locker", "12", "12", 13)]


def test_a_filtered_copy_misses_whom_the_filter_finds_now(school: School) -> None:
    taken = school.take(status="active", search="red")
    school.add("eve", team="Red")
    school.add("fay", team="Blue")

    assert numbers(school, taken) == (0, 1, 0)
    assert [one.uid for one in page(school, taken, "list")] == ["eve"]


def test_pages_follow_each_other(school: School) -> None:
    for number in range(7):
        school.add(f"p{number}", locker="1")
    taken = school.take()
    school.connection.execute("update person set fields = '{}'")

    first = page(school, taken, "differ", count=4)
    second = page(school, taken, "differ", first[3].uid_key, count=20)

    assert len(first) == 5
    assert [one.uid for one in first[:4] + second] == ["ada", "bo", "cy", *(f"p{n}" for n in range(7))]
