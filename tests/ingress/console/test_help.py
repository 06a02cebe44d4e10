"""Guides with a list's own values, and troubleshooting from what its IdP sent."""

from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from ingress.auth import ELSEWHERE
from ingress.console import help
from ingress.console.guides import GUIDES, PUSH_GUIDES, QUESTIONS
from models import connection as connections
from models import database, health, master_list, provisioning_log
from models.burst import Rhythm
from models.connection import Details
from models.database import Connection
from models.provisioning_log import Refusal
from tests.ingress.console.conftest import Browser


@pytest.mark.parametrize("key", [guide.key for guide in PUSH_GUIDES])
def test_a_guide_has_the_lists_own_values(browser: Browser, key: str) -> None:
    page = browser.get(f"/lists/{browser.tenant.list_id}/sync/setup/{key}").text

    assert f"/scim/v2/{browser.tenant.list_id}</code>" in page
    assert "{product}" not in page
    assert "*" not in page.partition('<ol class="gsteps">')[2].partition("</ol>")[0]
    assert "Generate Token" in page


def test_the_guide_of_directory_sync_needs_no_token_and_leads_to_the_connections(browser: Browser) -> None:
    page = browser.get(f"/lists/{browser.tenant.list_id}/sync/setup/entra-directory").text

    assert "Generate Token" not in page
    assert "/scim/v2/" not in page
    assert "GroupMember.Read.All" in page
    assert "Staff" in page.partition('<ol class="gsteps">')[2]


def test_a_guide_that_is_not_there_is_unknown(browser: Browser) -> None:
    assert browser.get(f"/lists/{browser.tenant.list_id}/sync/setup/acme").status_code == 404


def test_help_has_providers_comparison_and_questions(browser: Browser) -> None:
    page = browser.get("/help").text

    assert all(guide.name in page for guide in GUIDES)
    assert "SCIM or Directory Sync?" in page
    assert "Does SCIM sync photos?" in page


def refuse(connection: Connection, browser: Browser, operation: str, detail: str) -> None:
    list_id = browser.tenant.list_id
    refusal = Refusal(list_id, "sct_x", "request", operation, detail, "r", "okta", None, datetime.now(UTC))
    with database.transaction(connection, [list_id]) as cursor:
        provisioning_log.write_refusals(cursor, [refusal])


def test_troubleshooting_answers_from_live_facts(browser: Browser, connection: Connection) -> None:
    fresh = unescape(browser.get("/help/troubleshooting").text)
    assert all(question.issue in fresh for question in QUESTIONS)
    assert "No request has arrived since the list was connected" in fresh

    refuse(connection, browser, "request", "this bearer token was revoked: generate a new one")
    refuse(connection, browser, "create", "userName is missing: send a userName that is not empty")

    refuse(connection, browser, "request", ELSEWHERE)

    page = unescape(browser.get("/help/troubleshooting").text)
    assert "The last refused token, just now: this bearer token was revoked" in page
    assert "A token of this list was used on another one's Base URL, just now" in page
    assert "The last refused one, just now: userName is missing" in page


def test_troubleshooting_of_many_lists_shows_a_few_and_leads_to_the_others(
    browser: Browser, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(help, "CHECKED_AT_ONCE", 1)
    with database.transaction(connection) as cursor:
        other = master_list.create(cursor, browser.tenant.organisation_id, "Visitors")
        database.allow(cursor, [other])
        connections.connect(cursor, other, "userName", "test")

    page = browser.get("/help/troubleshooting").text
    assert ("Known issues, for Staff" in page, "Known issues, for Visitors" in page) == (True, False)
    assert f'href="/help/troubleshooting?list={other}">Visitors</a>' in page
    page = browser.get(f"/help/troubleshooting?list={other}").text
    assert ("Known issues, for Staff" in page, "Known issues, for Visitors" in page) == (False, True)


@pytest.mark.parametrize(
    ("idp", "longest", "passed", "quiet"),
    [
        ("entra", None, timedelta(minutes=79), False),
        ("entra", None, timedelta(minutes=81), True),
        ("okta", None, timedelta(hours=47), False),
        ("okta", timedelta(days=3), timedelta(days=5), False),
        ("okta", timedelta(days=3), timedelta(days=7), True),
    ],
)
def test_a_connection_is_quiet_when_nothing_comes_for_longer_than_usual(
    idp: str, longest: timedelta | None, passed: timedelta, quiet: bool
) -> None:
    now = datetime.now(UTC)
    details = Details("scim", "userName", "connected", "t", now - timedelta(days=30), now - passed, idp, 9, [])

    assert (health.quiet_for(details, longest, None, now) is not None) is quiet


@pytest.mark.parametrize(("passed", "quiet"), [(timedelta(minutes=59), False), (timedelta(minutes=61), True)])
def test_a_connection_with_a_rhythm_is_quiet_half_a_period_after_it(passed: timedelta, quiet: bool) -> None:
    now = datetime.now(UTC)
    details = Details("scim", "userName", "connected", "t", now - timedelta(days=30), now - passed, "okta", 9, [])
    rhythm = Rhythm(timedelta(minutes=40), now - passed + timedelta(minutes=40))

    assert (health.quiet_for(details, timedelta(days=3), rhythm, now) is not None) is quiet
