"""The mapping editor as operators use it: what it shows, checks, previews, saves and refuses."""

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from models import database, job
from models.attributes import ATTRIBUTES
from models.database import Connection
from tests.ingress.console.conftest import Browser, Tenant, make_tenant
from tests.workers.conftest import Roster
from workers import remap

BADGE = "urn:ietf:params:scim:schemas:extension:Custom:2.0:User"
NUMBER = {attribute.label: number for number, attribute in enumerate(ATTRIBUTES)}
FRAGMENT = {"HX-Request": "true"}


class Form(HTMLParser):
    """What a browser would send of the editor's page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        name, value = named.get("name"), named.get("value") or ""
        if tag == "input" and name and (named.get("type") != "checkbox" or "checked" in named):
            self.values[name] = value
        elif tag == "select":
            self._select = name or ""
        elif tag == "option" and ("selected" in named or self._select not in self.values):
            self.values[self._select] = value


@pytest.fixture
def roster(browser: Browser, connection: Connection) -> Roster:
    """North's list, with two people whom its identity provider has sent."""
    staff = Roster(connection, browser.tenant.list_id)
    staff.create("ada", title="Nurse", displayName="Ada Lovelace", name={"middleName": "Byron"})
    staff.create("bo", title="Cook", displayName="Bo Marsh", **{BADGE: {"badge": 7, "desk": "4b"}})
    staff.drain()
    return staff


def url(browser: Browser) -> str:
    return f"/lists/{browser.tenant.list_id}/sync/mappings"


def form(browser: Browser, **changed: Mapping[str, str | None]) -> dict[str, str]:
    """The page's form with some of the 27 changed, by label."""
    values = Form(browser.get(url(browser)).text).values
    for label, parts in changed.items():
        for part, value in parts.items():
            name = f"{part}_{NUMBER[label.replace('_', ' ')]}"
            if value is None:
                values.pop(name, None)
            else:
                values[name] = value
    return values


def send(browser: Browser, path: str, values: dict[str, str], fragment: bool = True) -> httpx.Response:
    return browser.client.post(
        url(browser) + path, data=values, headers=FRAGMENT if fragment else {}, follow_redirects=False
    )


def mapped(connection: Connection) -> dict[str, tuple[Any, ...]]:
    rows = connection.execute("select attribute, field, enabled, transform from field_mapping").fetchall()
    return {row[0]: row[1:] for row in rows}


def test_the_editor_shows_the_27_in_their_groups_with_the_last_value_of_each(browser: Browser, roster: Roster) -> None:
    page = browser.get(url(browser)).text

    values = Form(page).values
    assert sum(name.startswith("on_") for name in values) == 9
    assert sum(name.startswith("field_") for name in values) == 27
    counts = {"Name": "3/6", "Contact": "3/10", "Organisation": "3/9", "Account": "0/2"}
    assert all(f'<span id="n-{group}">{count}</span>' in page for group, count in counts.items())
    assert [text in page for text in ("9 of 27 on", "Bo Marsh", "Cook", "Byron", "Not sent yet")] == [True] * 5
    assert "Always on, trimmed: people are matched by it." in page
    assert values[f"field_{NUMBER['Middle name']}"] == ":default"
    assert "Middle Name (new)" in page


def test_two_attributes_for_one_field_are_a_conflict_and_nothing_is_saved(
    browser: Browser, roster: Roster, connection: Connection
) -> None:
    before = mapped(connection)
    values = form(browser, Display_name={"field": "first_name"})

    checked, refused = send(browser, "/check", values), send(browser, "", values)

    sentence = "First Name already receives Given name. Each field can take one attribute."
    assert (checked.status_code, refused.status_code) == (200, 422)
    for answer in (checked, refused):
        assert [text in answer.text for text in ("1 conflict", sentence)] == [True, True]
        assert f'hx-target="#e-{NUMBER["Display name"]}"' in answer.text
    assert mapped(connection) == before
    assert connection.execute("select count(*) from job").fetchone() == (0,)


def test_without_javascript_a_conflict_is_a_page_with_everything_as_it_was_chosen(
    browser: Browser, roster: Roster
) -> None:
    values = form(browser, Display_name={"field": "first_name"}, Middle_name={"on": "1", "transform": "uppercase"})

    answer = send(browser, "", values, fragment=False)

    assert (answer.status_code, "already receives Given name" in answer.text) == (422, True)
    assert Form(answer.text).values == values


def test_unsaved_changes_are_counted(browser: Browser, roster: Roster) -> None:
    nothing = send(browser, "/check", form(browser)).text
    some = send(browser, "/check", form(browser, Title={"on": None}, Display_name={"transform": "trim"})).text

    assert ("unsaved" in nothing, 'data-dirty="0"' in nothing) == (False, True)
    assert [text in some for text in ("2 unsaved changes", "8 of 27 on")] == [True, True]


def test_saving_maps_everyone_again_and_says_how_far_it_is(
    browser: Browser, roster: Roster, connection: Connection
) -> None:
    values = form(
        browser, Middle_name={"on": "1"}, Title={"transform": "uppercase"},
        User_name={"on": "1", "field": ":new", "label": "Sign-in name"},
    )  # fmt: skip
    saved = send(browser, "", values)
    waiting = browser.get(url(browser) + "/progress").text
    with database.transaction(connection, [roster.list_id]) as cursor:
        made = job.latest(cursor, roster.list_id, job.REMAP)
    assert made is not None
    remap.remap(connection, roster.list_id, made.id, {}, list)

    done = browser.get(url(browser)).text

    assert (saved.status_code, saved.headers["HX-Redirect"]) == (200, url(browser))
    assert "Re-mapping 0 of 2 people" in waiting
    assert 'hx-trigger="every 1s"' in waiting
    assert "Re-mapped 2 people" in done
    assert "2 changed" in done
    people = {one["uid"]: one["fields"] for one in roster.people()}
    assert people["ada"] == {
        "Display Name": "Ada Lovelace", "Job Title": "NURSE", "Middle Name": "Byron", "Sign-in name": "ada",
    }  # fmt: skip
    assert people["bo"]["Job Title"] == "COOK"
    assert mapped(connection)["title"] == ("job_title", True, "uppercase")
    acts = connection.execute("select action, detail from audit_entry where action !~ '^operator'").fetchall()
    assert acts == [
        ("mapping.save", "Middle name to Middle Name; Title to Job Title (uppercase); User name to Sign-in name")
    ]


def test_saving_what_is_in_force_already_does_nothing(browser: Browser, roster: Roster, connection: Connection) -> None:
    assert send(browser, "", form(browser), fragment=False).status_code == 303

    assert connection.execute("select mapping_version from connection").fetchone() == (1,)
    assert connection.execute("select count(*) from job").fetchone() == (0,)


def test_what_somebody_else_saved_meanwhile_is_not_overwritten(
    browser: Browser, roster: Roster, connection: Connection
) -> None:
    mine, theirs = form(browser, Title={"on": None}), form(browser, Department={"on": None})
    send(browser, "", theirs)

    checked, late = send(browser, "/check", mine), send(browser, "", mine)
    whole = send(browser, "", mine, fragment=False)

    assert (late.status_code, whole.status_code) == (409, 409)
    for answer in (checked, late, whole):
        assert "Somebody else saved these mappings meanwhile." in answer.text
    assert mapped(connection)["title"][1] is True


def test_the_preview_shows_people_before_and_after_and_saves_nothing(
    browser: Browser, roster: Roster, connection: Connection
) -> None:
    before = mapped(connection)
    values = form(browser, Title={"transform": "uppercase"}, Department={"on": None}, Middle_name={"on": "1"})

    answer = send(browser, "/preview", values)

    assert answer.status_code == 200
    for text in ("2 people would change", "NURSE", "Nurse", "Byron", "Middle Name</strong> will be written",
                 "Department</strong> will be yours to edit", "re-map 2 people"):  # fmt: skip
        assert text in answer.text
    assert mapped(connection) == before
    # Its own form carries every choice, so that it can be saved from there, without JavaScript too.
    assert Form(answer.text).values == values
    assert send(browser, "", Form(answer.text).values).headers["HX-Redirect"] == url(browser)


def test_a_preview_of_a_conflict_is_the_conflict(browser: Browser, roster: Roster) -> None:
    answer = send(browser, "/preview", form(browser, Display_name={"field": "first_name"}))

    assert (answer.status_code, answer.headers["HX-Retarget"]) == (422, "#map-state")
    assert "1 conflict" in answer.text


def test_extension_attributes_are_offered_once_they_were_sent(
    browser: Browser, roster: Roster, connection: Connection
) -> None:
    page = browser.get(url(browser)).text
    slots = {"Custom_attribute_A": {"on": "1", "attribute": f"{BADGE}:badge", "field": ":new", "label": "Badge"}}

    twice = send(browser, "/check", form(browser, **slots, Custom_attribute_B=slots["Custom_attribute_A"]))
    unknown = send(browser, "/check", form(browser, Custom_attribute_A={"on": "1", "attribute": "urn:x:y"}))
    empty = send(browser, "/check", form(browser, Custom_attribute_A={"on": "1"}))
    chosen = send(browser, "/check", form(browser, **slots))
    send(browser, "", form(browser, **slots))

    assert f"""<hx-partial hx-target="#s-{NUMBER["Custom attribute A"]}" hx-swap="innerHTML">""" in chosen.text
    assert "Last value received: </span>7" in chosen.text
    assert f'value="{BADGE}:badge"' in page
    assert "Custom attribute A already takes this attribute." in twice.text
    assert "has not sent this attribute" in unknown.text
    assert "Choose which attribute" in empty.text
    assert "1 problem" in empty.text
    assert mapped(connection)[f"{BADGE}:badge"] == ("badge", True, "copy")
    fields = connection.execute("select fields from master_list").fetchone()
    assert fields is not None
    assert [field["type"] for field in fields[0] if field["key"] == "badge"] == ["number"]
    assert form(browser)[f"attribute_{NUMBER['Custom attribute A']}"] == f"{BADGE}:badge"


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"field": "uid"}, "Choose a field of the list."),
        ({"field": "nowhere"}, "Choose a field of the list."),
        ({"field": ":new", "label": " locker "}, "The list has a field called locker"),
        ({"field": ":new", "label": ""}, "A field needs a label of 1 to 60 characters, on one line."),
        ({"transform": "shout"}, "Choose how the value is written"),
    ],
)
def test_what_cannot_be_saved_is_said_at_its_row(
    browser: Browser, roster: Roster, parts: dict[str, str | None], sentence: str
) -> None:
    assert sentence in send(browser, "", form(browser, Title=parts)).text


def test_viewers_see_the_mappings_disabled_and_no_way_to_save(
    client: TestClient[Litestar], connection: Connection, north: Tenant
) -> None:
    viewer = Browser(client, make_tenant(connection, "South", role="viewer"))
    viewer.sign_in()

    page = viewer.get(url(viewer)).text

    assert ('<fieldset class="bare" disabled>' in page, "data-saves" in page) == (True, False)
    assert "Shown to administrators" in page


def test_a_list_without_a_connection_has_nothing_to_map(browser: Browser, connection: Connection) -> None:
    connection.execute("delete from connection")

    page = browser.get(url(browser))

    assert (page.status_code, page.headers["Location"]) == (303, f"/lists/{browser.tenant.list_id}/sync")
    assert send(browser, "", {"_csrf": browser.csrf}).status_code == 400
