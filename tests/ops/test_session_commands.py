"""`muster session …`: what each prints, and what is refused."""

import csv
from pathlib import Path

import pytest

from models import database
from models.database import Connection
from models.sessions import people, taking
from tests.ops.test_field_commands import Muster, muster  # noqa: F401 - the fixture
from workers import sessions

pytestmark = pytest.mark.usefixtures("muster")


@pytest.fixture
def staff(muster: Muster) -> Muster:  # noqa: F811
    muster.json("field", "add", "Staff", "Locker")
    for uid, locker in (("ada", "12"), ("bo", "=7"), ("cy", "12")):
        muster.add(uid, locker=locker)
    muster.connection.execute("update person set active = false where uid = 'cy'")
    return muster


def edit(staff: Muster, uid: str, **typed: str) -> None:
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        found = taking.find(cursor, staff.list_id, "Spring")
        one = next(one for one in people.page(cursor, found, "all", uid, None, None).rows)
        people.edit(cursor, staff.list_id, found.id, one.id, one.version, "ruth", typed)


def test_a_session_is_taken_listed_and_shown(staff: Muster) -> None:
    taken = staff.json("session", "take", "Staff", "Spring", "--status", "active")
    some = staff.json("session", "take", "Staff", "Lockers", "--field", "locker", "12")
    edit(staff, "ada", locker="99")

    shown = staff.json("session", "show", "Staff", "spring", "--changed")
    text = staff.run("session", "list", "Staff").stdout

    assert (taken["taken"], some["taken"]) == (2, 2)
    assert [(one["uid"], one["mark"], one["fields"]) for one in shown["people"]] == [
        ("ada", "changed", {"Locker": "99"})
    ]
    assert shown["counts"] == {"people": 2, "added": 0, "removed": 0, "changed": 1}
    assert [line.split()[:4] for line in text.splitlines()] == [
        ["NAME", "STATE", "PEOPLE", "CHANGED"], ["Lockers", "open", "2", "0"], ["Spring", "open", "2", "1"],
    ]  # fmt: skip
    assert "has a session called 'SPRING'" in staff.refused("session", "take", "Staff", "SPRING")


def test_a_session_is_compared_with_the_list(staff: Muster) -> None:
    staff.json("session", "take", "Staff", "Spring")
    edit(staff, "ada", locker="99")
    staff.add("dee")

    document = staff.json("session", "compare", "Staff", "Spring")
    text = staff.run("session", "compare", "Staff", "Spring").stdout

    assert (document["counts"]["copy"], document["counts"]["list"], document["counts"]["differ"]) == (0, 1, 1)
    assert document["people"]["differ"][0]["differences"] == [
        {"label": "Locker", "copy": "99", "snapshot": "12", "list": "12"}
    ]
    assert "Only in the session 0, only in the list 1, different 1" in text
    assert ["differs", "ada", "Locker", "99", "12", "12"] in [line.split() for line in text.splitlines()]


def test_a_session_is_closed_reopened_archived_and_deleted(staff: Muster, connection: Connection) -> None:
    staff.json("session", "take", "Staff", "Spring")

    assert staff.json("session", "close", "Staff", "Spring")["state"] == "closed"
    assert staff.json("session", "reopen", "Staff", "Spring")["state"] == "open"
    assert "cannot become deleting" in staff.refused("session", "delete", "Staff", "Spring", "--yes")
    assert staff.run("session", "archive", "Staff", "Spring").stdout == "Session Spring is archived.\n"
    assert staff.json("session", "list", "Staff") == []
    assert "3 people with 0 changes, would be deleted for good: say --yes" in staff.refused(
        "session", "delete", "Staff", "Spring"
    )
    job_id = staff.json("session", "delete", "Staff", "Spring", "--yes")["job_id"]
    sessions.purge(connection, staff.list_id, job_id, 60)

    assert staff.json("session", "list", "Staff", "--archived") == []


def test_a_session_is_exported(staff: Muster, tmp_path: Path) -> None:
    staff.json("session", "take", "Staff", "Spring")
    file = tmp_path / "spring.csv"

    printed = staff.run("session", "export", "Staff", "Spring").stdout
    written = staff.json("session", "export", "Staff", "Spring", "--to", str(file))

    rows = list(csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines()))
    assert written == {"file": str(file)}
    assert [(row["UID"], row["Status"], row["Locker"]) for row in rows] == [
        ("ada", "Active", "12"), ("bo", "Active", "'=7"), ("cy", "Inactive", "12"),
    ]  # fmt: skip
    assert file.stat().st_mode & 0o777 == 0o600
    assert "no session" in staff.refused("session", "export", "Staff", "Sprung", "--to", str(file))
    assert printed.lstrip("\ufeff").splitlines() == file.read_text(encoding="utf-8-sig").splitlines()
    acts = staff.connection.execute("select detail from audit_entry where action = 'session.export'").fetchall()
    assert acts == [("Spring",), ("Spring",)]
