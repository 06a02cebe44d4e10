"""The audit log's page and file: filters, pages, who may look, and what is written down of signing in."""

import csv
import io
import re

from models import audit, database
from models.audit import Somebody
from models.database import Connection
from tests.ingress.console.conftest import Browser, Tenant, make_tenant


def write(connection: Connection, tenant: Tenant, count: int, detail: str = "") -> None:
    with database.transaction(connection) as cursor:
        for number in range(count):
            actor = Somebody(tenant.organisation_id, "ruth@north.example", "203.0.113.9")
            audit.record(cursor, actor, tenant.list_id, "field.add", detail or f"Field {number}")


def test_the_page_shows_who_what_when_and_from_where(browser: Browser, connection: Connection, north: Tenant) -> None:
    write(connection, north, 1)

    page = browser.get("/settings/audit").text

    for shown in ("ruth@north.example", "field.add", "Staff", "Field 0", "203.0.113.9", "operator.sign_in"):
        assert shown in page
    assert "Field 0" not in browser.get("/settings/audit?what=token").text
    assert "Field 0" in browser.get(f"/settings/audit?what=field&who=RUTH&list={north.list_id}&since=2020-01-01").text
    assert "No entries match" in browser.get("/settings/audit?until=2020-01-01").text


def test_pages_follow_each_other_with_their_filters(browser: Browser, connection: Connection, north: Tenant) -> None:
    write(connection, north, 51)

    first = browser.get("/settings/audit?what=field").text
    [older] = re.findall(r'id="audit-older" href="([^"]+)"', first)
    second = browser.get(older.replace("&amp;", "&")).text

    assert [first.count("<code>field.add"), second.count("<code>field.add")] == [50, 1]
    assert 'id="audit-newer" href="/settings/audit?what=field&amp;newer=' in second
    for odd in ("older=x", "newer=1.2", "since=yesterday", "until=9999-12-31", "since=0001-01-01", "who=%00"):
        assert browser.get(f"/settings/audit?{odd}").status_code == 200


def test_the_file_is_harmless_to_a_spreadsheet_and_its_taking_is_written_down(
    browser: Browser, connection: Connection, north: Tenant
) -> None:
    write(connection, north, 1, "=1+1")

    answer = browser.get("/settings/audit.csv?what=field")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))

    assert answer.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    assert [(one["who"], one["what"], one["list"], one["detail"]) for one in rows] == [
        ("ruth@north.example", "field.add", "Staff", "'=1+1")
    ]
    assert "audit.export" in browser.get("/settings/audit").text


def test_viewers_and_strangers_see_nothing_of_it(browser: Browser, connection: Connection, north: Tenant) -> None:
    write(connection, north, 1)
    viewer, stranger = (
        Browser(browser.client, make_tenant(connection, name, role))
        for name, role in (("West", "viewer"), ("South", "admin"))
    )

    viewer.sign_in()
    assert (viewer.get("/settings/audit").status_code, viewer.get("/settings/audit.csv").status_code) == (403, 403)
    assert "/settings/audit" not in viewer.get("/lists").text
    stranger.sign_in()
    assert "field.add" not in stranger.get("/settings/audit").text
    assert "field.add" not in stranger.get("/settings/audit.csv").text


def test_signing_in_and_out_and_a_wrong_password_are_written_down(
    browser: Browser, connection: Connection, north: Tenant
) -> None:
    client = browser.client
    client.post("/login", data={"email": north.email, "password": "wrong"})
    client.post("/login", data={"email": "nobody@north.example", "password": "wrong"})
    browser.post("/logout")

    rows = connection.execute("select action, operator, address, detail from audit_entry order by at").fetchall()
    assert rows == [
        (f"operator.{act}", north.email, "testclient", "") for act in ("sign_in", "refused", "sign_out")
    ]  # fmt: skip
