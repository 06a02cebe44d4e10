"""The Sync tab in each state of a list, and its tokens."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from ingress.console.tokens import warning
from models import connection as connections
from models import database, journal, master_list, organisation, token
from models.database import Connection
from models.journal import Entry
from models.text import new_id
from models.token import BearerToken
from tests.ingress.console.conftest import Browser, Tenant, make_tenant

RAW = re.compile(r"sct_[0-9A-Za-z]{46}")


@pytest.fixture
def lonely(client: TestClient[Litestar], connection: Connection) -> Browser:
    """An administrator whose list is not connected."""
    tenant = make_tenant(connection, "West")
    connection.execute("delete from field_mapping")
    connection.execute("delete from connection where list_id = %s", (tenant.list_id,))
    opened = Browser(client, tenant)
    opened.sign_in()
    return opened


def sync(browser: Browser) -> str:
    return f"/lists/{browser.tenant.list_id}/sync"


def set_plan(connection: Connection, name: str, plan: str) -> None:
    with database.transaction(connection) as cursor:
        organisation.ensure(cursor, name, plan)


def state(connection: Connection, tenant: Tenant) -> str | None:
    row = connection.execute("select state from connection where list_id = %s", (tenant.list_id,)).fetchone()
    return row[0] if row else None


@pytest.mark.parametrize(
    ("plan", "scim", "directory"),
    [("free", False, False), ("pro", False, True), ("business", True, True), ("enterprise", True, True)],
)
def test_cards_are_gated_by_the_plan(
    lonely: Browser, connection: Connection, plan: str, scim: bool, directory: bool
) -> None:
    set_plan(connection, "West", plan)

    page = lonely.get(sync(lonely)).text

    assert ("Requires a Business or Enterprise plan" in page) is not scim
    assert ("Requires a Pro, Business or Enterprise plan" in page) is not directory
    assert ('id="connect"' in page) is scim


def test_a_plan_that_is_too_low_connects_nothing_whatever_is_posted(lonely: Browser, connection: Connection) -> None:
    set_plan(connection, "West", "pro")

    answer = lonely.post(f"{sync(lonely)}/connect", uid="userName")

    assert (answer.status_code, "needs the Business or Enterprise plan" in answer.text) == (403, True)
    assert state(connection, lonely.tenant) is None


def test_connecting_asks_for_an_identifier_and_makes_the_default_mappings(
    lonely: Browser, connection: Connection
) -> None:
    assert "Choose a unique identifier" in lonely.post(f"{sync(lonely)}/connect").text
    assert lonely.post(f"{sync(lonely)}/connect", uid="shoeSize").status_code == 422

    assert lonely.post(f"{sync(lonely)}/connect", uid="employeeNumber").headers["location"] == sync(lonely)
    assert state(connection, lonely.tenant) == "connected"
    assert connection.execute("select count(*) from field_mapping").fetchone() == (9,)
    again = lonely.post(f"{sync(lonely)}/connect", uid="userName")
    assert (again.status_code, "is connected to Automated User Provisioning already" in again.text) == (422, True)


def test_connecting_takes_the_fields_that_are_there_in_any_case(lonely: Browser, connection: Connection) -> None:
    with database.transaction(connection) as cursor:
        given = [master_list.new_field("email", "email"), master_list.new_field("FIRST NAME", "text")]
        list_id = master_list.create(cursor, lonely.tenant.organisation_id, "Choir", given)

    lonely.post(f"/lists/{list_id}/sync/connect", uid="userName")

    with database.transaction(connection, [list_id]) as cursor:
        labels = [field.label for field in master_list.fields(cursor, list_id)]
    assert len({label.casefold() for label in labels}) == len(labels)
    assert {"email", "FIRST NAME", "Last Name"} <= set(labels)


def test_a_fresh_connection_says_what_to_do_next(browser: Browser) -> None:
    page = browser.get(sync(browser)).text

    assert "Waiting for first request" in page
    assert "Disconnect Automated User Provisioning first." in page
    assert f"/scim/v2/{browser.tenant.list_id}" in page
    assert "Generate a bearer token" in page


def test_a_token_is_shown_once_and_then_by_its_prefix(browser: Browser, connection: Connection) -> None:
    shown = browser.post(f"{sync(browser)}/tokens", label="Okta production", days="90")
    [raw] = set(RAW.findall(shown.text))

    assert (shown.status_code, shown.headers["cache-control"]) == (201, "no-store")
    with database.transaction(connection, [browser.tenant.list_id]) as cursor:
        found = token.holder(cursor, raw)
    assert found is not None
    assert found.list_id == browser.tenant.list_id
    for path in (sync(browser), f"{sync(browser)}/tokens/new", f"{sync(browser)}/tokens/{found.token_id}/revoke"):
        page = browser.get(path).text
        assert raw not in page
        assert RAW.findall(page) == []
    page = browser.get(sync(browser)).text
    assert f"{raw[:12]}…" in page
    assert "Okta production" in page
    acts = connection.execute("select action, detail from audit_entry where action !~ '^operator'").fetchall()
    assert acts == [("token.issue", raw[:12])]


@pytest.mark.parametrize("form", [{"days": "7"}, {"label": "x" * 61}, {"label": "two\nlines"}])
def test_a_token_with_odd_wishes_is_not_made(browser: Browser, connection: Connection, form: dict[str, str]) -> None:
    assert browser.post(f"{sync(browser)}/tokens", **form).status_code == 422
    assert connection.execute("select count(*) from bearer_token").fetchone() == (0,)


def test_revoking_says_what_follows_and_cuts_that_token_off_alone(browser: Browser, connection: Connection) -> None:
    list_id = browser.tenant.list_id
    with database.transaction(connection, [list_id]) as cursor:
        one, other = (token.issue(cursor, list_id, label, None, "t") for label in ("one", "other"))
        holder = token.holder(cursor, one.token)
        assert holder is not None
        token.touch(cursor, holder.token_id, "192.0.2.1")
    url = f"{sync(browser)}/tokens/{holder.token_id}/revoke"

    assert "In use: last request" in browser.get(url).text
    assert browser.post(url).status_code == 303
    assert browser.post(url).status_code == 303  # again: nothing is left to do
    rows = connection.execute("select label, revoked_at is null from bearer_token order by label").fetchall()
    assert rows == [("one", False), ("other", True)]
    with database.transaction(connection, [list_id]) as cursor:
        last = token.holder(cursor, other.token)
    assert last is not None
    assert "only active token" in browser.get(f"{sync(browser)}/tokens/{last.token_id}/revoke").text


@pytest.mark.parametrize(("days", "step"), [(2, 3), (10, 14), (29, 30), (31, None), (None, None)])
def test_an_expiry_is_warned_of_in_steps(days: int | None, step: int | None) -> None:
    now = datetime.now(UTC)
    expires = now + timedelta(days=days) if days else None
    one = BearerToken("1", "sct_x", "", "t", now, expires, None, None, None)

    assert warning(one, now) == step


def test_disconnecting_revokes_and_keeps_everybody(browser: Browser, connection: Connection) -> None:
    list_id = browser.tenant.list_id
    with database.transaction(connection, [list_id]) as cursor:
        token.issue(cursor, list_id, "one", None, "t")

    dialog = browser.get(f"{sync(browser)}/disconnect").text
    assert "1 active token of this list is revoked" in dialog
    assert "Nothing is deleted" in dialog
    assert browser.post(f"{sync(browser)}/disconnect").status_code == 303
    assert state(connection, browser.tenant) == "disconnecting"
    assert connection.execute("select bool_and(revoked_at is not null) from bearer_token").fetchone() == (True,)
    assert "Disconnecting" in browser.get(sync(browser)).text
    assert browser.get(sync(browser), **{"HX-Request": "true"}).status_code == 204
    with database.transaction(connection, [list_id]) as cursor:
        connections.forget(cursor, list_id)
    assert browser.get(sync(browser), **{"HX-Request": "true"}).headers["hx-redirect"] == sync(browser)
    assert "Keep Staff up to date by itself" in browser.get(sync(browser)).text


def use_token(connection: Connection, list_id: str, ago: timedelta) -> None:
    """Connected an hour before a token was used for the last time."""
    with database.transaction(connection, [list_id]) as cursor:
        token.issue(cursor, list_id, "one", None, "t")
    used = datetime.now(UTC) - ago
    connection.execute(
        "update bearer_token set created_at = %(at)s - interval '1 hour', last_used_at = %(at)s", {"at": used}
    )
    connection.execute("update connection set connected_at = %s - interval '1 hour'", (used,))


def test_a_connection_that_receives_says_so(browser: Browser, connection: Connection) -> None:
    use_token(connection, browser.tenant.list_id, timedelta(minutes=1))

    page = browser.get(sync(browser)).text

    assert "Receiving changes" in page
    assert "Nothing for" not in page
    assert "Waiting for first request" not in page


def test_a_silent_connection_is_told(browser: Browser, connection: Connection) -> None:
    use_token(connection, browser.tenant.list_id, timedelta(days=3))

    page = browser.get(sync(browser)).text

    assert "</i>Quiet</span>" in page
    assert "Nothing for 3 days." in page


def test_a_connection_without_an_active_token_is_told_in_red(browser: Browser, connection: Connection) -> None:
    use_token(connection, browser.tenant.list_id, timedelta(minutes=1))
    connection.execute("update bearer_token set revoked_at = now()")

    page = browser.get(sync(browser)).text

    assert '<span class="pill bad"><i></i>No active token</span>' in page
    assert "Your identity provider receives 401 Unauthorised until you generate a token" in page
    assert "</i>Revoked</span>" in page


def test_an_unused_token_says_so(browser: Browser, connection: Connection) -> None:
    with database.transaction(connection, [browser.tenant.list_id]) as cursor:
        token.issue(cursor, browser.tenant.list_id, "one", None, "t")

    assert "Never used" in browser.get(sync(browser)).text


def test_what_waits_for_the_workers_is_told_once_it_is_late(browser: Browser, connection: Connection) -> None:
    list_id = browser.tenant.list_id

    def stats_with_rows_of(seconds: int) -> str:
        entries = [Entry(list_id, new_id(), "create", "{}", None, None, new_id(), None) for _ in range(2)]
        with database.transaction(connection, [list_id]) as cursor:
            journal.append(cursor, entries)
        connection.execute("update journal set accepted_at = now() - make_interval(secs => %s)", (seconds,))
        return browser.get(f"{sync(browser)}/stats", **{"HX-Request": "true"}).text

    assert "not applied yet" not in stats_with_rows_of(1)
    late = stats_with_rows_of(65)
    assert "<strong>4 changes accepted and not applied yet,</strong> the oldest" in late
    assert "1 minute ago" in late


def test_the_last_burst_and_the_next_one_are_told(browser: Browser, connection: Connection) -> None:
    list_id, now = browser.tenant.list_id, datetime.now(UTC)
    use_token(connection, list_id, timedelta(minutes=1))
    connection.execute(
        "insert into burst values (%(list)s, %(at)s - interval '38 seconds', %(at)s, false, 900, 412, 0, 25, 4.5, 0.2,"
        " interval '40 ms', interval '1.2 s')",
        {"list": list_id, "at": now - timedelta(minutes=5)},
    )
    expected = now + timedelta(minutes=35)
    connection.execute("insert into rhythm values (%s, interval '40 minutes', %s)", (list_id, expected))

    page = browser.get(sync(browser)).text

    assert "Last burst: <strong>412 changes</strong> in 38.0 s, applied within 1.2 s" in page
    assert f"about every 40 minutes; the next is expected about {expected:%H:%M} UTC" in page


def test_a_plan_that_was_lowered_is_told(browser: Browser, connection: Connection) -> None:
    set_plan(connection, "North", "pro")

    assert "Pushes are answered with 403" in browser.get(sync(browser)).text
