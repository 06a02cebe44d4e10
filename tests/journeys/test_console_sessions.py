"""Sessions in a real browser, while an identity provider pushes into the list."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from models import master_list, organisation, person
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
def staff(muster: Muster) -> tuple[str, str]:
    """Sixty people in an organisation of their own: its name, and the list's id."""
    name = f"Sessions {len(muster.rows('select from organisation'))}"

    def make(cursor: Any) -> str:
        fields = [master_list.new_field("Display Name", "text"), master_list.new_field("Locker", "text")]
        made = master_list.create(cursor, organisation.ensure(cursor, name, "business"), "Staff", fields)
        cursor.execute("select set_config('muster.lists', %s, true)", ("{" + made + "}",))
        for number in range(60):
            values = {"display_name": f"Person {number:02}", "locker": str(number)}
            person.add(cursor, made, f"E{number:02}", values)
        return made

    return name, str(muster.in_transaction(make))


def test_an_operators_whole_way(browser: Browser, muster: Muster, staff: tuple[str, str]) -> None:
    name, list_id = staff
    console = Console(browser, muster)
    console.sign_in(name)
    page = console.page
    console.open(f"/lists/{list_id}/sessions")

    page.locator("#take-session").click()
    page.get_by_label("Name", exact=True).fill("Spring")
    page.get_by_role("button", name="Take session").click()
    expect(page.locator(".counts")).to_contain_text("60 In the copy")
    at = page.url

    # Somebody is edited, UID and all; the list does not follow.
    page.get_by_role("link", name="Person 07").click()
    page.get_by_role("dialog").get_by_label("UID").fill("X07")
    page.get_by_role("dialog").get_by_label("Locker").fill("99")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("dialog")).to_contain_text("Saved")
    expect(page.get_by_role("region", name="Differences")).to_contain_text("99")
    page.keyboard.press("Escape")
    assert muster.rows(f"select count(*) from person where list_id = '{list_id}' and uid = 'E07'") == [(1,)]

    # Others are removed and added.
    page.get_by_role("link", name="Person 08").click()
    page.get_by_role("button", name="Remove from session").click()
    expect(page.locator(".counts")).to_contain_text("59 In the copy")
    page.locator("#add-person").click()
    page.get_by_role("dialog").get_by_label("UID").fill("new")
    page.get_by_role("dialog").get_by_label("Display Name").fill("Newcomer")
    page.get_by_role("button", name="Add person").click()
    expect(page.locator(".counts")).to_contain_text("1 Added")

    # The list changes, and is compared.
    muster.rows("update person set active = false where list_id = %s and uid = 'E09' returning id", list_id)
    page.get_by_role("link", name="Compare with the list").click()
    expect(page.get_by_role("region", name="Differences")).to_contain_text("Person 09")
    expect(page.get_by_role("region", name="Differences")).to_contain_text("X07")
    page.get_by_role("link", name="Only in the list 1").click()
    expect(page.get_by_role("region", name="Differences")).to_contain_text("Person 08")

    # Archived, and deleted for good.
    page.goto(at)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename.endswith(".csv")
    page.locator("#do-archive").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Archive").click()
    expect(page.get_by_text("No sessions yet")).to_be_visible()
    page.get_by_role("link", name="Show archived sessions").click()
    page.get_by_role("link", name="Spring").click()
    page.locator("#do-delete").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    eventually(lambda: muster.rows(f"select from list_session where list_id = '{list_id}'") == [])
    assert muster.rows(f"select from list_session_person where list_id = '{list_id}'") == []
    assert muster.rows(f"select count(*) from person where list_id = '{list_id}'") == [(60,)]
    console.close()


def test_it_is_accessible_and_needs_no_script(browser: Browser, muster: Muster, staff: tuple[str, str]) -> None:
    name, list_id = staff
    plain = Console(browser, muster, script=False)
    plain.sign_in(name)
    plain.open(f"/lists/{list_id}/sessions/new")
    plain.page.get_by_label("Name", exact=True).fill("Spring")
    plain.page.get_by_role("button", name="Take session").click()
    at = plain.page.url.removeprefix(plain.url)
    plain.page.get_by_role("link", name="Person 07").click()
    plain.page.get_by_label("Locker").fill("99")
    plain.page.get_by_role("button", name="Save changes").click()
    expect(plain.page.locator(".counts")).to_contain_text("1 Changed")
    who = plain.page.locator("tr", has_text="Person 07").locator("a").get_attribute("href")
    plain.close()

    console = Console(browser, muster)
    console.sign_in(name)
    found: dict[str, Any] = {}
    paths = (
        f"/lists/{list_id}/sessions", f"/lists/{list_id}/sessions/new", at, f"{at}/compare", f"{at}/compare?kind=list",
        f"{at}/close", f"{at}/people/new", str(who),
    )  # fmt: skip
    for path in paths:
        assert console.open(path) == 200, path
        for look in console.looks():
            found[f"{path} {look}"] = console.violations()
    assert {where: what for where, what in found.items() if what} == {}
    console.close()
