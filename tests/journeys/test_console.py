"""The console in a real browser, over real processes: an operator's whole way, and what every page keeps to."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Route, expect

from models import master_list, organisation
from ops.browser import chromium
from ops.simulators import directory, okta
from tests.factories import patch, replace, user
from tests.journeys.console import LOOKS, Console
from tests.journeys.idp import Idp
from tests.journeys.system import Muster
from tests.journeys.waiting import eventually

pytestmark = [pytest.mark.journey, pytest.mark.needs("chromium"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        assert opened is not None
        yield opened


@pytest.fixture
def console(browser: Browser, muster: Muster) -> Iterator[Console]:
    opened = Console(browser, muster)
    opened.sign_in()
    yield opened
    opened.close()


@pytest.fixture
def newcomer(browser: Browser, muster: Muster) -> Iterator[Console]:
    """An operator whose organisation has no lists: other journeys made a hundred, each a link on every page."""
    opened = Console(browser, muster)
    opened.sign_in(f"Newcomers {len(muster.rows('select from organisation'))}")
    yield opened
    opened.close()


def test_an_operators_whole_way(newcomer: Console, muster: Muster) -> None:
    console, page = newcomer, newcomer.page
    page.get_by_role("link", name="New list").first.click()
    page.get_by_label("Name", exact=True).fill("Choir")
    page.get_by_label("Label of field 1").fill("Locker")
    page.get_by_role("button", name="Create list").click()
    page.locator(".tabs").get_by_text("Sync").click()

    # Connect, and generate a token, which is shown once.
    page.get_by_role("link", name="Connect", exact=True).click()
    page.get_by_role("dialog").get_by_text("Username").click()
    page.get_by_role("dialog").get_by_role("button", name="Connect", exact=True).click()
    page.get_by_text("Waiting for first request").wait_for()
    list_id = page.url.split("/lists/")[1].split("/")[0]
    page.locator("#new-token").click()
    page.get_by_label("Label").fill("Okta production")
    page.get_by_role("dialog").get_by_role("button", name="Generate Token").click()
    raw = page.get_by_label("Bearer Token", exact=True).input_value()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Copy your token now")).to_be_visible()
    page.get_by_role("button", name="Copy Bearer Token").click()
    expect(page.get_by_role("button", name="Copy Bearer Token")).to_have_attribute("data-copied", "")
    assert page.evaluate("navigator.clipboard.readText()") == raw
    page.get_by_text("I’ve saved the token").click()
    expect(page.locator("dialog")).to_have_count(0)  # out of the document, and not only closed
    assert raw not in page.content()
    kept: Any = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert raw not in kept

    # An identity provider pushes 50 people, who appear live.
    base_url = f"{muster.scim_root}/{list_id}"
    directory.run(okta.Okta(), base_url, raw, 50, 0.0, 0.0, 2)
    page.get_by_text("Receiving changes").wait_for()
    muster.settled(list_id)
    page.locator(".tabs").get_by_text("People").click()
    expect(page.locator(".counts")).to_contain_text("50 Total")

    # The mapping: a conflict is told, a preview counts, saving maps everybody again.
    page.goto(f"{console.url}/lists/{list_id}/sync/mappings")
    page.get_by_label("Field for Title", exact=True).select_option(label="Department")
    expect(page.locator("#map-state")).to_contain_text("conflict")
    page.get_by_label("Field for Title", exact=True).select_option(label="Job Title")
    page.get_by_label("How Title is written", exact=True).select_option("uppercase")
    expect(page.locator("#map-state")).to_contain_text("1 unsaved change")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("dialog")).to_contain_text("50")
    with page.expect_navigation():
        page.get_by_role("button", name="Save and re-map 50 people").click()
    eventually(
        lambda: all(one["fields"]["Job Title"].isupper() for one in muster.people(list_id)), 30, "everybody re-mapped"
    )
    page.goto(f"{console.url}/lists/{list_id}/people")

    # A locked field, and a local one.
    page.locator("tbody a").first.click()
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_label("First Name")).to_have_attribute("readonly", "")
    drawer.get_by_label("Locker").fill("17")
    drawer.get_by_role("button", name="Save changes").click()
    expect(drawer.get_by_text("Saved")).to_be_visible()
    page.keyboard.press("Escape")

    # The identity provider deactivates somebody; the operator finds and reactivates them.
    with Idp(list_id, base_url, raw) as idp:
        someone = idp.http.get(f"{base_url}/Users?count=1").json()["Resources"][0]
        idp.http.patch(f"{base_url}/Users/{someone['id']}", json=patch(replace("active", False)))
        muster.settled(list_id)
        page.get_by_role("radio", name="Inactive").check()
        page.get_by_role("link", name=someone["displayName"]).click()
        page.get_by_role("dialog").get_by_role("link", name="Reactivate").click()
        expect(page.get_by_role("alertdialog")).to_contain_text("next push for this person")
        page.get_by_role("alertdialog").get_by_role("button", name="Reactivate").click()
        expect(page.get_by_role("dialog").get_by_text("Reactivated")).to_be_visible()
        page.keyboard.press("Escape")

        # Revoked: the next push is 401.
        page.locator(".tabs").get_by_text("Sync").click()
        page.get_by_role("link", name="Revoke token").click()
        expect(page.get_by_role("alertdialog")).to_contain_text("In use")
        page.get_by_role("button", name="Revoke token").click()
        expect(page.locator("#tokens")).to_contain_text("No active tokens")
        assert idp.http.get(f"{base_url}/Users?count=1").status_code == 401

    # Disconnected: everybody stays, and fields are editable; connected again: the same people, none twice.
    before = {each["uid"]: each["id"] for each in muster.people(list_id)}
    page.get_by_role("link", name="Disconnect").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Disconnect").click()
    page.get_by_text("up to date by itself").wait_for(timeout=30_000)
    page.locator(".tabs").get_by_text("People").click()
    page.locator("tbody a").first.click()
    expect(page.get_by_role("dialog").get_by_label("First Name")).to_be_editable()
    page.keyboard.press("Escape")
    page.locator(".tabs").get_by_text("Sync").click()
    page.get_by_role("link", name="Connect", exact=True).click()
    page.get_by_role("dialog").get_by_text("Username").click()
    page.get_by_role("dialog").get_by_role("button", name="Connect", exact=True).click()
    page.get_by_text("Waiting for first request").wait_for()
    directory.run(okta.Okta(), base_url, muster.new_token(list_id), 50, 0.0, 0.0, 2)
    muster.settled(list_id)
    assert {each["uid"]: each["id"] for each in muster.people(list_id)} == before

    # The token that was shown once is nowhere by now.
    # Months of the log are read by way of the log.
    tables = muster.rows(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
        " and not relispartition"
    )
    for (table,) in tables:
        assert muster.rows(f"select 1 from {table} t where t::text like %s", f"%{raw}%") == [], table
    for file in muster.folder.rglob("*.log"):
        assert raw not in file.read_text(errors="replace"), file


def test_the_whole_way_by_keyboard(newcomer: Console, muster: Muster) -> None:
    console, page, dialog = newcomer, newcomer.page, newcomer.page.get_by_role("dialog")
    console.press(page.get_by_role("link", name="New list").first)
    console.type(page.get_by_label("Name", exact=True), "By keyboard")
    console.type(page.get_by_label("Label of field 1"), "Locker")
    console.press(page.get_by_role("button", name="Create list"))
    page.wait_for_url("**/people")
    list_id = page.url.split("/lists/")[1].split("/")[0]
    console.press(page.locator(".tabs").get_by_text("Sync"))
    console.press(page.get_by_role("link", name="Connect", exact=True))
    dialog.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowDown")
    console.press(dialog.get_by_role("button", name="Connect", exact=True))
    page.get_by_text("Waiting for first request").wait_for()
    console.press(page.locator("#new-token"))
    console.type(dialog.get_by_label("Label"), "By keyboard")
    console.press(dialog.get_by_role("button", name="Generate Token"))
    raw = page.get_by_label("Bearer Token", exact=True).input_value()
    console.press(page.get_by_text("I’ve saved the token"))
    expect(page.locator("dialog")).to_have_count(0)

    with Idp(list_id, f"{muster.scim_root}/{list_id}", raw) as idp:
        ada = idp.create(user("ada@north.example", title="Dean"))
        muster.settled(list_id)
        page.goto(f"{console.url}/lists/{list_id}/sync/mappings")
        console.reach(page.get_by_label("How Title is written", exact=True))
        page.keyboard.type("UPPER")
        expect(page.locator("#map-state")).to_contain_text("1 unsaved change")
        with page.expect_navigation():
            console.press(page.get_by_role("button", name="Save", exact=True))
        eventually(
            lambda: muster.person(list_id, "ada@north.example")["fields"]["Job Title"] == "DEAN", 30, "re-mapped"
        )

        page.goto(f"{console.url}/lists/{list_id}/people")
        opener = page.locator("tbody a").first
        console.press(opener)
        console.type(dialog.get_by_label("Locker"), "17")
        console.press(dialog.get_by_role("button", name="Save changes"))
        expect(dialog.get_by_text("Saved")).to_be_visible()
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(opener).to_be_focused()
        idp.http.patch(f"{idp.base_url}/Users/{ada}", json=patch(replace("active", False)))
    muster.settled(list_id)
    page.goto(f"{console.url}/lists/{list_id}/people?status=inactive")
    console.press(page.locator("tbody a").first)
    console.press(dialog.get_by_role("link", name="Reactivate"))
    console.press(page.get_by_role("alertdialog").get_by_role("button", name="Reactivate"))
    expect(dialog.get_by_text("Reactivated")).to_be_visible()
    page.keyboard.press("Escape")
    console.press(page.locator(".tabs").get_by_text("Sync"))
    console.press(page.get_by_role("link", name="Revoke token"))
    console.press(page.get_by_role("button", name="Revoke token"))
    expect(page.locator("#tokens")).to_contain_text("No active tokens")
    console.press(page.get_by_role("link", name="Disconnect"))
    alert = page.get_by_role("alertdialog")
    expect(alert.get_by_role("button", name="Stay connected")).to_be_focused()
    console.press(alert.get_by_role("button", name="Disconnect"))
    page.get_by_text("up to date by itself").wait_for(timeout=30_000)


def test_every_page_and_dialog_is_accessible(browser: Browser, muster: Muster) -> None:
    owner = "Looked at"  # with one list: one of a hundred has each of its links looked at on every page
    home = muster.new_list(owner=owner)
    with Idp(*home) as idp:
        for number in range(3):
            idp.create(user(f"p{number}@north.example"))
        idp.http.post(f"{home.base_url}/Users", json={"title": "nobody"})
    muster.settled(home.list_id)
    console = Console(browser, muster)
    found: dict[str, list[str]] = {}

    def look(at: str) -> None:
        found.update({f"{at}, {look}": console.violations() for look in console.looks()})

    console.open("/login")
    look("/login")
    console.sign_in(owner)
    at = f"/lists/{home.list_id}"
    for path in (
        "/lists", "/lists/new", "/sessions", "/settings/plan", "/settings/directories", "/settings/directories/new",
        "/settings/api-keys", "/settings/api-keys/new", "/settings/audit", "/api/v1/docs", "/help",
        "/help/troubleshooting",
        f"{at}/people", f"{at}/people?status=inactive", f"{at}/sync", f"{at}/sync/setup/okta",
        f"{at}/sync/setup/entra-directory", f"{at}/sync/runs", f"{at}/sync/mappings", f"{at}/sync/held",
        f"{at}/sync?q=nobody-at-all",
    ):  # fmt: skip
        assert console.open(path) == 200
        look(path)
    for path, selector in (
        (f"{at}/people", "tbody a"), (f"{at}/people", "#add-person"), (f"{at}/sync", "#new-token"),
        (f"{at}/sync", "[id^=revoke]"), (f"{at}/sync", "#disconnect"), (f"{at}/sync", "#log tbody a"),
        (f"{at}/sync?result=rejected", "#log tbody a"), (f"{at}/sync", "[href$='/sync/guard']"),
        (f"{at}/sync", "[href$='/sync/retention']"), (f"{at}/sync", "#networks"),
    ):  # fmt: skip
        console.open(path)
        opener = console.page.locator(selector).first
        for _ in console.widths():
            opener.click(trial=True)  # it can be, wherever it stands
        opener.click()
        console.page.locator("dialog[open]").wait_for()
        look(f"{path} {selector}")
    console.close()

    assert len(found) == 32 * len(LOOKS)
    assert {where: told for where, told in found.items() if told} == {}


def test_a_script_that_comes_late_keeps_no_page_from_being_live(console: Console, staff: Idp) -> None:
    """htmx looks at a page once, and has to know by then what opens streams."""

    page, held = console.page, list[Route]()
    page.route("**/static/hx-sse*", lambda route: held.append(route))
    with page.expect_request("**/sync/stream?*") as stream:
        page.goto(f"{console.url}/lists/{staff.list_id}/sync", wait_until="commit")
        page.wait_for_function("'htmx' in window")
        page.evaluate("new Promise(done => setTimeout(done))")  # after whatever htmx has put off
        eventually(lambda: page.evaluate("1") and held, 15, "the request for the script")
        held[0].continue_()
    assert stream.value.headers["x-poll"] == "1"


def test_what_fails_is_said_where_it_was_asked_and_polls_fail_in_silence(
    console: Console, muster: Muster, staff: Idp
) -> None:
    page, toasts = console.page, console.page.locator("#toasts")
    page.route("**/sync/first", lambda route: route.fulfill(status=500, body="<p>broken</p>"))
    stream = console.opened_stream(f"/lists/{staff.list_id}/sync")
    assert stream.headers["x-poll"] == "1"
    for _ in range(2):
        page.wait_for_event("requestfinished", lambda request: request.url.endswith("/sync/first"))
    expect(toasts).to_be_empty()
    staff.create(user("ada@north.example"))
    muster.settled(staff.list_id)
    page.reload()

    page.route("**/sync/log?*", lambda route: route.fulfill(status=500, body="<p>broken</p>"))
    page.locator("#log-f [name=result]").select_option("rejected")
    expect(toasts).to_contain_text("Something went wrong on our side. Nothing was changed.")
    expect(page.locator("#log")).to_contain_text("ada@north.example")
    page.unroute("**/sync/log?*")
    console.context.set_offline(True)
    page.locator("#log-f [name=result]").select_option("waiting")
    expect(toasts).to_contain_text("The server cannot be reached. Check your connection, and try again.")
    console.context.set_offline(False)
    assert all("Failed to fetch" in complaint for complaint in console.complaints)  # htmx writes it down as well
    console.complaints.clear()

    held: list[Route] = []
    page.route("**/sync/log?*", lambda route: held.append(route))
    page.locator("#log-f [name=result]").select_option("")
    expect(page.locator("#log-busy")).to_have_css("opacity", "1")
    held[0].continue_()
    expect(page.locator("#log-busy")).to_have_css("opacity", "0")


def test_a_double_click_makes_one_token_and_escape_hides_none(console: Console, muster: Muster, staff: Idp) -> None:
    page = console.page
    console.open(f"/lists/{staff.list_id}/sync")
    page.locator("#new-token").click()
    page.get_by_role("dialog").get_by_role("button", name="Generate Token").dblclick()
    page.get_by_label("Bearer Token", exact=True).wait_for()
    for _ in range(5):
        page.keyboard.press("Escape")
    expect(page.get_by_label("Bearer Token", exact=True)).to_be_visible()
    page.get_by_text("I’ve saved the token").click()
    page.get_by_role("link", name="Revoke token").first.click()
    page.get_by_role("button", name="Revoke token").click()
    expect(page.get_by_role("alertdialog")).to_have_count(0)
    expect(page.locator("#new-token")).to_be_focused()

    assert muster.rows("select count(*) from bearer_token where list_id = %s", staff.list_id) == [(2,)]


def test_what_is_shown_once_is_seen_where_the_dialog_was_opened_as_a_page(
    console: Console, muster: Muster, staff: Idp
) -> None:
    page = console.page
    console.open("/settings/api-keys/new")
    page.get_by_label("Label").fill("Nightly export")
    page.get_by_role("button", name="Create API key").click()
    key = page.get_by_label("API key", exact=True)
    key.wait_for()
    assert key.input_value().startswith("msk_")

    console.open(f"/lists/{staff.list_id}/sync/tokens/new")
    page.get_by_label("Label").fill("Okta")
    page.get_by_role("button", name="Generate Token").click()
    page.get_by_label("Bearer Token", exact=True).wait_for()


def test_a_drawer_stays_while_somebody_types_and_shows_what_went_wrong(
    console: Console, muster: Muster, staff: Idp
) -> None:
    page = console.page
    staff.create(user("ada@north.example"))
    muster.settled(staff.list_id)
    muster.in_transaction(
        lambda cursor: master_list.ensure_fields(cursor, staff.list_id, [("Locker", "text")]), staff.list_id
    )
    console.open(f"/lists/{staff.list_id}/people")
    drawer, opener = page.get_by_role("dialog"), page.locator("tbody a").first

    opener.click()
    locker = drawer.get_by_label("Locker")
    locker.hover()
    page.mouse.down()
    page.mouse.move(100, 400)
    page.mouse.up()
    expect(drawer).to_be_visible()
    locker.fill("17")
    page.mouse.click(100, 400)
    expect(drawer).to_be_visible()
    console.context.set_offline(True)
    drawer.get_by_role("button", name="Save changes").click()
    toast = page.locator("#toasts .toast")
    toast.wait_for()
    # In the top layer, above the dialog; to be seen there and, in the dialog itself, to be heard.
    assert page.locator("#toasts").evaluate("node => node.matches(':popover-open')")
    expect(drawer.get_by_role("alert")).to_contain_text("The server cannot be reached")
    console.context.set_offline(False)
    console.complaints.clear()  # htmx writes down that it could not fetch
    drawer.get_by_role("button", name="Save changes").click()
    expect(drawer.get_by_text("Saved")).to_be_visible()
    page.mouse.click(100, 400)
    expect(page.locator("dialog")).to_have_count(0)


def test_with_many_lists_everything_of_the_sidebar_can_be_reached(console: Console, muster: Muster) -> None:
    name = "Many lists with aNameThatDoesNotEndForAVeryLongTimeAndHasNoSpaces"

    def create(cursor: Any) -> None:
        owner = organisation.ensure(cursor, name, "business")
        for number in range(30):
            master_list.create(cursor, owner, f"{'L' * 60}{number}")

    muster.in_transaction(create)
    page = console.page
    page.get_by_role("button", name="Sign out").click()
    console.sign_in(name)

    expect(page.get_by_role("button", name="Sign out")).to_be_in_viewport()
    page.get_by_role("link", name="Troubleshooting").scroll_into_view_if_needed()
    expect(page.get_by_role("link", name="Troubleshooting")).to_be_in_viewport()
    found = {look: console.violations() for look in console.looks()}
    assert {look: told for look, told in found.items() if told} == {}


def test_unsaved_changes_are_not_left_by_accident(console: Console, staff: Idp) -> None:
    page = console.page
    console.open(f"/lists/{staff.list_id}/sync/mappings")
    page.get_by_label("How Title is written", exact=True).select_option("uppercase")
    expect(page.locator("#map-state")).to_contain_text("1 unsaved change")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    # A link that opened in another tab, and a save that did not reach the server, are no reason to leave.
    with console.context.expect_page() as other:
        page.get_by_role("link", name="Discard").click(modifiers=["Control"])
    other.value.close()
    console.context.set_offline(True)
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator("#toasts .toast").wait_for()
    console.context.set_offline(False)
    console.complaints.clear()  # htmx writes down that it could not fetch
    with page.expect_event("dialog"):
        page.evaluate("location.href = '/lists'")
    assert asked == ["beforeunload"]
    assert page.url.endswith("/sync/mappings")


def test_a_page_without_script_still_leads_everywhere(browser: Browser, muster: Muster) -> None:
    home = muster.new_list()
    console = Console(browser, muster, script=False)
    console.sign_in()
    page = console.page

    console.open(f"/lists/{home.list_id}/people")
    page.get_by_role("link", name="Add person").click()
    page.get_by_label("UID").fill("E1")
    page.get_by_role("button", name="Add person").click()
    expect(page.locator("tbody")).to_contain_text("E1")
    page.locator("tbody a").first.click()
    expect(page.get_by_role("heading", name="E1")).to_be_visible()
    console.close()
