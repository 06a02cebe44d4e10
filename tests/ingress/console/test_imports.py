"""Imports and exports in the console: a file's way through upload, matching, preview and run."""

import csv
import errno
import io
import re
from dataclasses import replace
from tempfile import SpooledTemporaryFile
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from ingress import uploads
from ingress.console import imports
from models import database, operator, person
from models import job as jobs
from models.database import Connection
from tests.ingress.console.conftest import Browser, make_tenant
from tests.ingress.console.test_people import add
from workers import importing

FILE = "UID;Lockers;First Name;Status\r\n1;7;Ada;\r\n2;8;Bo;maybe\r\n".encode("utf-16")


def upload(browser: Browser, content: bytes = FILE, **form: str) -> httpx.Response:
    sent = {"_csrf": browser.csrf, **form}
    files = {"file": (r"C:\Lists\joiners.csv", content, "text/csv")}
    path = f"/lists/{browser.tenant.list_id}/imports/new"
    return browser.client.post(path, data=sent, files=files, follow_redirects=False)


def work(browser: Browser, connection: Connection) -> None:
    """What a worker does with what is open."""
    list_id = browser.tenant.list_id
    with database.transaction(connection, [list_id]) as cursor:
        found = [one.id for one in jobs.listing(cursor, list_id, jobs.IMPORT, 5) if one.is_open]
    assert found
    for job_id in found:
        while importing.work(connection, list_id, job_id):
            pass


def audited(connection: Connection) -> list[str]:
    rows = connection.execute("select action from audit_entry where action ~ '^(import|people)' order by at")
    return [row[0] for row in rows.fetchall()]


def people(connection: Connection, list_id: str) -> dict[str, Any]:
    return {one["uid"]: one["fields"] for one in person.people(connection, list_id, "all")}


def test_a_file_in_an_old_encoding_is_read_as_it_is_said_to_be(browser: Browser, connection: Connection) -> None:
    here = upload(browser, "UID;First Name\n1;Jiří\n".encode("cp1250"), encoding="windows-1250").headers["location"]
    row = connection.execute("select cells from import_row").fetchone()

    assert here
    assert row == (["1", "Jiří"],)
    assert "is not known" in upload(browser, encoding="klingon").text


def test_a_file_goes_through_all_steps(browser: Browser, connection: Connection) -> None:
    list_id = browser.tenant.list_id
    assert f'href="/lists/{list_id}/imports"' in browser.get(f"/lists/{list_id}/people").text
    assert "No imports yet" in browser.get(f"/lists/{list_id}/imports").text

    here = upload(browser).headers["location"]
    match = browser.get(here).text
    assert "joiners.csv" in match
    assert re.search(r'name="column_0".*?<option value="uid" selected>', match, re.DOTALL)
    assert "7 · 8" in match
    chosen = {"column_0": "uid", "column_1": "locker", "column_2": "first_name", "column_3": "@status"}
    assert browser.post(f"{here}/preview", **chosen).headers["location"] == here
    assert "Finding out what the rows would do" in browser.get(here).text
    assert 'value="0"' in browser.get(f"{here}/progress", **{"hx-request": "true"}).text
    work(browser, connection)

    assert browser.get(f"{here}/progress", **{"hx-request": "true"}).headers["hx-refresh"] == "true"
    look = browser.get(here).text
    assert "<strong>1</strong> New" in look
    assert "Status: &#39;maybe&#39; is neither Active nor Inactive" in look
    assert people(connection, list_id) == {}
    assert 'id="row-3"' not in browser.get(f"{here}?outcome=created").text
    browser.post(f"{here}/run")
    work(browser, connection)

    assert people(connection, list_id)["1"] == {"Locker": "7", "First Name": "Ada"}
    assert "What came of it" in browser.get(here).text
    refused = browser.get(f"{here}/refused.csv")
    assert refused.headers["content-disposition"] == 'attachment; filename="joiners-refused.csv"'
    assert refused.text.startswith("\ufeffUID,Lockers,First Name,Status,Error\r\n2,8,Bo,maybe,Status:")
    assert audited(connection) == ["import.upload", "import.preview", "import.run"]
    assert "Imported" in browser.get(f"/lists/{list_id}/imports").text


def test_what_is_wrong_with_a_file_is_said_on_its_form(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    for content, part in ((b"", "The file is empty"), (b"PK\x03\x04", "This is a workbook"), (b"UID\n", "no rows")):
        answer = upload(browser, content)
        assert (answer.status_code, part in answer.text) == (422, True)
    path = f"/lists/{browser.tenant.list_id}/imports/new"
    assert "Choose a file first" in browser.post(path).text
    handlers = [one for route in browser.client.app.routes for one in getattr(route, "route_handlers", ())]
    [taking] = [one for one in handlers if one.resolve_request_max_body_size() == imports.MOST_BYTES]
    monkeypatch.setattr(taking, "_resolved_request_max_body_size", 2_000)
    answer = upload(browser, b"UID\n" + b"1\n" * 2_000)
    assert (answer.status_code, "The file has more than 64 MB" in answer.text) == (422, True)


def test_two_files_are_taken_at_a_time(browser: Browser) -> None:
    others = {f"another {number}" for number in range(uploads.AT_ONCE)}
    uploads.at_it.update(others)
    busy = upload(browser)
    uploads.at_it.difference_update(others)

    assert (busy.status_code, "Two other files are being uploaded" in busy.text) == (503, True)
    assert upload(browser).status_code == 303


# Litestar leaves the file that it could not write to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_disk_without_room_is_said_and_the_turn_given_back(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(SpooledTemporaryFile, "rollover", without_room)
        full = [upload(browser, b"UID\n" + b"1\n" * 1_000_000) for _ in range(uploads.AT_ONCE + 1)]

    assert {(one.status_code, "There is no room for a file on our disk" in one.text) for one in full} == {(503, True)}
    assert upload(browser).status_code == 303


def without_room(_: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_columns_that_are_matched_wrongly_are_matched_again(browser: Browser, connection: Connection) -> None:
    here = upload(browser).headers["location"]

    wrong = browser.post(f"{here}/preview", column_0="", column_1="locker")
    assert (wrong.status_code, "No column is matched to the UID" in wrong.text) == (422, True)
    assert re.search(r'name="column_1".*?<option value="locker" selected>', wrong.text, re.DOTALL)
    browser.post(f"{here}/preview", column_0="uid", clear="1", dates="day")
    work(browser, connection)

    again = browser.get(f"{here}?match").text
    assert 'name="clear" value="1" checked' in again
    assert '<option value="day" selected>' in again


def test_a_page_of_rows_shows_the_beginning_of_long_cells(browser: Browser, connection: Connection) -> None:
    add(connection, browser.tenant.list_id, "1", locker="b" * 9_000)
    rows = ("c" * 100_000 + ",7,Ada", "1," + "l" * 9_000 + ",Bo", "2,7," + "f" * 9_000)
    here = upload(browser, "\n".join(("UID,Lockers,First Name", *rows)).encode()).headers["location"]
    browser.post(f"{here}/preview", column_0="uid", column_1="locker", column_2="first_name")
    work(browser, connection)

    page = browser.get(here).text
    assert [page.count(f"{letter * 190}") for letter in "cblf"] == [1, 1, 1, 1]
    assert not re.search("(.)\\1{200}", page)


def test_what_another_operator_has_previewed_otherwise_is_not_run(browser: Browser, connection: Connection) -> None:
    here = upload(browser).headers["location"]
    seen = []
    for locker in ("locker", ""):
        browser.post(f"{here}/preview", column_0="uid", column_1=locker)
        work(browser, connection)
        seen += re.findall(r'name="seen" value="([^"]+)"', browser.get(here).text)

    stale = browser.post(f"{here}/run", seen=seen[0])
    assert (stale.status_code, "was previewed anew meanwhile" in stale.text) == (409, True)
    assert people(connection, browser.tenant.list_id) == {}
    assert browser.post(f"{here}/run", seen=seen[1]).status_code == 303
    work(browser, connection)
    assert people(connection, browser.tenant.list_id)["1"].get("Locker") is None


def test_an_import_is_stopped_gone_on_with_or_discarded(browser: Browser, connection: Connection) -> None:
    here = upload(browser).headers["location"]
    browser.post(f"{here}/preview", column_0="uid")
    browser.post(f"{here}/stop")
    assert "Match the columns" in browser.get(here).text
    browser.post(f"{here}/preview", column_0="uid")
    work(browser, connection)
    browser.post(f"{here}/run")
    browser.post(f"{here}/stop")
    assert "Go on" in browser.get(here).text
    assert browser.post(f"{here}/discard").status_code == 400
    browser.post(f"{here}/run")
    work(browser, connection)
    assert "Imported" in browser.get(here).text

    other = upload(browser).headers["location"]
    browser.post(f"{other}/discard")
    assert browser.get(other).status_code == 404


def test_nobody_uploads_who_may_not(client: TestClient[Litestar], connection: Connection, browser: Browser) -> None:
    here = upload(browser).headers["location"]
    assert upload(browser, _csrf="").status_code == 403
    client.cookies.clear()
    assert upload(browser).headers["location"].startswith("/login")

    viewer = Browser(client, make_tenant(connection, "South", "viewer"))
    viewer.sign_in()
    assert upload(viewer).status_code == 403
    assert viewer.get(f"/lists/{viewer.tenant.list_id}/imports/new").status_code == 403
    assert "Import a file" not in viewer.get(f"/lists/{viewer.tenant.list_id}/imports").text
    strange = here.replace(browser.tenant.list_id, viewer.tenant.list_id)
    assert [viewer.get(path).status_code for path in (here, strange, f"{here}/refused.csv")] == [404, 404, 403]


def test_viewers_see_how_many_rows_came_to_what_and_no_cell(
    client: TestClient[Litestar], connection: Connection, browser: Browser
) -> None:
    here = upload(browser).headers["location"]
    with database.transaction(connection) as cursor:
        viewer = Browser(client, replace(browser.tenant, **_viewer(cursor, browser.tenant.organisation_id)))
    viewer.sign_in()
    early = viewer.get(here).text
    browser.sign_in()
    browser.post(f"{here}/preview", column_0="uid", column_3="@status")
    work(browser, connection)
    viewer.sign_in()

    late = viewer.get(here).text
    assert ("is to match its columns" in early, "Lockers" in early) == (True, False)
    assert "<strong>1</strong> Refused" in late
    assert ("maybe" in late, "Rows are shown to administrators" in late) == (False, True)
    assert viewer.get(f"{here}/refused.csv").status_code == 403


def _viewer(cursor: database.Cursor, organisation_id: str) -> dict[str, str]:
    return {
        "email": "eye@north.example",
        "password": operator.add(cursor, organisation_id, "eye@north.example", "viewer"),
    }


def test_people_are_exported_as_they_are_filtered(browser: Browser, connection: Connection) -> None:
    list_id = browser.tenant.list_id
    add(connection, list_id, "ada", locker="=1+1")
    add(connection, list_id, "bo", active=False)

    dialog = browser.get(f"/lists/{list_id}/people/export?status=all&q=ad").text
    assert ('<option value="all" selected>' in dialog, 'value="ad"' in dialog) == (True, True)
    answer = browser.get(f"/lists/{list_id}/people/export/file?status=all")
    found = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")))

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="people-{list_id}.csv"'
    assert answer.text.startswith("\ufeffUID,Status,")
    assert [(row[0], row[1]) for row in found[1:]] == [("ada", "Active"), ("bo", "Inactive")]
    assert "'=1+1" in found[1]
    lines = browser.get(f"/lists/{list_id}/people/export/file?format=ndjson&q=ada").text.splitlines()
    assert len(lines) == 1
    assert audited(connection) == ["people.export", "people.export"]
