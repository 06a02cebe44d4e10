"""The Fields tab: each act, what its dialog says, and who may not."""

import re
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from models import database, job, master_list
from models.database import Connection
from models.fields import schema
from models.fields.schema import Schema
from tests.ingress.console.conftest import Browser, make_tenant
from tests.ingress.console.pulling import ACTS
from tests.ingress.console.test_people import add
from workers import refit


@pytest.fixture
def staff(browser: Browser, connection: Connection) -> Browser:
    """The browser, at a list with a dropdown besides."""
    with database.transaction(connection, [browser.tenant.list_id]) as cursor:
        schema.add(cursor, browser.tenant.list_id, master_list.new_field("Team", "dropdown", ["Red", "Blue"]))
    return browser


def read(browser: Browser, connection: Connection) -> Schema:
    with database.transaction(connection, [browser.tenant.list_id]) as cursor:
        return schema.read(cursor, browser.tenant.list_id)


def url(browser: Browser, *parts: str) -> str:
    return "/".join((f"/lists/{browser.tenant.list_id}/fields", *parts))


def send(browser: Browser, connection: Connection, *parts: str, **form: str) -> Any:
    """A form of the page as it is now."""
    return browser.post(url(browser, *parts), version=str(read(browser, connection).version), **form)


def work(browser: Browser, connection: Connection) -> None:
    list_id = browser.tenant.list_id
    with database.transaction(connection, [list_id]) as cursor:
        found = job.latest(cursor, list_id, job.FIELDS)
    assert found is not None
    refit.refit(connection, list_id, found.id, 60)


def audited(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(ACTS).fetchall()


def test_the_table_shows_type_mapping_and_how_many_have_a_value(staff: Browser, connection: Connection) -> None:
    add(connection, staff.tenant.list_id, "ada", team="Red")
    add(connection, staff.tenant.list_id, "bo")

    page = staff.get(url(staff)).text

    row = page.split('id="f-team"')[1].split("</tr>")[0]
    assert ("Dropdown" in row, "2 options" in row, "By hand" in row, "<td>1</td>" in row) == (True,) * 4
    assert "Title" in page.split('id="f-job_title"')[1].split("</tr>")[0]
    assert "unique" in page.split('id="f-uid"')[1].split("</tr>")[0]
    assert 'aria-current="page">Fields' in page


def test_a_field_is_added_and_a_taken_label_is_refused_as_it_was_typed(staff: Browser, connection: Connection) -> None:
    assert staff.post(url(staff, "new"), label="Room", type="number", required="1").status_code == 303
    refused = staff.post(url(staff, "new"), label="room", type="text")

    assert (refused.status_code, 'value="room"' in refused.text) == (422, True)
    assert "The list has a field called &#39;room&#39;" in refused.text
    assert read(staff, connection).field("room").required
    assert audited(connection) == [("field.add", "Room")]


def test_a_field_is_renamed_and_who_came_second_is_told(staff: Browser, connection: Connection) -> None:
    page = staff.get(url(staff, "job_title", "label")).text
    version = re.findall(r'name="version" value="(\d+)"', page)[0]
    done = staff.post(url(staff, "job_title", "label"), version=version, label="Role")
    late = staff.post(url(staff, "job_title", "label"), version=version, label="Post")

    assert "the mapping of Title" in page
    assert (done.status_code, late.status_code) == (303, 409)
    assert "Somebody else changed this list&#39;s fields meanwhile" in late.text
    assert read(staff, connection).field("job_title").label == "Role"


def test_requiring_says_how_many_have_no_value(staff: Browser, connection: Connection) -> None:
    add(connection, staff.tenant.list_id, "ada", team="Red")
    add(connection, staff.tenant.list_id, "bo")
    add(connection, staff.tenant.list_id, "cy")

    dialog = staff.get(url(staff, "team", "required")).text
    send(staff, connection, "team", "required", required="1")

    assert "2 people have no value now" in dialog
    assert read(staff, connection).field("team").required


def test_fields_move_up_and_down(staff: Browser, connection: Connection) -> None:
    before = [field.key for field in read(staff, connection).fields]

    send(staff, connection, "team", "move", to="up")
    up = [field.key for field in read(staff, connection).fields]
    send(staff, connection, "team", "move", to="down")
    send(staff, connection, "team", "move", to="down")
    page = staff.client.post(
        url(staff, "locker", "move"),
        data={"_csrf": staff.csrf, "version": str(read(staff, connection).version), "to": "down"},
        headers={"HX-Request": "true"},
    ).text

    assert up == [*before[:-2], "team", before[-2]]
    assert page.index('id="f-locker"') > page.index(f'id="f-{before[2]}"')
    assert "<html" not in page


def test_a_type_is_tried_then_changed_and_values_follow(staff: Browser, connection: Connection) -> None:
    for uid, locker in (("ada", "12"), ("bo", "left")):
        add(connection, staff.tenant.list_id, uid, locker=locker)

    tried = send(staff, connection, "locker", "type", type="number").text
    unsure = send(staff, connection, "locker", "type", type="number", tried="1")
    done = send(staff, connection, "locker", "type", type="number", tried="1", clear="1")
    running = staff.get(url(staff)).text
    work(staff, connection)

    assert ("1 of 2 values do not fit" in tried, "<code>left</code>" in tried) == (True, True)
    assert "Clear 1 value and change" in tried
    assert (unsure.status_code, done.status_code) == (422, 303)
    assert "Values of Locker are being changed: 0 of 2 people" in running
    assert connection.execute("select fields from person order by uid").fetchall() == [({"locker": 12},), ({},)]
    assert "Values of Locker were changed" in staff.get(url(staff, "progress")).text


def test_a_mapped_fields_change_says_that_people_are_mapped_again(staff: Browser, connection: Connection) -> None:
    add(connection, staff.tenant.list_id, "ada", job_title="12")

    tried = send(staff, connection, "job_title", "type", type="dropdown", options="12").text
    send(staff, connection, "job_title", "type", type="dropdown", options="12", tried="1")
    work(staff, connection)
    mapped, by_hand = (staff.get(url(staff, key, "options")).text for key in ("job_title", "team"))
    send(staff, connection, "job_title", "options", act="add", name="13")

    again = "mapped again from what it sent last"
    assert again in tried
    assert again not in send(staff, connection, "locker", "type", type="number").text
    assert ("The mapping of Title fills this field" in mapped, "mapping" in by_hand) == (True, False)
    kinds = connection.execute("select kind, state from job order by created_at").fetchall()
    assert kinds == [("fields", "done"), ("remap", "ended"), ("remap", "waiting")]


def test_a_removal_says_what_is_lost_and_a_mapped_field_stays(staff: Browser, connection: Connection) -> None:
    add(connection, staff.tenant.list_id, "ada", locker="12")

    mapped = staff.get(url(staff, "job_title", "remove")).text
    refused = send(staff, connection, "job_title", "remove")
    dialog = staff.get(url(staff, "locker", "remove")).text
    done = send(staff, connection, "locker", "remove")
    work(staff, connection)

    assert "The mapping of <strong>Title</strong> fills this field" in mapped
    assert (refused.status_code, done.status_code) == (409, 303)
    assert "1 person has a value, and loses it" in dialog
    assert connection.execute("select fields from person").fetchone() == ({},)
    assert staff.get(url(staff, "uid", "remove")).status_code == 400


def test_a_field_without_options_has_no_page_of_them(staff: Browser, connection: Connection) -> None:
    answer = staff.get(url(staff, "department", "options"))

    assert (answer.status_code, "make it a dropdown first" in answer.text) == (400, True)


def test_options_are_changed_on_their_page(staff: Browser, connection: Connection) -> None:
    ada = add(connection, staff.tenant.list_id, "ada", team="Red")

    send(staff, connection, "team", "options", act="add", name="Green, Gold")
    send(staff, connection, "team", "options", act="up", option="Gold")
    taken = send(staff, connection, "team", "options", act="rename", option="Gold", name="RED")
    send(staff, connection, "team", "options", act="rename", option="Red", name="Crimson")
    work(staff, connection)
    asked = staff.get(url(staff, "team", "options", "remove?option=Crimson")).text
    send(staff, connection, "team", "options", act="keep", option="Crimson")
    page = staff.get(url(staff, "team", "options")).text

    assert taken.status_code == 409
    assert "1 person has it" in asked
    assert read(staff, connection).field("team").options == ("Blue", "Gold", "Green")
    assert 'Crimson <span class="tag soft">not offered</span>' in page
    # The option that is gone stays with whoever has it, through another edit of theirs.
    drawer = f"/lists/{staff.tenant.list_id}/people/{ada}"
    assert "Crimson (not offered any more)" in staff.get(drawer).text
    assert staff.post(drawer, version="2", f_team="Crimson", f_locker="7").status_code == 303
    assert connection.execute("select fields from person").fetchone() == ({"team": "Crimson", "locker": "7"},)


def test_people_are_called_as_before_when_a_field_of_their_name_is_renamed(
    staff: Browser, connection: Connection
) -> None:
    add(connection, staff.tenant.list_id, "E1", display_name="Ada Lovelace")

    send(staff, connection, "display_name", "label", label="Full Title")

    assert "Ada Lovelace</a>" in staff.get(f"/lists/{staff.tenant.list_id}/people").text


def test_an_edit_is_fitted_to_the_type_that_the_field_has_by_then(staff: Browser, connection: Connection) -> None:
    list_id = staff.tenant.list_id
    ada = add(connection, list_id, "ada", locker="12")
    send(staff, connection, "locker", "type", type="number", tried="1")

    refused = staff.post(f"/lists/{list_id}/people/{ada}", version="1", f_locker="left")

    assert (refused.status_code, "is not a number" in refused.text) == (422, True)


def test_viewers_look_and_do_not_change(client: TestClient[Litestar], connection: Connection) -> None:
    viewer = Browser(client, make_tenant(connection, "West", role="viewer"))
    viewer.sign_in()

    page = viewer.get(url(viewer)).text

    assert ("Locker" in page, "Remove" in page, "Add field" in page) == (True, False, False)
    assert viewer.get(url(viewer, "locker", "remove")).status_code == 403
    assert viewer.post(url(viewer, "locker", "remove"), version="1").status_code == 403


def test_another_organisations_list_is_unknown(staff: Browser, connection: Connection) -> None:
    other = make_tenant(connection, "South")

    assert staff.get(f"/lists/{other.list_id}/fields").status_code == 404
    assert staff.post(f"/lists/{other.list_id}/fields/locker/remove", version="1").status_code == 404
    with database.transaction(connection, [other.list_id]) as cursor:
        assert schema.read(cursor, other.list_id).field("locker").label == "Locker"
