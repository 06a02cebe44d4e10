"""`muster session person|add|edit|remove|restore`: what each does to a copy, and what is refused."""

import pytest

from tests.ops.test_field_commands import Muster, muster  # noqa: F401 - the fixture

pytestmark = pytest.mark.usefixtures("muster")


@pytest.fixture
def staff(muster: Muster) -> Muster:  # noqa: F811
    """Ada and Bo, each with a locker, in a list and its session."""
    muster.json("field", "add", "Staff", "Locker")
    for uid, locker in (("ada", "12"), ("bo", "7")):
        muster.add(uid, locker=locker)
    muster.json("session", "take", "Staff", "Spring")
    return muster


def people(staff: Muster) -> dict[str, str | None]:
    return {one["uid"]: one["mark"] for one in staff.json("session", "show", "Staff", "Spring")["people"]}


def test_somebody_is_edited_and_shown_beside_the_snapshot(staff: Muster) -> None:
    at = ("Staff", "Spring")
    edited = staff.run("session", "edit", *at, "ADA", "--set", "Locker=99", "--uid", "ada2", "--inactive")
    again = staff.run("session", "edit", *at, "ada2", "--set", "locker=99")

    shown = staff.json("session", "person", *at, "ada2")
    text = staff.run("session", "person", *at, "ada2").stdout

    assert (edited.stdout, again.stdout) == ("ada2 is changed.\n", "ada2 is as it was.\n")
    assert (shown["fields"], shown["mark"], shown["active"]) == ({"locker": "99"}, "changed", False)
    assert shown["original"] == {"uid": "ada", "active": True, "fields": {"locker": "12"}}
    assert ["Locker", "99", "12"] in [line.split() for line in text.splitlines()]
    assert staff.values() == {"ada": {"Locker": "12"}, "bo": {"Locker": "7"}}


def test_somebody_is_added_removed_and_restored(staff: Muster) -> None:
    at = ("Staff", "Spring")
    added = staff.json("session", "add", *at, "cy", "--set", "locker=5", "--inactive")
    staff.json("session", "remove", *at, "bo")
    without = people(staff)
    restored = staff.json("session", "restore", *at, "bo")
    staff.json("session", "remove", *at, "cy")

    assert (added["fields"], added["active"], added["mark"]) == ({"locker": "5"}, False, "added")
    assert without == {"ada": None, "cy": "added"}
    assert restored["mark"] is None
    assert people(staff) == {"ada": None, "bo": None}
    audited = staff.connection.execute(
        "select action, detail from audit_entry where action like 'session.%' order by at"
    ).fetchall()
    assert audited == [
        ("session.take", "Spring, 2 people"), ("session.add", "Spring: cy"), ("session.remove", "Spring: bo"),
        ("session.restore", "Spring: bo"), ("session.remove", "Spring: cy"),
    ]  # fmt: skip


def test_what_cannot_be_done_is_refused(staff: Muster) -> None:
    at = ("Staff", "Spring")

    assert "nobody in session 'Spring' has the UID 'zoe'" in staff.refused("session", "edit", *at, "zoe", "--active")
    assert "the session has no field 'House': it has First Name" in staff.refused(
        "session", "edit", *at, "ada", "--set", "House=1"
    )
    assert "belongs to another person" in staff.refused("session", "add", *at, "BO")
    assert "is in the session" in staff.refused("session", "restore", *at, "bo")
    assert staff.run("session", "edit", *at, "ada").exit_code == 2
