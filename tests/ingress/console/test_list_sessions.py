"""The Sessions tab: a copy is taken, edited, compared, closed, archived, deleted."""

import re
from html import unescape
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from models import database, job, master_list, person
from models.database import Connection
from models.sessions import people, taking
from models.sessions.people import Copied
from tests.ingress.console.conftest import Browser, make_tenant
from tests.ingress.console.pulling import ACTS
from tests.ingress.console.test_people import add
from workers import sessions


class Staff:
    """A browser at a list of three people."""

    def __init__(self, browser: Browser, connection: Connection) -> None:
        self.browser, self.connection, self.list_id = browser, connection, browser.tenant.list_id
        self.url = f"/lists/{self.list_id}/sessions"

    def take(self, name: str = "Spring", **more: str) -> str:
        """A session; where its page is."""
        answer = self.browser.post(f"{self.url}/new", name=name, **{"status": "all", **more})
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    def copied(self, at: str, uid: str) -> Copied:
        """Somebody in it."""
        with database.transaction(self.connection, [self.list_id]) as cursor:
            session = taking.find(cursor, self.list_id, at.rpartition("/")[2])
            rows = people.page(cursor, session, "changed", uid, None, None).rows
            rows = [*rows, *people.page(cursor, session, "all", uid, None, None).rows]
        return rows[0]

    def text(self, path: str) -> str:
        """A page, as it is read."""
        answer = self.browser.get(path)
        assert answer.status_code == 200, answer.text
        return unescape(answer.text)


@pytest.fixture
def staff(browser: Browser, connection: Connection) -> Staff:
    made = Staff(browser, connection)
    for uid, name, locker in (("ada", "Ada Lovelace", "12"), ("bo", "Bo Marsh", "7")):
        add(connection, made.list_id, uid, synced=uid == "ada", display_name=name, locker=locker)
    add(connection, made.list_id, "cy", active=False, display_name="Cy Okafor")
    return made


def test_a_session_is_taken_of_everybody_or_of_some(staff: Staff) -> None:
    spring = staff.take()
    some = staff.take("Lockers", status="active", field="locker", value="12")
    again = staff.browser.post(f"{staff.url}/new", name="spring", status="all", search="ada")

    page = staff.text(staff.url)
    assert ("Everybody" in page, "Active people with Locker “12”" in page) == (True, True)
    assert "Ada Lovelace" in staff.text(some)
    assert "Bo Marsh" not in staff.text(some)
    assert all(name in staff.text(spring) for name in ("Ada Lovelace", "Bo Marsh", "Cy Okafor"))
    assert (again.status_code, 'value="ada"' in again.text) == (409, True)
    acts = staff.connection.execute(ACTS).fetchall()
    assert acts == [("session.take", "Spring, 3 people"), ("session.take", "Lockers, 1 people")]


def test_a_synced_persons_uid_and_locked_fields_are_edited_in_the_copy_alone(staff: Staff) -> None:
    at = staff.take()
    ada = staff.copied(at, "ada")
    before = staff.connection.execute("select * from person order by uid").fetchall()

    saved = staff.browser.client.post(
        f"{at}/people/{ada.id}",
        data={"_csrf": staff.browser.csrf, "version": "1", "uid": "ada2", "active": "", "f_display_name": "Ada L"},
        headers={"HX-Request": "true"},
    )
    late = staff.browser.post(f"{at}/people/{ada.id}", version="1", f_locker="9")

    assert ("Saved" in saved.text, "Changed in this session" in saved.text) == (True, True)
    row = re.findall(r'<th scope="row">Display Name</th><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td>', saved.text)
    assert row == [("Ada L", "Ada Lovelace", "Ada Lovelace")]
    assert (late.status_code, "changed in the meantime" in late.text) == (409, True)
    assert staff.connection.execute("select * from person order by uid").fetchall() == before
    changed = staff.text(f"{at}?show=changed")
    assert ("Ada L</a>" in changed, "Bo Marsh" in changed) == (True, False)
    assert ("session.edit", "Spring: ada: UID, Display Name, Status") in staff.connection.execute(ACTS).fetchall()


def test_a_value_that_does_not_fit_stays_typed(staff: Staff) -> None:
    at = staff.take()
    bo = staff.copied(at, "bo")

    wrong = staff.browser.post(f"{at}/people/{bo.id}", version="1", uid="bo", f_email="no address")
    taken = staff.browser.post(f"{at}/people/{bo.id}", version="1", uid="ADA")

    assert (wrong.status_code, 'value="no address"' in wrong.text) == (422, True)
    assert (taken.status_code, "belongs to another person of this session" in taken.text) == (409, True)


def test_lines_of_a_value_stay_though_browsers_send_one(staff: Staff, connection: Connection) -> None:
    connection.execute("update person set fields = fields || '{\"locker\": \"Floor 1\\nRow 2\"}' where uid = 'bo'")
    at = staff.take()
    bo = staff.copied(at, "bo")

    staff.browser.post(f"{at}/people/{bo.id}", version="1", f_display_name="Bo M", f_locker="Floor 1Row 2")

    assert staff.copied(at, "bo").fields == {"display_name": "Bo M", "locker": "Floor 1\nRow 2"}


def test_what_cannot_be_stored_is_said_where_a_session_is_taken(staff: Staff) -> None:
    wrong = staff.browser.post(f"{staff.url}/new", name="Spring", status="all", search="a\x00b")

    assert (wrong.status_code, "to choose people by" in wrong.text) == (422, True)
    staff.take("Without", field="locker", value="")
    assert "Everybody without Locker" in staff.text(staff.url)


def test_people_are_added_removed_and_put_back(staff: Staff) -> None:
    at = staff.take()
    assert staff.browser.post(f"{at}/people/new", uid="dee", active="1", f_display_name="Dee").status_code == 303
    bo = staff.copied(at, "bo")

    staff.browser.post(f"{at}/people/{bo.id}", version="1", act="remove")
    gone = staff.text(at)
    drawer = staff.text(f"{at}/people/{bo.id}")
    staff.browser.post(f"{at}/people/{bo.id}", version="2", act="restore")

    assert ("Bo Marsh" in gone, "Dee" in gone, "<strong>1</strong> Removed" in gone) == (False, True, True)
    assert "Put back" in drawer
    assert "Bo Marsh" in staff.text(at)
    assert staff.connection.execute("select count(*) from person").fetchone() == (3,)


def test_a_copy_is_compared_with_the_list(staff: Staff) -> None:
    at = staff.take()
    staff.browser.post(f"{at}/people/new", uid="dee", f_display_name="Dee")
    ada = staff.copied(at, "ada")
    staff.browser.post(f"{at}/people/{ada.id}", version="1", f_locker="99")
    add(staff.connection, staff.list_id, "eve", display_name="Eve")

    differ, copy, mine = (staff.text(f"{at}/compare?kind={kind}") for kind in ("differ", "copy", "list"))

    assert "<td>Locker</td><td>99</td><td>12</td><td>12</td>" in differ
    assert ("Dee" in copy, "Added" in copy, "Eve" in copy) == (True, True, False)
    assert ("Eve" in mine, "Never was" in mine) == (True, True)
    for count in ("Different <strong>1", "Only in the session <strong>1", "Only in the list <strong>1"):
        assert count in differ


def test_a_session_is_closed_opened_archived_and_deleted(staff: Staff, connection: Connection) -> None:
    at = staff.take()
    bo = staff.copied(at, "bo")
    assert "Nobody can edit it" in staff.text(f"{at}/close")

    staff.browser.post(f"{at}/close")
    closed = staff.text(f"{at}/people/{bo.id}")
    refused = staff.browser.post(f"{at}/people/{bo.id}", version="1", f_locker="1")
    again = staff.browser.post(f"{at}/close")
    staff.browser.post(f"{at}/reopen")
    assert staff.browser.post(f"{at}/people/{bo.id}", version="1", f_locker="1").status_code == 303
    staff.browser.post(f"{at}/archive")
    hidden, archived = staff.text(staff.url), staff.text(f"{staff.url}?archived=1")
    warned = staff.text(f"{at}/delete")
    staff.browser.post(f"{at}/delete")

    assert ("Save changes" in closed, refused.status_code, again.status_code) == (False, 409, 409)
    assert ("Spring</a>" in hidden, "Spring</a>" in archived) == (False, True)
    assert "3 people in the copy, and 1 change made there, are deleted" in warned
    assert "Being deleted" in staff.text(f"{staff.url}?archived=1")
    with database.transaction(connection, [staff.list_id]) as cursor:
        found = job.latest(cursor, staff.list_id, job.SESSION)
    assert found is not None
    sessions.purge(connection, staff.list_id, found.id, 60)
    assert staff.browser.get(at).status_code == 404


def test_a_copy_is_exported(staff: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    at = staff.take()

    answer = staff.browser.get(f"{at}/people.csv")

    lines = answer.text.lstrip("\ufeff").splitlines()
    assert answer.headers["content-type"].startswith("text/csv")
    assert lines[0].startswith("UID,Status,Locker,")
    assert [line.split(",")[:3] for line in lines[1:]] == [
        ["ada", "Active", "12"], ["bo", "Active", "7"], ["cy", "Inactive", ""],
    ]  # fmt: skip
    acts = staff.connection.execute("select detail from audit_entry where action = 'session.export'").fetchall()
    assert acts == [("Spring",)]


def test_a_field_that_is_removed_names_the_sessions_that_keep_it(staff: Staff) -> None:
    staff.take()

    assert "The session <strong>Spring</strong> keeps the field" in staff.text(
        f"/lists/{staff.list_id}/fields/locker/remove"
    )


def test_viewers_look_compare_and_export(client: TestClient[Litestar], connection: Connection) -> None:
    viewer = Browser(client, make_tenant(connection, "West", role="viewer"))
    viewer.sign_in()
    list_id = viewer.tenant.list_id
    with database.transaction(connection, [list_id]) as cursor:
        person_id = person.add(cursor, list_id, "ada", {})
        at = f"/lists/{list_id}/sessions/{taking.take(cursor, list_id, 'Spring', 'ruth')}"

    pages: list[Any] = [
        viewer.get(path) for path in (at, f"{at}/compare", f"{at}/people.csv", f"{at}/people/{person_id}")
    ]

    assert [page.status_code for page in pages] == [200] * 4
    assert not any("Save changes" in page.text or "Archive" in page.text for page in pages)
    assert viewer.post(f"{at}/people/{person_id}", version="1").status_code == 403


def test_another_organisations_session_is_unknown(staff: Staff, connection: Connection) -> None:
    other = make_tenant(connection, "South")
    with database.transaction(connection, [other.list_id]) as cursor:
        theirs = taking.take(cursor, other.list_id, "Spring", "them")
        assert master_list.fields(cursor, other.list_id)

    assert staff.browser.get(f"/lists/{other.list_id}/sessions/{theirs}").status_code == 404
    assert staff.browser.get(f"{staff.url}/{theirs}").status_code == 404
    assert staff.browser.post(f"{staff.url}/{theirs}/archive").status_code == 404
