"""The people of a list as operators see and change them."""

import re
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from models import database, person, person_page
from models.database import Connection
from models.text import new_id
from tests.ingress.console.conftest import Browser


def add(
    connection: Connection, list_id: str, uid: str, synced: bool = False, active: bool = True, **fields: Any
) -> str:
    """A person of a list; a synced one follows some identity."""
    with database.transaction(connection, [list_id]) as cursor:
        person_id = person.add(cursor, list_id, uid, fields)
        cursor.execute(
            "update person set active = %s, identity_id = %s where list_id = %s and id = %s",
            (active, new_id() if synced else None, list_id, person_id),
        )
    return person_id


def stored(connection: Connection, person_id: str) -> tuple[Any, ...]:
    row = connection.execute("select active, fields from person where id = %s", (person_id,)).fetchone()
    assert row is not None
    return row


def test_people_are_shown_by_status_and_counted(browser: Browser, connection: Connection) -> None:
    list_id = browser.tenant.list_id
    add(connection, list_id, "E1", display_name="Ada Lovelace")
    add(connection, list_id, "E2", synced=True, display_name="Bob Marsh", active=False)

    active, inactive = (
        browser.get(f"/lists/{list_id}/people?status={status}").text for status in ("active", "inactive")
    )

    assert ("Ada Lovelace" in active, "Bob Marsh" in active) == (True, False)
    assert ("Ada Lovelace" in inactive, "Bob Marsh" in inactive) == (False, True)
    assert "<strong>2</strong> Total" in active
    assert "<strong>1</strong> Synced" in active


def test_the_table_shows_what_tells_people_apart_and_no_address_twice(browser: Browser, connection: Connection) -> None:
    list_id = browser.tenant.list_id
    add(connection, list_id, "Ada@north.example", email="ada@north.example")
    add(connection, list_id, "bo@north.example", email="other@north.example")

    page = browser.get(f"/lists/{list_id}/people").text

    headings = re.findall(r'<th scope="col">([\w ]+)', page)
    assert headings == ["Person", "UID", "Job Title", "Department", "Locker", "Phone", "Status", "Changed"]
    assert "<small>other@north.example</small>" in page
    assert "<small>ada@north.example</small>" not in page


def test_an_empty_list_and_an_empty_search_say_what_to_do(browser: Browser, connection: Connection) -> None:
    list_id = browser.tenant.list_id

    assert "Connect your identity provider on the Sync tab" in browser.get(f"/lists/{list_id}/people").text
    add(connection, list_id, "E1", display_name="Ada Lovelace")
    nobody = browser.get(f"/lists/{list_id}/people?q=zoe").text
    assert "Nobody active matches “zoe”" in nobody
    assert "Clear filters" in nobody
    assert "Nobody is inactive" in browser.get(f"/lists/{list_id}/people?status=inactive").text


def test_a_search_finds_whoever_is_far_down_the_list(
    browser: Browser, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(person_page, "NEAR", 3)
    list_id = browser.tenant.list_id
    for number in range(9):
        add(connection, list_id, f"E{number}", display_name="Ada" if number % 3 else "Bo")

    with database.transaction(connection, [list_id]) as cursor:
        first = person_page.page(cursor, list_id, "all", "bo", None, None, 2)
        second = person_page.page(cursor, list_id, "all", "bo", first.after, None, 2)
        back = person_page.page(cursor, list_id, "all", "bo", None, second.before, 2)

    assert [row.uid for row in first.rows] == [row.uid for row in back.rows] == ["E0", "E3"]
    assert [row.uid for row in second.rows] == ["E6"]
    assert (first.before, second.after, back.before) == (None, None, None)


@pytest.mark.parametrize(
    ("search", "found"),
    [("lovel", True), ("ADA e1", True), ("e1x", False), ("lo", True), ("ov", False), ("%", False), ("_", False)],
)
def test_people_are_found_by_any_part_of_any_value(
    browser: Browser, connection: Connection, search: str, found: bool
) -> None:
    list_id = browser.tenant.list_id
    add(connection, list_id, "E1", display_name="Ada Lovelace")

    page = browser.client.get(f"/lists/{list_id}/people", params={"q": search}, headers={"HX-Request": "true"}).text

    assert ("Ada Lovelace" in page) is found


def test_a_walk_through_the_pages_shows_everybody_once_and_back(browser: Browser, connection: Connection) -> None:
    list_id = browser.tenant.list_id
    for number in range(120):
        add(connection, list_id, f"E{number:03}")
    url, seen, pages = f"/lists/{list_id}/people", [], []
    while url:
        page = browser.get(url, **{"HX-Request": "true"}).text
        pages.append(page)
        seen += re.findall(r'<td class="mono">(\w+)</td>', page)
        url = _link(page, "Next")

    assert seen == [f"E{number:03}" for number in range(120)]
    assert len(pages) == 3
    back = browser.get(_link(pages[-1], "Previous"), **{"HX-Request": "true"}).text
    assert [one in back for one in ("E049", "E050", "E099", "E100")] == [False, True, True, False]


def _link(page: str, text: str) -> str:
    found = re.search(rf'href="([^"]*)"[^>]*>{text}</a>', page)
    return unescape(found[1]) if found else ""


def test_lines_of_a_value_stay_though_browsers_send_one(browser: Browser, connection: Connection) -> None:
    list_id = browser.tenant.list_id
    ada = add(connection, list_id, "ada", locker="Floor 1\r\nRow 2")

    browser.post(f"/lists/{list_id}/people/{ada}", version="1", f_display_name="Ada", f_locker="Floor 1Row 2")

    assert stored(connection, ada)[1] == {"display_name": "Ada", "locker": "Floor 1\r\nRow 2"}


def test_a_synced_persons_mapped_fields_are_locked_and_local_ones_saved(
    browser: Browser, connection: Connection
) -> None:
    list_id = browser.tenant.list_id
    ada = add(connection, list_id, "ada", synced=True, display_name="Ada")
    url = f"/lists/{list_id}/people/{ada}"

    refused = browser.post(url, version="1", f_display_name="Eve", f_locker="12")
    assert (refused.status_code, "Display Name is written by the identity provider" in refused.text) == (422, True)
    assert stored(connection, ada)[1] == {"display_name": "Ada"}

    assert browser.post(url, version="1", f_locker="12").status_code == 303
    assert stored(connection, ada)[1] == {"display_name": "Ada", "locker": "12"}
    late = browser.post(url, version="1", f_locker="13")
    assert (late.status_code, "changed in the meantime" in late.text) == (422, True)
    acts = connection.execute("select action, detail, operator from audit_entry where action !~ '^operator'").fetchall()
    assert acts == [("person.edit", "ada: Locker", browser.tenant.email)]


def test_a_person_is_added_by_hand_once(browser: Browser, connection: Connection) -> None:
    list_id = browser.tenant.list_id

    assert browser.post(f"/lists/{list_id}/people/new", uid=" E7 ", f_display_name="Ida").status_code == 303
    again = browser.post(f"/lists/{list_id}/people/new", uid="e7")

    assert (again.status_code, "belongs to another person" in again.text) == (422, True)
    assert connection.execute("select uid, fields from person").fetchall() == [("E7", {"display_name": "Ida"})]


def test_a_value_that_does_not_fit_is_refused_and_stays_typed(browser: Browser, connection: Connection) -> None:
    page = browser.post(f"/lists/{browser.tenant.list_id}/people/new", uid="E7", f_email="no address")

    assert (page.status_code, "is not an e-mail address" in page.text, 'value="no address"' in page.text) == (
        422,
        True,
        True,
    )
    assert connection.execute("select count(*) from person").fetchone() == (0,)


def test_an_inactive_person_is_reactivated_by_hand(browser: Browser, connection: Connection) -> None:
    list_id = browser.tenant.list_id
    ada = add(connection, list_id, "ada", synced=True, active=False)

    assert "next push for this person" in browser.get(f"/lists/{list_id}/people/{ada}/reactivate").text
    assert browser.post(f"/lists/{list_id}/people/{ada}/reactivate").status_code == 303
    assert stored(connection, ada)[0] is True
    assert browser.post(f"/lists/{list_id}/people/{ada}/reactivate").status_code == 409


def test_a_persons_page_shows_their_groups(browser: Browser, connection: Connection) -> None:
    list_id = browser.tenant.list_id
    ada = add(connection, list_id, "ada", synced=True)
    group = str(uuid4())
    connection.execute(
        "insert into scim_group (list_id, id, display_name, display_name_key, member_count, document, created,"
        " modified) values (%s, %s, 'Choir', 'choir', 1, %s, now(), now())",
        (list_id, group, Jsonb({"displayName": "Choir"})),
    )
    connection.execute(
        "insert into group_member (list_id, group_id, identity_id)"
        " select list_id, %s, identity_id from person where id = %s",
        (group, ada),
    )

    assert '<li class="tag soft">Choir</li>' in browser.get(f"/lists/{list_id}/people/{ada}").text


def test_somebody_is_made_inactive_by_hand_after_a_question(browser: Browser, connection: Connection) -> None:
    list_id = browser.tenant.list_id
    person_id = add(connection, list_id, "E1", synced=True)
    path = f"/lists/{list_id}/people/{person_id}"

    assert f"{path}/deactivate" in browser.get(path).text
    assert "next push for this person" in browser.get(f"{path}/deactivate").text
    assert browser.post(f"{path}/deactivate").headers["location"] == path
    assert stored(connection, person_id)[0] is False
    assert browser.post(f"{path}/deactivate").status_code == 409


def test_whose_deactivation_is_held_is_not_made_inactive_beside_it(browser: Browser, connection: Connection) -> None:
    list_id = browser.tenant.list_id
    person_id = add(connection, list_id, "E1", synced=True)
    connection.execute("update person set held_seq = 1, held_at = now() where id = %s", (person_id,))

    refused = browser.post(f"/lists/{list_id}/people/{person_id}/deactivate")

    assert (refused.status_code, "is held" in refused.text) == (409, True)
