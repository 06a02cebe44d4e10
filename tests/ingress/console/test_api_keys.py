"""API keys in the console."""

import re

from models import api_key, database
from models.database import Connection
from tests.ingress.console.conftest import Browser, make_tenant


def test_a_key_is_shown_once_opens_the_api_and_is_revoked(browser: Browser, connection: Connection) -> None:
    assert "No API keys" in browser.get("/settings/api-keys").text
    assert 'name="label"' in browser.get("/settings/api-keys/new").text

    made = browser.post("/settings/api-keys/new", label="Nightly export", scope="write", days="30")
    [key] = re.findall(r"msk_\w{46}", made.text)
    listed = browser.get("/settings/api-keys").text
    with database.transaction(connection) as cursor:
        caller = api_key.opened(cursor, key, "203.0.113.7")
        [stored] = api_key.listing(cursor, browser.tenant.organisation_id)

    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    assert (caller.organisation_id, caller.scope) == (browser.tenant.organisation_id, "write")
    assert key not in listed
    assert "Nightly export" in listed
    assert key[:12] in browser.get(f"/settings/api-keys/{stored.id}/revoke").text
    assert browser.post(f"/settings/api-keys/{stored.id}/revoke").headers["location"] == "/settings/api-keys"
    assert "1 revoked or expired" in browser.get("/settings/api-keys").text


def test_sent_twice_a_form_makes_one_key_and_a_wrong_one_says_why(browser: Browser) -> None:
    form = {"label": "Export", "scope": "read", "days": "", "id": "0197a2c4-5be1-7d10-9f3a-0c1d2e3f4a5b"}

    assert browser.post("/settings/api-keys/new", **form).status_code == 201
    again = browser.post("/settings/api-keys/new", **form)
    assert (again.status_code, "made already" in again.text) == (422, True)
    nameless = browser.post("/settings/api-keys/new", label="", scope="read", days="")
    assert (nameless.status_code, "needs a label" in nameless.text) == (422, True)


def test_another_organisation_s_key_is_unknown_and_viewers_make_none(browser: Browser, connection: Connection) -> None:
    other = make_tenant(connection, "South")
    with database.transaction(connection) as cursor:
        api_key.create(cursor, other.organisation_id, "theirs", "read", None, "test")
        [theirs] = api_key.listing(cursor, other.organisation_id)

    assert browser.post(f"/settings/api-keys/{theirs.id}/revoke").status_code == 404
    viewer = Browser(browser.client, make_tenant(connection, "West", "viewer"))
    viewer.sign_in()
    assert "Create API key" not in viewer.get("/settings/api-keys").text
    assert viewer.get("/settings/api-keys/new").status_code == 403
    assert viewer.post("/settings/api-keys/new", label="a", scope="read", days="").status_code == 403
