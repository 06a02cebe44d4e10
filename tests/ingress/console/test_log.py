"""The provisioning log as operators see it: the table, one entry, its export, its retry, how long it is kept."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from psycopg.types.json import Jsonb

from ingress.console import log_export, log_words
from models import database, log_page, person
from models.database import Connection
from models.log_entry import Entry
from models.text import new_id
from tests.ingress.console.conftest import Browser, make_tenant
from tests.ingress.console.pulling import ACTS
from tests.models.test_log_page import write

ROW = re.compile(r'<tr id="e-(\d+)"')
HTMX = {"HX-Request": "true"}


class Log:
    """A list's log, written without an IdP."""

    def __init__(self, connection: Connection, list_id: str) -> None:
        self.connection, self.list_id, self._last = connection, list_id, 0

    def entry(self, *changes: tuple[str, Any, Any], age: timedelta = timedelta(0), **row: Any) -> int:
        """One entry; changes are (field, before, after)."""
        self._last += 1
        told = [{"field": field, "before": before, "after": after} for field, before, after in changes]
        with database.transaction(self.connection, [self.list_id]) as cursor:
            written = {"at": datetime.now(UTC) - age, "id": self._last, "changes": Jsonb(told), **row}
            write(cursor, self.list_id, **written)
        return self._last

    def person(self, uid: str, **fields: Any) -> str:
        """Somebody of the list."""
        with database.transaction(self.connection, [self.list_id]) as cursor:
            return person.add(cursor, self.list_id, uid, fields)


@pytest.fixture
def log(browser: Browser, connection: Connection) -> Log:
    """The log of North's list."""
    return Log(connection, browser.tenant.list_id)


def rows_of(page: str) -> list[int]:
    return [int(number) for number in ROW.findall(page)]


def table(browser: Browser, **query: str) -> str:
    answer = browser.client.get(f"/lists/{browser.tenant.list_id}/sync/log", params=query, headers=HTMX)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_entries_are_shown_newest_first_with_what_changed(browser: Browser, log: Log) -> None:
    ada = log.person("E1", display_name="Ada Lovelace")
    first = log.entry(("Department", "Maths", "Computing <b>"), person_id=ada, uid="E1", age=timedelta(minutes=5))
    second = log.entry(operation="create", result="rejected", detail="userName is taken", user_name="bob", repeats=12)
    page = table(browser)

    assert rows_of(page) == [second, first]
    assert "Ada Lovelace" in page
    assert "<s>Maths</s>" in page
    assert "Computing &lt;b&gt;" in page
    assert '<span class="bad-t">userName is taken</span>' in page
    assert "× 12" in page


def test_filters_narrow_the_log_and_stay_in_the_address(browser: Browser, log: Log) -> None:
    ada = log.person("E1", display_name="Ada Lovelace")
    rejected = log.entry(result="rejected", operation="create", user_name="zoe")
    waiting = log.entry(result="waiting", operation="create")
    old = log.entry(person_id=ada, age=timedelta(days=3))
    new = log.entry(person_id=ada)

    assert rows_of(table(browser)) == [new, waiting, rejected]
    assert rows_of(table(browser, period="7d")) == [new, waiting, rejected, old]
    assert rows_of(table(browser, result="rejected")) == [rejected]
    assert rows_of(table(browser, result="attention", operation="create")) == [waiting, rejected]
    assert rows_of(table(browser, q="lovel", period="all")) == [new, old]
    assert rows_of(table(browser, q="zo")) == [rejected]
    assert rows_of(table(browser, person=ada)) == [new]
    assert rows_of(table(browser, operation="no such", period="x", person="y")) == [new, waiting, rejected]
    answer = browser.get(f"/lists/{log.list_id}/sync/log?result=rejected&q=zoe+b", **HTMX)
    assert answer.headers["hx-replace-url"] == f"/lists/{log.list_id}/sync?q=zoe+b&result=rejected"
    polled = browser.get(f"/lists/{log.list_id}/sync/log?result=rejected", **HTMX, **{"X-Poll": "1"})
    assert "hx-replace-url" not in polled.headers


def test_without_htmx_the_sync_tab_shows_the_same(browser: Browser, log: Log) -> None:
    log.entry()
    rejected = log.entry(result="rejected")
    answer = browser.get(f"/lists/{log.list_id}/sync/log?result=rejected")

    assert (answer.status_code, answer.headers["location"]) == (303, f"/lists/{log.list_id}/sync?result=rejected")
    assert rows_of(browser.get(answer.headers["location"]).text) == [rejected]


def test_a_walk_through_the_pages_shows_every_entry_once_and_back(browser: Browser, log: Log) -> None:
    numbers = [log.entry(age=timedelta(seconds=100 - number)) for number in range(60)]
    seen, link, pages = [], f"/lists/{log.list_id}/sync/log", []
    while link:
        answer = browser.get(link, **HTMX)
        pages.append(answer.text)
        seen += rows_of(answer.text)
        link = _pager(answer.text, "Older")

    assert seen == numbers[::-1]
    assert len(pages) == 3
    assert "hx-push-url" in answer.headers
    assert "data-later" not in pages[0]
    assert "data-later" in pages[1]
    first = browser.get(_pager(pages[1], "Newer"), **HTMX).text
    assert rows_of(first) == rows_of(pages[0])


def _pager(page: str, text: str) -> str:
    found = re.search(rf'hx-get="([^"]*)"[^>]*>{text}</a>', page)
    return found[1].replace("&amp;", "&") if found else ""


def test_new_entries_are_announced_where_the_page_must_not_move(browser: Browser, log: Log) -> None:
    log.entry(age=timedelta(seconds=9))
    since = re.search(r'name="since" value="([\d.]+)"', table(browser))
    assert since
    log.entry(operation="create")
    log.entry()

    def told(**query: str) -> str:
        path = f"/lists/{log.list_id}/sync/log/new"
        return browser.client.get(path, params={"since": since[1], **query}, headers=HTMX).text

    assert "2 new entries" in told()
    assert "1 new entry" in told(operation="create")
    assert told(operation="delete").strip() == ""


def test_an_entry_shows_its_whole_story(browser: Browser, log: Log) -> None:
    ada = log.person("E1", display_name="Ada Lovelace")
    at = datetime.now(UTC)
    body = json.dumps({"userName": "ada", "title": "<Countess>"})
    number = log.entry(
        ("Email", "ada@", None), person_id=ada, uid="E1", result="partly_applied", detail="Email keeps its value",
        request_id="req-1", token_prefix="sct_abcdefgh", idp="okta", body=body, at=at, identity_id=new_id(),
        applied_at=at + timedelta(milliseconds=250),
    )  # fmt: skip
    page = browser.get(f"/lists/{log.list_id}/sync/log/{number}", **HTMX).text

    for told in (
        "Ada Lovelace", "Email keeps its value", "Correct the value in Okta", "req-1", "sct_abcdefgh", "+250 ms",
        "&#34;title&#34;: &#34;&lt;Countess&gt;&#34;", '<td class="muted">ada@</td><td>empty</td>', "Open person",
    ):  # fmt: skip
        assert told in page, told
    whole = browser.get(f"/lists/{log.list_id}/sync/log/{number}").text
    assert "<h1>Staff</h1>" in whole


def test_a_held_deactivation_leads_to_where_it_is_decided(browser: Browser, log: Log) -> None:
    held = log.entry(operation="deactivate", result="waiting", detail="Held: more people were deactivated")
    other = log.entry(result="waiting", detail="employeeNumber is missing")
    link = f'href="/lists/{log.list_id}/sync/held"'

    assert link in browser.get(f"/lists/{log.list_id}/sync/log/{held}", **HTMX).text
    assert link not in browser.get(f"/lists/{log.list_id}/sync/log/{other}", **HTMX).text


def test_a_viewer_sees_which_fields_changed_but_no_values_and_no_body(
    client: TestClient[Litestar], connection: Connection
) -> None:
    viewer = Browser(client, make_tenant(connection, "Views", role="viewer"))
    viewer.sign_in()
    log = Log(connection, viewer.tenant.list_id)
    number = log.entry(("Salary", "12345", "67890"), body='{"salary": 67890}')
    partly = log.entry(("Salary", "1", "2"), result="partly_applied", detail="Email: 'O'Brien 12345' is not one")
    waiting = log.entry(result="waiting", waits=True, detail="userName is missing")

    texts = [
        viewer.get(f"/lists/{log.list_id}/sync/{path}", **HTMX).text
        for path in ("log", f"log/{number}", f"log/{partly}", "log.csv", "log.ndjson")
    ]

    assert all("Salary" in text for text in texts)
    assert not any(secret in text for text in texts for secret in ("12345", "67890", "Brien"))
    assert "Email: …" in texts[2]
    assert "Retry" not in viewer.get(f"/lists/{log.list_id}/sync/log/{waiting}", **HTMX).text


def test_an_export_has_a_row_for_each_changed_field(browser: Browser, log: Log) -> None:
    ada = log.person("E1", display_name="Ada, Countess")
    log.entry(operation="request", resource="request", result="rejected", detail="no", age=timedelta(seconds=2))
    log.entry(("Age", 36, 37), ("City", None, "London"), person_id=ada, uid="E1", age=timedelta(seconds=1))
    log.entry(("Old", "a", "b"), age=timedelta(days=2))

    answer = browser.get(f"/lists/{log.list_id}/sync/log.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    lines = [json.loads(line) for line in browser.get(f"/lists/{log.list_id}/sync/log.ndjson").text.splitlines()]

    assert answer.headers["content-disposition"] == f'attachment; filename="log-{log.list_id}.csv"'
    assert [(row["field"], row["before"], row["after"], row["person"]) for row in rows] == [
        ("Age", "36", "37", "Ada, Countess"), ("City", "", "London", "Ada, Countess"), ("", "", "", "A request"),
    ]  # fmt: skip
    assert [(line["field"], line["before"], line["after"]) for line in lines] == [
        ("Age", 36, 37), ("City", None, "London"), (None, None, None),
    ]  # fmt: skip
    every = browser.get(f"/lists/{log.list_id}/sync/log.ndjson?period=all&operation=update").text.splitlines()
    told = browser.get("/settings/audit").text
    assert (told.count("<code>log.export</code>"), "operation=update" in told) == (3, True)
    assert len(every) == 3


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_an_export_is_a_formula(browser: Browser, log: Log, start: str) -> None:
    evil = f"{start}HYPERLINK(1)"
    log.entry(("Title", evil, evil), detail=evil, user_name=evil)
    [row] = csv.reader(io.StringIO(browser.get(f"/lists/{log.list_id}/sync/log.csv").text, newline="").readlines()[1:])

    assert [cell for cell in row if cell.startswith(start)] == []
    assert row.count(f"'{evil}") == 5


def test_an_export_is_read_and_sent_stretch_by_stretch(
    browser: Browser, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [log.entry(age=timedelta(seconds=100 - number), request_id=str(number)) for number in range(45)]
    fetched = []
    whole = log_page.page

    def page(*arguments: Any) -> Any:
        found = whole(*arguments)
        fetched.append(len(found.entries))
        return found

    monkeypatch.setattr(log_export, "STRETCH", 10)
    monkeypatch.setattr(log_page, "page", page)
    lines = browser.get(f"/lists/{log.list_id}/sync/log.ndjson").text.splitlines()

    assert fetched == [10, 10, 10, 10, 5]
    assert [json.loads(line)["request_id"] for line in lines] == [str(number - 1) for number in numbers[::-1]]


def test_a_waiting_entry_is_retried_from_its_page(browser: Browser, log: Log, connection: Connection) -> None:
    identity_id = new_id()
    connection.execute(
        "insert into identity (list_id, id, user_name_key, active, document, created, modified)"
        " values (%s, %s, 'ada', true, '{\"userName\": \"ada\"}', now(), now())",
        (log.list_id, identity_id),
    )
    number = log.entry(result="waiting", waits=True, identity_id=identity_id, detail="userName is missing: …")
    url = f"/lists/{log.list_id}/sync/log/{number}"
    assert f'action="{url}/retry"' in browser.get(url, **HTMX).text

    assert browser.post(f"{url}/retry").headers["location"] == url
    assert connection.execute("select operation, resource_id::text from journal").fetchall() == [
        ("reapply", identity_id)
    ]
    assert connection.execute(ACTS).fetchall() == [("log.retry", str(number))]


def test_a_refused_request_cannot_be_retried_by_us(browser: Browser, log: Log, connection: Connection) -> None:
    number = log.entry(result="rejected", detail="userName is taken", user_name="bob", idp="entra")
    url = f"/lists/{log.list_id}/sync/log/{number}"
    page = browser.get(url, **HTMX).text
    answer = browser.post(f"{url}/retry")

    assert "Provision on demand" in page
    assert f"{url}/retry" not in page
    assert (answer.status_code, "has to send it again" in answer.text) == (409, True)
    assert connection.execute("select count(*) from audit_entry where action !~ '^operator'").fetchone() == (0,)


def test_how_long_the_log_is_kept_is_set_and_written_down(browser: Browser, log: Log, connection: Connection) -> None:
    url = f"/lists/{log.list_id}/sync/retention"
    assert 'value="90" checked' in browser.get(url, **HTMX).text
    for wrong in ("7", "-30", "", "9" * 30, "²"):
        assert browser.post(url, days=wrong).status_code == 422
    assert browser.post(url, days="365").headers["location"] == f"/lists/{log.list_id}/sync"

    assert 'value="365" checked' in browser.get(url, **HTMX).text
    assert connection.execute(ACTS).fetchall() == [("log.retention", "90 to 365 days")]


def test_the_last_day_is_told_in_numbers_and_in_a_sentence(browser: Browser, log: Log) -> None:
    for operation, result in (("create", "applied"), ("update", "applied"), ("update", "rejected")):
        log.entry(operation=operation, result=result, applied_at=datetime.now(UTC) + timedelta(milliseconds=800))
    page = browser.get(f"/lists/{log.list_id}/sync/stats", **HTMX).text

    assert "3 changes in the last 24 hours: 1 created, 1 updated, 0 deactivated, 1 rejected" in page
    assert '<strong class="bad">1</strong>' in page
    assert f'href="/lists/{log.list_id}/sync?result=attention#log-h">View rejected and waiting</a>' in page
    assert re.search(r"<strong>\d+ ms</strong>", page)
    assert "style=" not in page


def test_an_empty_log_says_what_to_wait_for(browser: Browser, log: Log) -> None:
    assert "Waiting for the first request" in table(browser)
    log.entry(age=timedelta(days=2))
    assert "try a longer period" in table(browser)
    assert "Clear filters" in table(browser, q="nobody")


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"detail": "this bearer token was revoked: …", "idp": "entra"}, "Secret Token"),
        (
            {"detail": "this bearer token was used on another list's Base URL", "idp": "okta"},
            "own URL and Authorization",
        ),
        ({"detail": "userName is taken", "idp": "onelogin", "resource": "user"}, "Users › Provisioning"),
        ({"detail": "x", "applied_at": datetime.now(UTC)}, "could not be applied here"),
        ({"result": "waiting", "detail": "userName is missing: …"}, "send the attribute"),
        ({"result": "waiting", "detail": "mail is missing: …", "request_id": "sync-1"}, "the run that reads it"),
        ({"detail": "x is taken", "resource": "user", "request_id": "sync-1"}, "The next run tries again"),
        ({"result": "waiting", "detail": "Held: …"}, "release or discard"),
        ({"result": "applied"}, None),
    ],
)
def test_advice_is_in_the_words_of_the_identity_provider(entry: dict[str, Any], told: str | None) -> None:
    plain: dict[str, Any] = dict.fromkeys(Entry.__dataclass_fields__) | {
        "operation": "request", "resource": "request", "result": "rejected", "changes": [], "request_id": "", **entry,
    }  # fmt: skip
    advice = log_words.advice(Entry(**plain))

    assert advice is None if told is None else told in (advice or "")
