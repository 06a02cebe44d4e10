"""Take the documentation's pictures of the console again: python -m tests.journeys.pictures docs/pictures."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from models import connection, database, master_list, organisation, token
from ops import filling
from ops.browser import chromium
from ops.simulators.graph import Directory, GraphServer
from tests.factories import replace, user
from tests.journeys.console import Console
from tests.journeys.idp import Idp
from tests.journeys.system import Muster, running

ORGANISATION, OPERATOR = "Harbour College", "ruth.amadi@harbour.example"
PEOPLE, ENTRIES = 260, 12_000


def state(muster: Muster) -> dict[str, Any]:
    """What `muster up` wrote down about itself."""
    found: dict[str, Any] = json.loads((muster.folder / "d" / "state.json").read_text())
    return found


def lists(muster: Muster) -> str:
    """Three lists of an organisation, one of them filled by an identity provider for two months."""

    def create(cursor: Any) -> str:
        owner = organisation.ensure(cursor, ORGANISATION, "business")
        for name in ("Alumni", "Students"):
            master_list.create(cursor, owner, name)
        list_id = master_list.create(cursor, owner, "Staff")
        database.allow(cursor, [list_id])
        connection.connect(cursor, list_id, "userName", OPERATOR)
        master_list.ensure_fields(cursor, list_id, [("Locker", "text"), ("Parking", "text")])
        return list_id

    list_id = muster.in_transaction(create)
    urls = state(muster)
    filling.fill(urls["database_url"], urls["owner_url"], list_id, PEOPLE, ENTRIES)
    return list_id


def push(muster: Muster, list_id: str) -> None:
    """A few minutes of an identity provider's day."""
    issued = muster.in_transaction(
        lambda cursor: token.issue(cursor, list_id, "Okta production", None, OPERATOR), list_id
    )
    with Idp(list_id, f"{state(muster)['url']}/scim/v2/{list_id}", issued.token) as idp:
        idp.http.headers["User-Agent"] = "Okta SCIM Client 1.0.0"
        for given, family, title in (
            ("Mila", "Okafor", "Registrar"), ("Tomas", "Lind", "Librarian"), ("Noor", "Haddad", "Lecturer"),
        ):  # fmt: skip
            name = f"{given}.{family}".lower()
            body = user(f"{name}@harbour.example", title=title, name={"givenName": given, "familyName": family})
            created = idp.create(body | {"displayName": f"{given} {family}"})
            idp.set(created, "title", f"Senior {title}")
        idp.patch(created, replace("active", False))
        idp.post({"userName": " ", "externalId": "00u9"})
    muster.settled(list_id)


def directory() -> Directory:
    """A school's directory with three groups."""
    made = Directory(users=240)
    ids = made.user_ids()
    for name, members in (("Teachers", ids[:180]), ("Office staff", ids[180:]), ("Office of the head", ids[:6])):
        made.add_group(name, members)
    return made


def pull(console: Console, school: Directory) -> None:
    """Add a connection, connect a list to two groups with a picture on the way, run, and empty a group."""
    page = console.page
    page.get_by_label("Name", exact=True).fill("Harbour College")
    page.get_by_label("Cloud").select_option(label="Simulated directory")
    for label, text in (
        ("Tenant", school.tenant_id),
        ("Client ID", school.client_id),
        ("secret", school.client_secret),
    ):
        page.get_by_label(label).fill(text)
    page.get_by_role("button", name="Save and test").click()
    page.wait_for_url("**/sync/directory?connection=*")
    for name in ("Teachers", "Office staff"):
        page.get_by_role("searchbox", name="Search groups by name").fill(name.split()[0])
        page.get_by_role("button", name=f"Add {name}").click()
        page.locator(".chips").get_by_text(name).wait_for()
    page.locator("select[name=every]").select_option("60")


def bring(console: Console, at: str, uids: list[str]) -> None:
    """Upload a file about some of a list's people, somebody new and a few mistakes, and have it previewed."""
    rows = [
        "Username;First name;Surname;Job title;Locker no.;Parking",
        *(f"{uid};;;Choir leader;B{12 + place};North yard" for place, uid in enumerate(uids)),
        "ines.moreau@harbour.example;Ines;Moreau;Guest organist;B7;", f"{uids[0]};;;;B99;", ";Unknown;Guest;;;",
    ]  # fmt: skip
    file = {"name": "Lockers autumn.csv", "mimeType": "text/csv", "buffer": "\r\n".join(rows).encode("utf-16")}
    page = console.page
    console.open(f"{at}/imports/new")
    page.get_by_label("CSV file").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Upload").click()
    page.get_by_label("What Locker no. fills").select_option(label="Locker")
    page.get_by_role("button", name="Preview").click()
    page.locator("#row-2").wait_for(timeout=30_000)


def copied(console: Console, at: str) -> None:
    """Take a session, edit somebody in it, and compare it with the list."""
    page = console.page
    console.open(f"{at}/sessions/new")
    page.get_by_label("Name", exact=True).fill("Autumn term")
    page.get_by_role("button", name="Take session").click()
    page.locator(".counts").wait_for()
    for place, locker in ((2, "B99"), (5, "C04")):
        page.locator("tbody a").nth(place).click()
        page.get_by_role("dialog").get_by_label("Locker").fill(locker)
        page.get_by_role("button", name="Save changes").click()
        page.get_by_role("region", name="Differences").wait_for()
        page.keyboard.press("Escape")
    page.get_by_role("link", name="Compare with the list").click()
    page.get_by_role("region", name="Differences").wait_for()


def take(page: Page, path: Path) -> None:
    """One picture, without what moves."""
    page.evaluate("document.fonts.ready")
    page.screenshot(path=path, animations="disabled", caret="hide")
    if shutil.which("pngquant"):
        options = ["--force", "--skip-if-larger", "--strip", "--speed", "1", "--output", str(path)]
        subprocess.run(["pngquant", *options, str(path)], check=False)


def main(folder: Path) -> None:
    """All of them."""
    folder.mkdir(exist_ok=True)
    school = directory()
    with (
        GraphServer(school) as graph,
        running(
            "--no-demo", MUSTER_PUBLIC_URL="https://scim.muster.example", MUSTER_GRAPH_SIMULATOR=graph.url
        ) as muster,
        chromium() as browser,
    ):
        assert browser is not None
        names = (f"{name}@harbour.example" for name in ("ruth.amadi", "r.amadi", "ruth"))
        muster.ready["console_url"] = state(muster)["url"]  # the public one does not lead here
        list_id = lists(muster)
        push(muster, list_id)
        at = f"/lists/{list_id}"

        light = Console(browser, muster)
        light.sign_in(ORGANISATION, email=next(names))
        light.open(f"{at}/people")
        take(light.page, folder / "people.png")
        light.open(f"{at}/sync")
        light.page.set_viewport_size({"width": 1440, "height": 1240})
        take(light.page, folder / "sync.png")
        light.page.locator("#log-f [name=result]").select_option("rejected")
        light.page.locator("#log .bad-t").first.wait_for()
        light.page.locator("#log tbody a").first.click()
        light.page.locator("dialog[open]").wait_for()
        light.page.set_viewport_size({"width": 1440, "height": 900})
        take(light.page, folder / "log-entry.png")
        light.open(f"{at}/sync/mappings")
        title = light.page.get_by_label("Field for Title", exact=True)
        title.select_option(label="Department")
        light.page.locator("#map-state").get_by_text("conflict").wait_for()
        title.evaluate("select => select.scrollIntoView({block: 'center'})")
        take(light.page, folder / "mappings.png")
        title.select_option(label="Job Title")
        light.page.get_by_label("How Title is written", exact=True).select_option("uppercase")
        light.page.locator("#map-state").get_by_text("1 unsaved change").wait_for()
        light.page.get_by_role("button", name="Preview").click()
        light.page.locator("dialog[open]").wait_for()
        take(light.page, folder / "mapping-preview.png")
        bring(light, at, [one["uid"] for one in muster.people(list_id, "active")[2:5]])
        take(light.page, folder / "import.png")
        light.open(f"{at}/fields")
        take(light.page, folder / "fields.png")
        copied(light, at)
        take(light.page, folder / "session-compare.png")
        pulled = muster.rows("select id from master_list where name = 'Students'")[0][0]
        light.open(f"/settings/directories/new?list={pulled}")
        pull(light, school)
        light.page.locator("#s-whom").evaluate("heading => heading.scrollIntoView({block: 'start'})")
        take(light.page, folder / "directory-choice.png")
        light.page.get_by_role("button", name="Connect", exact=True).click()
        light.page.locator("#sync-preview").click()
        light.page.locator("#apply-now").click(timeout=30_000)
        light.page.get_by_text("Up to date").wait_for(timeout=30_000)
        school.remove_members(school.group_ids()[0], school.members(school.group_ids()[0]))
        light.page.locator("#sync-start").click()
        light.page.locator(".held-card").wait_for(timeout=30_000)
        light.page.set_viewport_size({"width": 1440, "height": 860})
        take(light.page, folder / "directory-sync.png")
        light.close()

        dark = Console(browser, muster, "dark")
        dark.sign_in(ORGANISATION, email=next(names))
        dark.open(f"{at}/people")
        dark.page.locator("tbody a").first.click()
        dark.page.locator("dialog[open]").wait_for()
        take(dark.page, folder / "person-dark.png")
        dark.open(f"{at}/sync")
        dark.page.set_viewport_size({"width": 1440, "height": 1240})
        take(dark.page, folder / "sync-dark.png")
        dark.close()

        phone = Console(browser, muster, width=390)
        phone.sign_in(ORGANISATION, email=next(names))
        phone.open(f"{at}/sync")
        take(phone.page, folder / "sync-phone.png")
        phone.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
