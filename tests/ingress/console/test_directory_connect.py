"""Connecting a list to Directory Sync, and choosing otherwise later."""

import re
import threading
from html import unescape

import pytest

from ingress import asking
from models import connection as connections
from models import database, organisation
from models.database import Connection
from models.directory import runs, syncs
from models.directory.schedule import DAY, Schedule
from models.directory.syncs import Sync
from tests.ingress.console.conftest import Browser, make_tenant
from tests.ingress.console.pulling import HX, School, hidden


def sync_of(school: School) -> Sync | None:
    with database.transaction(school.connection, [school.list_id]) as cursor:
        return syncs.of_list(cursor, school.list_id)


def test_the_second_card_leads_to_the_page_and_the_page_to_a_connection(school: School) -> None:
    card = school.page(school.sync)
    assert f'href="{school.sync}/directory"' in card
    assert "Not offered" not in card

    page = school.page(f"{school.sync}/directory")

    assert "Your organisation has no directory connection yet" in page
    assert f"/settings/directories/new?list={school.list_id}" in page
    assert all(one in page for one in ("employeeId", "userPrincipalName", "<code>mail</code>"))
    assert "<option selected>UTC</option>" in page


def test_a_list_is_connected_to_groups(school: School) -> None:
    teachers = school.directory.add_group("Teachers")
    form = {
        "connection": school.add(), "uid": "email", "whom": "groups", "group": [f"{teachers} Teachers"],
        "without_guests": "1", "every": str(DAY), "at": "02:30", "time_zone": "Europe/Amsterdam",
    }  # fmt: skip

    answer = school.send(f"{school.sync}/directory", form)

    assert answer.headers["location"] == school.sync
    found = sync_of(school)
    assert found is not None
    assert [tuple(one) for one in found.scope.groups or ()] == [(teachers, "Teachers")]
    assert (found.scope.guests, found.schedule) == (False, Schedule(DAY, 150, "Europe/Amsterdam"))
    assert school.acts()[-1] == ("connection.connect", "Directory Sync, email")
    page = school.page(school.sync)
    assert "Never run" in page
    assert "Daily at 02:30 (Europe/Amsterdam)" in page
    assert "Teachers; guests are left out" in page
    assert "Disconnect Directory Sync (Entra ID) first." in page
    assert 'id="sync-preview"' in page
    assert "The guard is on." in page
    assert "Directory Sync connected" in school.page("/lists")


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"connection": ""}, "Choose a directory connection, or add one"),
        ({"group": []}, "Choose at least one group, or everybody in the directory"),
        ({"uid": ""}, "Choose a unique identifier"),
        ({"uid": "shoeSize"}, "Unique identifier 'shoeSize' does not exist"),
        ({"every": "7"}, "cannot be synced every 7 minutes"),
        ({"every": "x"}, "cannot be synced every 0 minutes"),
        ({"every": str(DAY), "at": "25:00"}, "needs a time of day"),
        ({"every": str(DAY), "time_zone": "Moon/Base"}, "Time zone 'Moon/Base' does not exist"),
    ],
)
def test_what_is_missing_is_said_and_what_was_typed_stays(school: School, other: dict[str, str], sentence: str) -> None:
    group = school.directory.add_group("Teachers")
    form = {
        "connection": school.add(), "uid": "email", "whom": "groups", "group": [f"{group} Teachers & <b>"],
        "without_guests": "1", "every": "60", "at": "04:05", "time_zone": "Europe/Paris", "q": "teach",
    }  # fmt: skip

    answer = school.send(f"{school.sync}/directory", {**form, **other})

    page = unescape(answer.text)
    assert (answer.status_code, sentence in page) == (422, True)
    assert sync_of(school) is None
    if "group" not in other:
        assert hidden(answer.text)["group"] == [f"{group} Teachers & <b>"]
        assert "Teachers &amp; &lt;b&gt;" in answer.text
    assert 'name="without_guests" value="1" checked' in page
    assert 'value="teach"' in page
    assert f"<option selected>{other.get('time_zone', 'Europe/Paris')}</option>" in page


def test_groups_are_searched_chosen_and_taken_back_as_the_form_goes_to_and_fro(school: School) -> None:
    people = [school.directory.add_user(givenName=str(number)) for number in range(3)]
    teachers = school.directory.add_group("Maths teachers", people)
    office = school.directory.add_group("Office")
    url, form = f"{school.sync}/directory/groups", {"connection": school.add(), "whom": "groups", "uid": "userName"}

    found = school.send(url, {**form, "q": "teach"}, **HX)

    assert found.status_code == 200
    assert "<html" not in found.text
    assert "3 members" in found.text
    assert "Office" not in found.text
    everything = school.send(url, {**form, "q": ""}, **HX)
    assert "Office" in everything.text
    asked = len(school.graph.requests)

    # With script a part of the page, without it the whole page: either has everything that was there.
    chosen = school.send(url, {**form, **hidden(everything.text), "add": f"{teachers} Maths teachers"}, **HX)
    assert hidden(chosen.text)["group"] == [f"{teachers} Maths teachers"]
    page = school.send(url, {**form, **hidden(chosen.text), "every": "30", "add": f"{office} Office"})
    assert hidden(page.text)["group"] == [f"{teachers} Maths teachers", f"{office} Office"]
    assert "2 groups are chosen" in page.text
    assert '<option value="30" selected>' in page.text
    left = school.send(url, {**form, **hidden(page.text), "remove": teachers}, **HX)
    assert hidden(left.text)["group"] == [f"{office} Office"]
    assert "3 members" in left.text  # what was found is still there
    assert len(school.graph.requests) == asked  # and Microsoft was not asked again


def test_what_one_directory_has_found_is_not_offered_for_another(school: School) -> None:
    school.directory.add_group("Teachers")
    first, second = school.add(), school.add(name="South")
    url = f"{school.sync}/directory/groups"
    found = hidden(school.send(url, {"connection": first}, **HX).text)
    assert found["found_of"] == [first]

    other = school.send(url, {**found, "connection": second, "remove": "x"}, **HX)

    assert "Teachers" not in other.text


def test_a_search_that_microsoft_refuses_is_told_in_its_place(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    url, connection_id = f"{school.sync}/directory/groups", school.add()
    assert "Choose a directory connection first" in school.send(url, {"q": "x"}, **HX).text
    school.directory.permissions.clear()

    refused = school.send(url, {"connection": connection_id, "q": "x"}, **HX)

    assert (refused.status_code, "lacks a permission" in refused.text) == (422, True)
    monkeypatch.setattr(asking, "_asking", threading.BoundedSemaphore(1))
    with asking._turn():
        busy = school.send(url, {"connection": connection_id, "q": "x"})
    assert (busy.status_code, asking.BUSY in busy.text) == (503, True)


def test_forged_groups_are_no_groups(school: School) -> None:
    form = {"connection": school.add(), "uid": "email", "whom": "groups", "every": ""}

    for text in ("x", "x Teachers", "11111111-2222-4333-8444-555555555555", f"{'1' * 36} T", "';-- T"):
        answer = school.send(f"{school.sync}/directory", {**form, "group": [text]})
        assert "Choose at least one group" in unescape(answer.text)


def test_a_plan_that_is_too_low_connects_nothing(school: School, connection: Connection) -> None:
    connection_id = school.add()
    with database.transaction(connection) as cursor:
        organisation.ensure(cursor, "School", "free")

    assert "Requires a Pro, Business or Enterprise plan" in school.page(school.sync)
    assert school.browser.get(f"{school.sync}/directory").status_code == 403
    form = {"connection": connection_id, "uid": "email", "whom": "everybody", "every": ""}
    answer = school.send(f"{school.sync}/directory", form)
    assert (answer.status_code, "needs the Pro, Business or Enterprise plan" in answer.text) == (403, True)
    assert sync_of(school) is None


def test_a_list_has_one_provider(browser: Browser, school: School, connection: Connection) -> None:
    both = Browser(browser.client, make_tenant(connection, "Both", plan="business"))
    both.client.cookies.clear()
    both.sign_in()
    pushed = School(both, connection, school.graph)
    form = {"connection": pushed.add(), "uid": "email", "whom": "everybody", "every": ""}

    assert both.get(f"{pushed.sync}/directory").headers["location"] == pushed.sync
    refused = pushed.send(f"{pushed.sync}/directory", form)
    assert "is connected to Automated User Provisioning already" in refused.text
    assert "Disconnect Automated User Provisioning first." in pushed.page(pushed.sync)

    connection.execute("delete from connection where list_id = %s", (pushed.list_id,))
    assert pushed.send(f"{pushed.sync}/directory", form).status_code == 303
    refused = pushed.send(f"{pushed.sync}/connect", {"uid": "email"})
    assert (refused.status_code, "is connected to Directory Sync (Entra ID) already" in refused.text) == (422, True)


def test_what_only_scim_can_fill_is_switched_off(school: School, connection: Connection) -> None:
    connection.execute("update organisation set plan = 'business' where name = 'School'")
    assert school.send(f"{school.sync}/connect", {"uid": "email"}).status_code == 303
    for attribute in ("name.middleName", "urn:acme:2.0:User:badge"):
        connection.execute(
            "insert into field_mapping values (%s, %s, %s, true)", (school.list_id, attribute, attribute)
        )
    connection.execute("delete from connection")

    school.connect()

    on = {
        row[0]
        for row in connection.execute("select attribute from field_mapping where enabled and list_id = %s",
                                      (school.list_id,)).fetchall()
    }  # fmt: skip
    assert "name.givenName" in on
    assert not on & {"name.middleName", "urn:acme:2.0:User:badge"}


def test_choosing_otherwise_begins_with_what_is_in_force(school: School) -> None:
    teachers, office = (school.directory.add_group(name) for name in ("Teachers", "Office"))
    school.connect(teachers, every=str(DAY), at="04:05", time_zone="Asia/Tokyo", without_guests="1")

    page = school.browser.get(f"{school.sync}/directory").text

    assert "Change Directory Sync" in page
    assert 'name="uid"' not in page
    assert hidden(page)["group"] == [f"{teachers} A group"]
    assert 'value="04:05"' in page
    assert "<option selected>Asia/Tokyo</option>" in page
    assert 'name="without_guests" value="1" checked' in page
    [connection_id] = re.findall(r'<option value="([\w-]{36})" selected>', page)

    form = {"connection": connection_id, "whom": "groups", "group": [f"{office} Office"], "every": "15"}
    assert school.send(f"{school.sync}/directory", form).headers["location"] == school.sync

    found = sync_of(school)
    assert found is not None
    assert (found.scope.groups[0].name if found.scope.groups else "", found.schedule) == ("Office", Schedule(15))
    assert school.acts()[-1] == ("sync.change", "groups, guests, schedule")


def test_nothing_is_chosen_otherwise_while_a_run_is_at_work(school: School) -> None:
    school.connect()
    [row] = school.connection.execute("select id::text from directory_connection").fetchall()
    with database.transaction(school.connection, [school.list_id]) as cursor:
        runs.start(cursor, school.list_id, "ops")

    answer = school.send(f"{school.sync}/directory", {"connection": row[0], "whom": "everybody", "every": "15"})

    assert (answer.status_code, "A run is at work with the present choice" in answer.text) == (422, True)


def test_disconnecting_keeps_everybody_and_leads_to_the_cards(school: School, connection: Connection) -> None:
    school.directory.add_user(userPrincipalName="mila@n.example")
    school.connect()
    school.run()
    run_id = school.start()

    dialog = school.page(f"{school.sync}/disconnect")
    assert "A run that is at work ends." in dialog
    assert "token" not in dialog.partition('id="dlg-d"')[2].partition("</footer>")[0].lower()
    assert school.send(f"{school.sync}/disconnect", {}).headers["location"] == school.sync
    assert "No run begins any more" in school.page(school.sync)
    assert school.browser.get(f"{school.sync}/directory").headers["location"] == school.sync
    assert connection.execute("select state from job where id = %s", (run_id,)).fetchall() == [("ended",)]
    with database.transaction(connection, [school.list_id]) as cursor:
        while connections.forget(cursor, school.list_id):
            pass

    assert "Keep Staff up to date by itself" in school.page(school.sync)
    assert school.people() == {"mila@n.example": True}
    connection.execute("update organisation set plan = 'business' where name = 'School'")
    assert school.send(f"{school.sync}/connect", {"uid": "userName"}).headers["location"] == school.sync
    assert "Waiting for first request" in school.page(school.sync)
