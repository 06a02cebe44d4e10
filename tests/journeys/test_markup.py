"""Markup in every text that a provider or an operator can set: it is text on every page, in a real browser."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, Dialog

from models import api_key, audit, connection, database, master_list, organisation, person_edit, token
from models.audit import Somebody
from models.directory import connections
from models.directory.connections import Wanted
from models.fields import schema
from models.imports import matching, runs, store
from models.sessions import taking
from ops.browser import chromium
from tests.factories import patch, replace, user
from tests.journeys.console import Console
from tests.journeys.idp import Idp
from tests.journeys.system import Muster
from tests.journeys.waiting import eventually

pytestmark = [pytest.mark.journey, pytest.mark.needs("chromium"), pytest.mark.timeout(180)]

MARKUP = "'\"><svg data-xss onload=alert(1)>{{7*7}}"  # 40 characters: labels take 60
ATTRIBUTES = ("displayName", "nickName", "title", "userType", "locale", "timezone", "externalId", "preferredLanguage")
SCHEME = "javascript:alert(1)//"
FILE = b"UID,<svg data-xss>\n<svg data-xss>,<svg data-xss>\n,\n"
MOST_PAGES = 90
LOOK = """() => ({
    injected: document.querySelectorAll('[data-xss], [onload], [onerror], [onclick]').length,
    schemes: [...document.querySelectorAll('[href], [src], [action], [hx-get], [hx-post]')]
        .filter(one => ['href', 'src', 'action', 'hx-get', 'hx-post']
            .some(name => /^\\s*javascript:/i.test(one.getAttribute(name) || ''))).length,
    links: [...document.querySelectorAll('a[href]')].map(one => one.getAttribute('href')),
})"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        assert opened is not None
        yield opened


def operators(muster: Muster, name: str) -> str:
    """What an operator can type, by the functions that the console's forms call; the list's id."""

    def fill(cursor: Any) -> str:
        owner = organisation.ensure(cursor, name, "business")
        actor = Somebody(owner, MARKUP)
        fields = [master_list.new_field(f"{MARKUP} a", "text"), master_list.new_field("Team", "dropdown", [MARKUP])]
        list_id = master_list.create(cursor, owner, MARKUP, fields)
        database.allow(cursor, [list_id])
        connection.connect(cursor, list_id, "userName", MARKUP)
        current = master_list.of_organisation(cursor, owner, list_id)
        schema.add(cursor, list_id, master_list.new_field(f"{MARKUP} b", "text"))
        values = {field.key: MARKUP for field in current.fields if not field.uid and field.type != "email"}
        person_edit.add(cursor, actor, current, MARKUP, values)
        token.issue(cursor, list_id, MARKUP, None, MARKUP)
        api_key.create(cursor, owner, MARKUP, "read", None, MARKUP)
        for scheme in (MARKUP, SCHEME):
            wanted = Wanted(f"{scheme}", "north.example", "6f1e2d3c-4b5a-4968-8776-655443322110")
            connections.add(cursor, owner, "business", wanted, b"", MARKUP)
        taking.take(cursor, list_id, MARKUP, MARKUP)
        one = store.stage(cursor, list_id, f"{MARKUP}.csv", MARKUP, BytesIO(FILE))
        runs.preview(cursor, list_id, one.id, matching.guess(one.columns, current.fields))
        audit.record(cursor, actor, list_id, "field.add", MARKUP)
        return list_id

    return muster.in_transaction(fill)


def provider(muster: Muster, list_id: str) -> None:
    """What an identity provider can send, accepted and refused."""
    with Idp(list_id, f"{muster.scim_root}/{list_id}", muster.new_token(list_id)) as idp:
        idp.http.headers["User-Agent"] = f"Okta {MARKUP}"
        strange = {f"urn:x:{MARKUP}:User": {MARKUP: MARKUP}, "urn:x:y:2.0:User": {MARKUP: MARKUP}}
        every = dict.fromkeys(ATTRIBUTES, MARKUP)
        name = {"givenName": MARKUP, "familyName": MARKUP, "formatted": MARKUP}
        emails = [{"value": f"{MARKUP}@x.example", "type": "work", "primary": True}]
        someone = idp.create(user(f"{MARKUP}@x.example", name=name, emails=emails) | every | strange)
        idp.patch(someone, replace("title", SCHEME))
        idp.request("POST", "/Groups", {"displayName": MARKUP, "members": [{"value": someone}]})
        idp.post(user(MARKUP, active=MARKUP))
        idp.request("GET", f"/{quote(MARKUP)}")
        idp.request("GET", f"/Users?filter={quote(MARKUP)}")
        idp.request("PATCH", f"/Users/{someone}", patch({"op": MARKUP, "path": MARKUP, "value": MARKUP}))
        muster.settled(list_id)
        idp.set(someone, "active", False)
        muster.settled(list_id)
    eventually(lambda: any(each["result"] == "rejected" for each in muster.log(list_id)), 10, "refusals in the log")


def test_markup_is_text_on_every_page(browser: Browser, muster: Muster) -> None:
    name = f"Markup {MARKUP}"
    list_id = operators(muster, name)
    provider(muster, list_id)
    console = Console(browser, muster)
    dialogs: list[Dialog] = []

    def opened(dialog: Dialog) -> None:
        dialogs.append(dialog)
        dialog.dismiss()

    console.page.on("dialog", opened)
    console.sign_in(name, email="a'{{7*7}}@muster.example")

    found, seen, shown = {}, set[str](), 0
    q, at = quote(MARKUP), f"/lists/{list_id}"
    waiting = [
        "/lists", f"{at}/people?status=all&q={q}", f"{at}/sync?q={q}", f"{at}/sync?result={q}&period=all",
        f"/login?next={quote(SCHEME)}", f"/settings/audit?who={q}&what={q}", f"/nothing{q}",
    ]  # fmt: skip
    while waiting and len(seen) < MOST_PAGES:
        path = waiting.pop(0)
        if template(path) in seen:
            continue
        seen.add(template(path))
        console.open(path)
        told = console.page.evaluate(LOOK)
        if told["injected"] or told["schemes"]:
            found[path] = told["injected"], told["schemes"]
        shown += "{{7*7}}" in console.page.content()
        waiting += [link for link in told["links"] if ours(link)]

    assert found == {}
    assert dialogs == []
    assert len(seen) > 40, seen
    assert shown > 25, shown
    console.close()  # which fails for whatever the browser complains of, a violated policy too


def ours(link: str) -> bool:
    """Whether it is a page: no file, no other site, nothing that ends the session."""
    parts = urlsplit(link)
    return (
        not parts.scheme
        and not parts.netloc
        and parts.path.startswith("/")
        and not parts.path.endswith((".csv", ".ndjson", "/file"))
    )


def template(path: str) -> str:
    """Pages that differ by an id or a filter alone are looked at a few times."""
    parts = urlsplit(path)
    words = ["*" if len(word) in (10, 36) or word.isdigit() else word for word in parts.path.split("/")]
    return "/".join(words) + ("?" + parts.query[:12] if parts.query else "")
