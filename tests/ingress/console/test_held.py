"""Held deactivations as operators see, release and discard them; and the guard's settings."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest

from models import database, person
from models.database import Connection
from models.hold import HELD
from models.journal import Event
from models.provisioning_log import WAITING, LogEntry, write
from models.text import new_id
from tests.ingress.console.conftest import Browser, make_tenant
from tests.ingress.console.pulling import ACTS

NOW = datetime.now(UTC)


def hold(connection: Connection, list_id: str, uid: str, seq: int, at: datetime = NOW, **fields: Any) -> str:
    """Somebody whose deactivation is held, with the entry that waits."""
    identity_id = new_id()
    event = Event(list_id, 0, seq, "user", identity_id, "deactivate", {"userName": uid}, None, None, "r", "okta", at)
    with database.transaction(connection, [list_id]) as cursor:
        person_id = person.add(cursor, list_id, uid, fields)
        cursor.execute(
            "update person set identity_id = %s, held_seq = %s, held_at = %s where list_id = %s and id = %s",
            (identity_id, seq, at, list_id, person_id),
        )
        write(cursor, [LogEntry(event, WAITING, person_id=person_id, uid=uid, detail=HELD)])
    return person_id


def stored(connection: Connection) -> list[tuple[Any, ...]]:
    """(UID, active, held, result, detail) of everybody."""
    return connection.execute(
        "select p.uid, p.active, p.held_seq is not null, e.result, e.detail from person p"
        " join log_entry e on e.person_id = p.id order by p.uid_key"
    ).fetchall()


def acts(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(ACTS).fetchall()


def fields(page: str) -> dict[str, Any]:
    """The hidden fields of a dialog's form, besides the token."""
    found: dict[str, Any] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page):
        found.setdefault(name, []).append(value)
    found.pop("_csrf", None)
    return found


def test_held_people_are_shown_oldest_first(browser: Browser, connection: Connection) -> None:
    list_id = browser.tenant.list_id
    hold(connection, list_id, "E2", 12, display_name="Bob Marsh")
    hold(connection, list_id, "E1", 11, NOW - timedelta(hours=3), display_name="Ada Lovelace")

    page = browser.get(f"/lists/{list_id}/sync/held").text

    assert re.findall(r'<td class="mono">(\w+)</td>', page) == ["E1", "E2"]
    assert "2 people" in page
    assert "oldest <time" in page
    assert "by Okta" in page


def test_a_walk_through_the_pages_shows_everybody_once_and_back(browser: Browser, connection: Connection) -> None:
    list_id = browser.tenant.list_id
    for number in range(120):
        hold(connection, list_id, f"E{number:03}", 1000 + number)
    url, seen, pages = f"/lists/{list_id}/sync/held", [], []
    while url:
        pages.append(browser.get(url).text)
        seen += re.findall(r'<td class="mono">(\w+)</td>', pages[-1])
        url = _link(pages[-1], "Next")

    assert seen == [f"E{number:03}" for number in range(120)]
    assert len(pages) == 3
    back = browser.get(_link(pages[-1], "Previous")).text
    assert re.findall(r'<td class="mono">(\w+)</td>', back) == [f"E{number:03}" for number in range(50, 100)]


def _link(page: str, text: str) -> str:
    found = re.search(rf'href="([^"]*)">{text}</a>', page)
    return unescape(found[1]) if found else ""


def test_one_persons_deactivation_is_released(browser: Browser, connection: Connection) -> None:
    url = f"/lists/{browser.tenant.list_id}/sync/held"
    ada = hold(connection, browser.tenant.list_id, "ada", 11, display_name="Ada Lovelace")
    hold(connection, browser.tenant.list_id, "bob", 12)

    dialog = browser.get(f"{url}/release?person={ada}", **{"HX-Request": "true"}).text
    answer = browser.post(f"{url}/release", **fields(dialog))

    assert "Release the deactivation of Ada Lovelace?" in dialog
    assert 'role="alertdialog"' in dialog
    assert (answer.status_code, answer.headers["location"]) == (303, url)
    assert "Released: 1 person." in browser.get(answer.headers["location"]).text
    assert stored(connection) == [
        ("ada", False, False, "applied", f"Released by {browser.tenant.email}"),
        ("bob", True, True, "waiting", HELD),
    ]
    assert acts(connection) == [("hold.release", "1 person")]


def test_all_are_those_that_the_operator_was_told_of(browser: Browser, connection: Connection) -> None:
    list_id = browser.tenant.list_id
    url = f"/lists/{list_id}/sync/held"
    for number, uid in enumerate(("ada", "bob"), 11):
        hold(connection, list_id, uid, number)
    dialog = browser.get(f"{url}/discard?all=1").text
    hold(connection, list_id, "late", 13)

    answer = browser.post(f"{url}/discard", **fields(dialog))

    assert "Discard 2 deactivations?" in dialog
    assert answer.headers["location"] == url
    by = f"Discarded by {browser.tenant.email}"
    assert stored(connection) == [
        ("ada", True, False, "no_change", by),
        ("bob", True, False, "no_change", by),
        ("late", True, True, "waiting", HELD),
    ]
    assert acts(connection) == [("hold.discard", "2 people")]


def test_all_are_not_more_than_the_operator_was_told_of(browser: Browser, connection: Connection) -> None:
    list_id = browser.tenant.list_id
    url = f"/lists/{list_id}/sync/held"
    for uid, seq in (("ada", 11), ("bob", 13)):
        hold(connection, list_id, uid, seq)
    dialog = browser.get(f"{url}/release?all=1").text
    # Another lane's older operation is applied after the operator has looked.
    hold(connection, list_id, "late", 12)

    answer = browser.post(f"{url}/release", **fields(dialog))

    assert (answer.status_code, "3 are held by now, and not 2 any more" in answer.text) == (409, True)
    assert [row[1] for row in stored(connection)] == [True, True, True]


def test_selected_people_are_released_together(browser: Browser, connection: Connection) -> None:
    list_id = browser.tenant.list_id
    url = f"/lists/{list_id}/sync/held"
    chosen = [hold(connection, list_id, f"E{number}", 10 + number) for number in range(3)][:2]

    dialog = browser.get(f"{url}/release?person={chosen[0]}&person={chosen[1]}").text
    answer = browser.post(f"{url}/release", **fields(dialog))

    assert "Release 2 deactivations?" in dialog
    assert answer.headers["location"] == url
    assert [row[1] for row in stored(connection)] == [False, False, True]


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("", 400, "Choose people first"),
        ("person=nobody", 400, "out of date"),
        (f"person={new_id()}", 404, "not in the list"),
    ],
    ids=["nobody", "no id", "a stranger"],
)
def test_a_choice_of_nobody_is_refused(
    browser: Browser, connection: Connection, query: str, status: int, sentence: str
) -> None:
    hold(connection, browser.tenant.list_id, "ada", 11)

    page = browser.get(f"/lists/{browser.tenant.list_id}/sync/held/release?{query}")

    assert (page.status_code, sentence in page.text) == (status, True)


def test_what_another_operator_has_ended_is_said(browser: Browser, connection: Connection) -> None:
    url = f"/lists/{browser.tenant.list_id}/sync/held"
    ada = hold(connection, browser.tenant.list_id, "ada", 11)
    browser.post(f"{url}/discard", person=ada)

    assert browser.post(f"{url}/release", person=ada).status_code == 409
    assert browser.get(f"{url}/release?all=1").status_code == 409
    assert "Nothing is held" in browser.get(url).text
    assert stored(connection)[0][:3] == ("ada", True, False)


def test_viewers_see_who_is_held_and_no_way_to_decide(client: Any, connection: Connection) -> None:
    viewer = Browser(client, make_tenant(connection, "South", role="viewer"))
    viewer.sign_in()
    hold(connection, viewer.tenant.list_id, "ada", 11)

    page = viewer.get(f"/lists/{viewer.tenant.list_id}/sync/held").text

    assert "ada" in page
    assert "/held/release" not in page


def test_another_organisations_people_are_not_released_through_ones_own_list(
    browser: Browser, connection: Connection
) -> None:
    other = make_tenant(connection, "South")
    ada = hold(connection, other.list_id, "ada", 11)

    assert browser.post(f"/lists/{browser.tenant.list_id}/sync/held/release", person=ada).status_code == 409
    assert stored(connection)[0][:3] == ("ada", True, True)


def test_the_guard_is_switched_on_and_off(browser: Browser, connection: Connection) -> None:
    url = f"/lists/{browser.tenant.list_id}/sync/guard"
    first = browser.get(url).text

    assert browser.post(url, enabled="1", percent="35", at_least="12").status_code == 303
    on = browser.get(url).text
    assert browser.post(url, percent="35", at_least="12").status_code == 303

    assert ('value="20"' in first, 'value="50"' in first, " checked" in first) == (True, True, False)
    assert ('value="35"' in on, 'value="12"' in on, " checked" in on) == (True, True, True)
    assert connection.execute("select enabled, percent, at_least from guard").fetchall() == [(False, 35, 12)]
    assert acts(connection) == [("guard.save", "on: 35 %, at least 12"), ("guard.save", "off: 35 %, at least 12")]


@pytest.mark.parametrize(
    ("percent", "at_least"), [("0", "50"), ("101", "50"), ("20", "0"), ("a fifth", "50"), ("", "")]
)
def test_settings_that_make_no_sense_are_refused_and_stay_typed(
    browser: Browser, connection: Connection, percent: str, at_least: str
) -> None:
    page = browser.post(f"/lists/{browser.tenant.list_id}/sync/guard", enabled="1", percent=percent, at_least=at_least)

    assert (page.status_code, "whole number" in page.text, f'value="{percent}"' in page.text) == (422, True, True)
    assert connection.execute("select count(*) from guard").fetchone() == (0,)


def test_the_sync_tab_tells_of_holds_and_of_late_ones(browser: Browser, connection: Connection) -> None:
    url = f"/lists/{browser.tenant.list_id}/sync"
    without = browser.get(url).text
    hold(connection, browser.tenant.list_id, "ada", 12)
    fresh = browser.get(url).text
    hold(connection, browser.tenant.list_id, "bob", 11, NOW - timedelta(days=8))
    late = browser.get(url).text

    assert ("held-t" in without, "The guard is off" in without) == (False, True)
    assert ("1 deactivation is held" in fresh, "more than 7 days" in fresh) == (True, False)
    assert ("2 deactivations are held" in late, "more than 7 days" in late) == (True, True)
