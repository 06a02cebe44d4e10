"""Directory Sync in a real browser: from credentials to a held wave, and over to SCIM."""

import re
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, expect

from models import master_list, organisation
from ops.browser import chromium
from ops.simulators.graph import Directory, GraphServer
from tests.factories import user
from tests.journeys.console import Console
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
    """An operator of an organisation of its own."""
    opened = Console(browser, muster)
    opened.sign_in(f"Directories {len(muster.rows('select from organisation'))}")
    yield opened
    opened.close()


@pytest.fixture
def directory() -> Directory:
    """Sixty teachers and ten others, each group with its own."""
    made = Directory()
    ids = [
        made.add_user(
            userPrincipalName=f"p{number:02}@north.example", displayName=f"Person {number:02}", givenName="Person",
            surname=f"{number:02}", jobTitle="Teacher", employeeId=f"E{number:02}",
        )
        for number in range(70)
    ]  # fmt: skip
    made.add_group("Teachers", ids[:60])
    made.add_group("Office staff", ids[60:])
    made.add_group("Visitors", [])
    return made


def test_an_operators_whole_way(console: Console, muster: Muster, directory: Directory, graph_port: int) -> None:
    with GraphServer(directory, port=graph_port):
        _whole_way(console, muster, directory)


def _whole_way(console: Console, muster: Muster, directory: Directory) -> None:
    page = console.page
    page.get_by_role("link", name="New list").first.click()
    page.get_by_label("Name", exact=True).fill("Choir")
    page.get_by_role("button", name="Create list").click()
    page.locator(".tabs").get_by_text("Sync").click()
    list_id = page.url.split("/lists/")[1].split("/")[0]
    page.get_by_role("link", name="Connect Directory Sync").click()

    # A connection, with a wrong secret first.
    page.get_by_role("link", name="Add connection").click()
    _enter(console, directory, "not-the-secret")
    page.get_by_role("button", name="Save and test").click()
    expect(page.get_by_role("alert")).to_contain_text("The client secret is wrong: enter the Value of a secret")
    expect(page.get_by_role("alert")).to_contain_text("AADSTS7000215")
    page.get_by_label("Client secret").fill(directory.client_secret)
    page.get_by_role("button", name="Save and test").click()
    page.wait_for_url("**/sync/directory?connection=*")
    assert directory.client_secret not in page.content()

    # Two groups, found by their names.
    page.get_by_role("radio", name=re.compile("Username")).check()
    for text, name in (("teach", "Teachers"), ("off", "Office staff")):
        page.get_by_role("searchbox", name="Search groups by name").fill(text)
        page.get_by_role("button", name=f"Add {name}").click()
        expect(page.locator(".chips")).to_contain_text(name)
    page.locator("select[name=every]").select_option("1440")
    page.get_by_label("At", exact=True).fill("02:30")
    page.locator("select[name=time_zone]").select_option("Europe/Amsterdam")
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.locator("#conn-t")).to_contain_text("Never run")
    expect(page.get_by_text("Europe/Amsterdam").first).to_be_visible()

    # A preview writes nothing; the run that follows brings everybody.
    page.locator("#sync-preview").click()
    expect(page.locator(".plan .created")).to_contain_text("70", timeout=30_000)
    assert muster.people(list_id) == []
    page.locator("#apply-now").click()
    expect(page.locator("#conn-t")).to_contain_text("Up to date", timeout=30_000)
    assert len(muster.people(list_id)) == 70
    before = {one["anchor"]: one["id"] for one in muster.people(list_id)}
    page.locator(".tabs").get_by_text("People").click()
    expect(page.locator(".counts")).to_contain_text("70 Total")
    page.get_by_role("link", name="Person 00").click()
    expect(page.get_by_role("dialog").get_by_label("First Name")).to_have_attribute("readonly", "")
    expect(page.get_by_role("dialog")).to_contain_text("Teachers")
    page.keyboard.press("Escape")

    # The directory changes, and so does the list.
    first, teachers = directory.user_ids()[0], directory.group_ids()[0]
    directory.change_user(first, jobTitle="Head teacher")
    _sync(console, list_id)
    assert muster.person(list_id, "p00@north.example")["fields"]["Job Title"] == "Head teacher"

    # A group that is emptied by mistake empties nothing, until somebody has looked.
    directory.remove_members(teachers, directory.members(teachers))
    _sync(console, list_id)
    expect(page.locator(".held-card")).to_contain_text("60 deactivations are held")
    assert len(muster.people(list_id, "active")) == 70
    page.locator("#held-release-all").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Release 60").click()
    expect(page.locator(".held-card")).to_have_count(0)
    eventually(lambda: len(muster.people(list_id, "active")) == 10, what="ten active people")

    # Disconnected: everybody stays, and fields can be edited.
    _open(console, list_id)
    page.locator("#disconnect").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Disconnect").click()
    page.get_by_text("Keep Choir up to date by itself").wait_for()
    assert {one["anchor"]: one["id"] for one in muster.people(list_id)} == before

    # SCIM finds the same people.
    page.get_by_role("link", name="Connect", exact=True).click()
    page.get_by_role("dialog").get_by_text("Username").click()
    page.get_by_role("dialog").get_by_role("button", name="Connect", exact=True).click()
    page.get_by_text("Waiting for first request").wait_for()
    page.locator("#new-token").click()
    page.get_by_role("dialog").get_by_role("button", name="Generate Token").click()
    raw = page.get_by_label("Bearer Token", exact=True).input_value()
    with Idp(list_id, f"{muster.scim_root}/{list_id}", raw) as idp:
        for number, anchor in enumerate(directory.user_ids()):
            idp.create(user(f"p{number:02}@north.example", externalId=anchor))
    muster.settled(list_id)
    assert {one["anchor"]: one["id"] for one in muster.people(list_id, "active")} == before
    page.get_by_text("I’ve saved the token").click()


def _open(console: Console, list_id: str) -> None:
    """The Sync tab; once more where the page before it was just being drawn anew by itself."""
    url = f"{console.url}/lists/{list_id}/sync"
    try:
        console.page.goto(url)
    except Error as error:
        if "ERR_ABORTED" not in str(error):
            raise
        console.page.goto(url)


def _sync(console: Console, list_id: str) -> None:
    """Press the button, and watch the run to its end."""
    page = console.page
    _open(console, list_id)
    rows = page.locator("[id^=run-0]").count()
    page.locator("#sync-start").click()
    expect(page.locator("[id^=run-0]")).to_have_count(rows + 1)
    expect(page.locator("#run-now")).to_have_count(0, timeout=30_000)


def test_every_state_is_accessible(browser: Browser, muster: Muster, directory: Directory, graph_port: int) -> None:
    console, list_id = _signed_in(browser, muster, "Looked at while pulled")
    page, at, found = console.page, f"/lists/{list_id}/sync", dict[str, list[str]]()

    def look(what: str) -> None:
        found.update({f"{what}, {look}": console.violations() for look in console.looks()})
        page.set_viewport_size({"width": 1440, "height": 900})

    with GraphServer(directory, port=graph_port) as graph:
        console.open(f"/settings/directories/new?list={list_id}")
        _enter(console, directory, "not-the-secret")
        page.get_by_role("button", name="Save and test").click()
        page.get_by_text("Saved, but the test failed.").wait_for()
        look("a failed test")
        page.get_by_label("Client secret").fill(directory.client_secret)
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_role("radio", name="Username").check()
        page.get_by_role("searchbox", name="Search groups").fill("teach")
        page.get_by_role("button", name="Add Teachers").click()
        expect(page.locator(".chips")).to_contain_text("Teachers")
        look("a choice of groups")
        page.get_by_role("button", name="Connect", exact=True).click()

        hold = threading.Event()
        graph.faults.add("/users", hold=hold)
        page.locator("#sync-preview").click()
        expect(page.locator("#run-now")).to_contain_text("asked for by")
        look("a run at work")
        hold.set()
        page.locator("#apply-now").wait_for()
        look("a preview")
        page.locator("#apply-now").click()
        expect(page.locator("#conn-t")).to_contain_text("Up to date", timeout=30_000)
        look("a list that is pulled")
        directory.permissions.clear()
        _sync(console, list_id)
        expect(page.locator("#conn-t")).to_contain_text("Failed")
        look("a failure")
        page.get_by_role("link", name="Open the run").click()
        look("a run")
        for path in (f"{at}/runs", f"{at}/mappings", "/settings/directories", "/help/troubleshooting", "/lists"):
            console.open(path)
            look(path)
    console.close()

    assert {where: told for where, told in found.items() if told} == {}


def test_without_script_groups_are_found_and_a_list_is_pulled(
    browser: Browser, muster: Muster, directory: Directory, graph_port: int
) -> None:
    console, list_id = _signed_in(browser, muster, "Pulled without script", script=False)
    page = console.page
    with GraphServer(directory, port=graph_port):
        console.open(f"/settings/directories/new?list={list_id}")
        _enter(console, directory, directory.client_secret)
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_role("radio", name="Username").check()
        page.locator("select[name=every]").select_option("60")
        page.get_by_role("searchbox", name="Search groups").fill("office")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Add Office staff").click()
        expect(page.locator(".chips")).to_contain_text("Office staff")
        page.get_by_role("button", name="Connect", exact=True).click()

        expect(page.locator("#conn-t")).to_contain_text("Never run")
        expect(page.locator("main")).to_contain_text("Every hour")
        page.locator("#sync-start").click()
        eventually(lambda: len(muster.people(list_id, "active")) == 10, what="the members")
    console.close()


def _signed_in(browser: Browser, muster: Muster, name: str, script: bool = True) -> tuple[Console, str]:
    """An operator of an organisation with one list, which is not connected; and the list's id."""
    list_id = muster.in_transaction(
        lambda cursor: master_list.create(cursor, organisation.ensure(cursor, name, "business"), "Staff")
    )
    console = Console(browser, muster, script=script)
    console.sign_in(name)
    return console, list_id


def _enter(console: Console, directory: Directory, secret: str) -> None:
    """Fill the form of a directory connection in."""
    page = console.page
    page.get_by_label("Name", exact=True).fill("North")
    page.get_by_label("Cloud").select_option(label="Simulated directory")
    page.get_by_label("Tenant ID").fill(directory.tenant_id)
    page.get_by_label("Client ID").fill(directory.client_id)
    page.get_by_label("Client secret").fill(secret)
