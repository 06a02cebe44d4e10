"""The Fields tab in a real browser, with workers behind it."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from models import connection, master_list, organisation, person
from ops.browser import chromium
from tests.journeys.console import Console
from tests.journeys.system import Muster
from tests.journeys.waiting import eventually

pytestmark = [pytest.mark.journey, pytest.mark.needs("chromium"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        assert opened is not None
        yield opened


@pytest.fixture
def list_id(muster: Muster) -> str:
    """Twenty people with lockers, in an organisation of their own."""

    def make(cursor: Any) -> str:
        name = f"Fields {len(muster.rows('select from organisation'))}"
        fields = [
            master_list.new_field("Locker", "text"),
            master_list.new_field("Team", "dropdown", ["Red", "Blue"]),
        ]
        made = master_list.create(cursor, organisation.ensure(cursor, name, "business"), "Staff", fields)
        cursor.execute("select set_config('muster.lists', %s, true)", ("{" + made + "}",))
        connection.connect(cursor, made, "userName", "test")
        for number in range(20):
            values = {"locker": str(number) if number else "left", "team": "Red"}
            person.add(cursor, made, f"E{number:02}", values)
        return made

    return str(muster.in_transaction(make))


def sign_in(browser: Browser, muster: Muster, list_id: str, **how: Any) -> Console:
    rows = muster.rows(
        f"select o.name from organisation o join master_list l on l.organisation_id = o.id where l.id = '{list_id}'"
    )
    opened = Console(browser, muster, **how)
    opened.sign_in(rows[0][0])
    opened.open(f"/lists/{list_id}/fields")
    return opened


def lockers(muster: Muster, list_id: str) -> list[Any]:
    rows = muster.rows(f"select fields -> 'locker' from person where list_id = '{list_id}' order by uid")
    return [row[0] for row in rows]


def test_an_operators_whole_way(browser: Browser, muster: Muster, list_id: str) -> None:
    console = sign_in(browser, muster, list_id)
    page = console.page

    # A type that one value does not fit.
    page.locator("#type-locker").click()
    page.get_by_role("dialog").get_by_label("Type").select_option("number")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("alert")).to_contain_text("1 of 20 values do not fit, and are cleared: left")
    page.get_by_role("button", name="Clear 1 value and change").click()
    eventually(lambda: lockers(muster, list_id) == [None, *range(1, 20)])
    expect(page.locator("#refit")).to_contain_text("Values of Locker were changed")

    # Order, by the keyboard alone: the button keeps the focus.
    up = page.locator("#up-team")
    console.press(up)
    expect(page.locator("#fields tbody tr").nth(1)).to_have_attribute("id", "f-team")
    expect(up).to_be_focused()

    # An option that everybody has.
    page.get_by_role("link", name="Options of Team").click()
    page.get_by_label("New name of Red").fill("Crimson")
    page.get_by_role("button", name="Rename Red").click()
    eventually(lambda: muster.rows(f"select distinct fields ->> 'team' from person where list_id = '{list_id}'") == [
        ("Crimson",)
    ])  # fmt: skip

    # What is mapped stays; what is not goes.
    page.locator(".tabs").get_by_text("Fields").click()
    page.locator("#remove-job_title").click()
    expect(page.get_by_role("alertdialog")).to_contain_text("Switch it off in the mapping editor first")
    page.keyboard.press("Escape")
    page.locator("#remove-locker").click()
    expect(page.get_by_role("alertdialog")).to_contain_text("19 people have a value")
    page.get_by_role("button", name="Remove field").click()
    eventually(lambda: lockers(muster, list_id) == [None] * 20)
    expect(page.locator("#f-locker")).to_have_count(0)
    console.close()


def test_two_operators_at_once(browser: Browser, muster: Muster, list_id: str) -> None:
    first, second = (sign_in(browser, muster, list_id) for _ in range(2))
    for console in (first, second):
        console.page.locator("#label-locker").click()
        console.page.get_by_label("Label").fill(f"Shelf {console is first}")

    first.page.get_by_role("button", name="Rename", exact=True).click()
    expect(first.page.locator("#f-locker")).to_contain_text("Shelf True")
    second.page.get_by_role("button", name="Rename", exact=True).click()

    expect(second.page.get_by_role("alert")).to_contain_text("Somebody else changed this list's fields meanwhile")
    first.close()
    second.close()


def test_it_is_accessible_and_needs_no_script(browser: Browser, muster: Muster, list_id: str) -> None:
    console = sign_in(browser, muster, list_id)
    found: dict[str, Any] = {}
    paths = ("", "/new", "/team/options", "/locker/type", "/locker/remove", "/locker/required", "/locker/label")
    for path in paths:
        assert console.open(f"/lists/{list_id}/fields{path}") == 200
        for look in console.looks():
            found[f"{path} {look}"] = console.violations()
    assert {where: what for where, what in found.items() if what} == {}
    console.close()

    plain = sign_in(browser, muster, list_id, script=False)
    plain.page.locator("#down-locker").click()
    expect(plain.page.locator("#fields tbody tr").nth(1)).to_have_attribute("id", "f-team")
    plain.page.locator("#remove-team").click()
    plain.page.get_by_role("button", name="Remove field").click()
    expect(plain.page.locator("#f-team")).to_have_count(0)
    plain.close()
