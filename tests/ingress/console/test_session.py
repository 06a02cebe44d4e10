"""Signing in: whose session it is, what a request has to prove, and what nobody gets to see."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock, Semaphore

import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.testing import TestClient

from ingress.console.app import Console
from ingress.console.desk import SIGN_INS, THREADS
from models import database, operator, operator_session, password
from models.database import Connection
from ops.settings import Settings
from tests.ingress.console.conftest import Browser, Tenant, make_tenant

OPEN = {"/", "/login", "/static/{name:str}"}
ID = "01a21108-bf1d-73cc-9468-64aba8b054de"
VALUES = {"uuid": ID, "int": "7", "str": "okta"}
STREAM = "/lists/{list_id:str}/sync/stream"  # does not end by itself
# Pages that are there to change something.
DIALOGS = {
    "/lists/new",
    *(f"/settings/directories/{path}" for path in ("new", "{connection_id:uuid}", "{connection_id:uuid}/remove")),
    *(f"/settings/api-keys/{path}" for path in ("new", "{key_id:uuid}/revoke")),
    *(
        f"/lists/{{list_id:str}}/{path}"
        for path in (
            "imports/new", "imports/{import_id:uuid}/refused.csv", "people/new", "people/{person_id:uuid}/reactivate",
            "people/{person_id:uuid}/deactivate", "sync/connect", "sync/directory",
            "sync/disconnect", "sync/guard", "sync/held/release", "sync/held/discard", "sync/retention",
            "sync/networks",
            "sync/tokens/new", "sync/tokens/{token_id:uuid}/revoke", "fields/new",
            *(f"fields/{{key:str}}/{act}" for act in ("label", "required", "type", "remove", "options")),
            "fields/{key:str}/options/remove", "sessions/new", "sessions/{session_id:uuid}/people/new",
            *(f"sessions/{{session_id:uuid}}/{act}" for act in ("close", "archive", "reopen", "delete")),
        )
    ),
}  # fmt: skip


def routes(client: TestClient[Litestar]) -> Iterator[tuple[str, str]]:
    """Every method and path of the console, with ids that nobody has."""
    app: Litestar = client.app
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            assert isinstance(handler, HTTPRouteHandler)
            for method in handler.http_methods - {"OPTIONS", "HEAD"}:
                yield str(method), route.path


def filled(path: str, list_id: str) -> str:
    """A route's path with values in it."""
    return re.sub(r"\{\w+:(\w+)\}", lambda found: VALUES[found[1]], path.replace("{list_id:str}", list_id))


def test_a_session_has_a_new_secret_whatever_the_browser_brought(client: TestClient[Litestar], north: Tenant) -> None:
    client.cookies.set("muster", "chosen-by-an-attacker")

    answer = Browser(client, north).sign_in()

    cookie = answer.headers["set-cookie"]
    assert (answer.status_code, answer.headers["location"]) == (303, "/lists")
    assert "chosen-by-an-attacker" not in cookie
    assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "Path=/"))
    assert "Secure" not in cookie


def test_cookies_are_secure_where_the_console_is(database_url: str, connection: Connection, north: Tenant) -> None:
    console = Console(Settings(database_url=database_url, console_url="https://app.muster.example", log_level="error"))
    console.start()
    with TestClient(console.app, base_url="https://app.muster.example") as secure:
        answer = secure.post("/login", data={"email": north.email, "password": north.password}, follow_redirects=False)
    console.stop()

    assert answer.headers["set-cookie"].startswith("__Host-muster=")
    assert "Secure" in answer.headers["set-cookie"]
    assert "max-age" in answer.headers["strict-transport-security"]


@pytest.mark.parametrize(
    ("email", "password"), [("north@muster.example", "wrong"), ("nobody@x.example", "wrong"), ("", "")]
)
def test_a_wrong_password_and_an_unknown_address_look_the_same(
    client: TestClient[Litestar], north: Tenant, email: str, password: str
) -> None:
    answer = client.post("/login", data={"email": email, "password": password}, follow_redirects=False)

    assert answer.status_code == 401
    assert "The e-mail address or the password is wrong." in answer.text
    assert "set-cookie" not in answer.headers


def test_no_transaction_is_open_while_a_password_is_verified(
    client: TestClient[Litestar], connection: Connection, north: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_ones: list[tuple[int]] = []

    def matches(stored: str, given: str) -> bool:
        open_ones.extend(
            connection.execute(
                "select count(*) from pg_stat_activity where application_name = 'muster-console' and state <> 'idle'"
            )
        )
        return True

    monkeypatch.setattr(password, "matches", matches)
    assert Browser(client, north).sign_in().status_code == 303
    assert open_ones == [(0,)]


def test_a_password_that_is_reset_while_it_is_verified_is_wrong(
    client: TestClient[Litestar], connection: Connection, north: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = password.matches
    told = []

    def matches(stored: str, given: str) -> bool:
        told.append(before(stored, given))
        with database.transaction(connection) as cursor:
            operator.reset(cursor, north.email)
        return told[-1]

    monkeypatch.setattr(password, "matches", matches)
    answer = client.post("/login", data={"email": north.email, "password": north.password}, follow_redirects=False)

    assert told == [True, False]
    assert (answer.status_code, "The e-mail address or the password is wrong." in answer.text) == (401, True)
    assert connection.execute("select count(*) from operator_session").fetchone() == (0,)


@pytest.mark.parametrize("elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example", "/login", ""])
def test_signing_in_leads_to_a_page_of_ours_alone(client: TestClient[Litestar], north: Tenant, elsewhere: str) -> None:
    form = {"email": north.email, "password": north.password, "next": elsewhere}

    assert client.post("/login", data=form, follow_redirects=False).headers["location"] == "/lists"


def test_every_page_asks_who_is_there(client: TestClient[Litestar], north: Tenant) -> None:
    asked = [(method, path) for method, path in routes(client) if path not in OPEN]

    for method, path in asked:
        answer = client.request(method, filled(path, north.list_id), follow_redirects=False)
        assert answer.status_code == 303, (method, path, answer.text[:200])
        assert answer.headers["location"].startswith("/login"), (method, path)
    assert len(asked) >= 48  # of 50; the smallest part of the console has three


def test_every_page_of_another_organisations_list_is_unknown(browser: Browser, connection: Connection) -> None:
    south = make_tenant(connection, "South")

    for method, path in routes(browser.client):
        if "{list_id:str}" in path:
            at = filled(path, south.list_id)
            answer = browser.get(at) if method == "GET" else browser.post(at)
            # The list is unknown, and not something in it that nobody has.
            unknown = "this list does not exist, or belongs to another organisation" in answer.text
            assert (answer.status_code, unknown) == (404, True), (method, path, answer.text[:200])


def test_every_change_needs_the_token_of_its_session(browser: Browser) -> None:
    for method, path in routes(browser.client):
        if method == "POST" and path != "/login":
            answer = browser.client.post(filled(path, browser.tenant.list_id), data={"_csrf": "x" * 64})
            assert (answer.status_code, "out of date" in answer.text) == (403, True), path


def test_every_change_needs_an_administrator(client: TestClient[Litestar], connection: Connection) -> None:
    viewer = Browser(client, make_tenant(connection, "East", "viewer"))
    viewer.sign_in()

    for method, path in routes(client):
        if method == "POST" and path not in ("/login", "/logout", "/sessions/{session_id:uuid}/end"):
            answer = viewer.post(filled(path, viewer.tenant.list_id))
            assert (answer.status_code, "viewers cannot change" in answer.text) == (403, True), path


def test_viewers_are_kept_from_pages_that_change_something_and_from_no_others(
    client: TestClient[Litestar], connection: Connection
) -> None:
    viewer = Browser(client, make_tenant(connection, "East", "viewer"))
    viewer.sign_in()
    pages = [path for method, path in routes(client) if method == "GET" and path not in {*OPEN, STREAM}]

    answers = {path: viewer.get(filled(path, viewer.tenant.list_id)) for path in pages}

    assert {path for path, answer in answers.items() if "viewers cannot change" in answer.text} == DIALOGS
    refused = {path for path, answer in answers.items() if answer.status_code == 403}
    assert refused == DIALOGS | {"/settings/audit", "/settings/audit.csv"}
    assert answers["/lists/{list_id:str}/people"].status_code == 200


def test_sign_ins_are_few_at_once_and_hold_up_no_page(
    client: TestClient[Litestar], monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived, go, counting = Semaphore(0), Event(), Lock()
    at_once = most = 0

    def slow(stored: str, given: str) -> bool:
        nonlocal at_once, most
        with counting:
            at_once += 1
            most = max(most, at_once)
        arrived.release()
        go.wait(10)
        with counting:
            at_once -= 1
        return False

    monkeypatch.setattr(password, "matches", slow)
    with ThreadPoolExecutor(2 * THREADS) as strangers:
        tries = [strangers.submit(client.post, "/login", data={"email": f"{n}@x"}) for n in range(2 * THREADS)]
        for _ in range(SIGN_INS):
            arrived.acquire()
        page = client.get("/login")
        go.set()

    assert page.status_code == 200
    assert most == SIGN_INS
    assert {one.result().status_code for one in tries} == {401}


def test_what_another_site_sends_is_refused(browser: Browser) -> None:
    posts = [filled(path, browser.tenant.list_id) for method, path in routes(browser.client) if method == "POST"]
    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},  # a frame without an origin, or a redirect through another site
    ):
        for path in posts:
            answer = browser.client.post(path, data={"_csrf": browser.csrf}, headers=headers)
            assert (answer.status_code, "another site" in answer.text) == (403, True), path
    assert len(posts) > 40


def test_nothing_but_a_post_changes_anything(browser: Browser) -> None:
    assert {method for method, _ in routes(browser.client)} == {"GET", "POST"}


@pytest.mark.parametrize(
    "name",
    [
        "..%2f..%2fmodels%2ftoken.py",
        "%2e%2e%2fapp.py",
        "..\\app.py",
        "icons%2fx.svg",
        "console.css",
        "%00",
        "a%0d%0aSet-Cookie:b",
    ],
)
def test_no_file_but_those_that_are_meant_is_served(client: TestClient[Litestar], name: str) -> None:
    answer = client.get(f"/static/{name}", headers={"accept": "text/html"})

    assert answer.status_code == 404
    assert "set-cookie" not in answer.headers
    assert "import" not in answer.text


def test_a_break_of_line_in_what_is_asked_for_is_none_in_a_header(browser: Browser) -> None:
    break_ = "/lists%0d%0aSet-Cookie:%20muster=x"
    browser.client.cookies.clear()
    for path in (break_, f"/lists?{break_}", f"/login?next={break_}", f"/settings/audit.csv?who={break_}"):
        answer = browser.client.get(path, follow_redirects=False)
        assert "set-cookie" not in answer.headers
        assert not set(answer.headers.get("location", "")) & set("\r\n")


def test_every_answer_has_its_headers_errors_too(browser: Browser) -> None:
    for path in ("/lists", "/nowhere", "/login", f"/lists/{browser.tenant.list_id}/people/{ID}"):
        headers = browser.get(path, accept="text/html").headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_a_session_ends_where_it_is_ended(browser: Browser, connection: Connection) -> None:
    row = connection.execute("select id from operator_session").fetchone()
    assert row is not None

    assert browser.post(f"/sessions/{row[0]}/end").status_code == 303
    assert browser.get("/lists").headers["location"].startswith("/login")


def test_an_idle_session_has_ended(browser: Browser, connection: Connection) -> None:
    connection.execute("update operator_session set seen_at = seen_at - %s", (operator_session.IDLE,))

    assert browser.get("/lists?x=1").headers["location"] == "/login?next=/lists%3Fx%3D1"


def test_what_an_open_page_asks_by_itself_keeps_no_session_from_being_idle(
    browser: Browser, connection: Connection
) -> None:
    def seen_after(**headers: str) -> bool:
        connection.execute("update operator_session set seen_at = seen_at - interval '1 hour'")
        assert browser.get("/lists", **headers).status_code == 200
        row = connection.execute("select seen_at > now() - interval '1 minute' from operator_session").fetchone()
        assert row is not None
        return bool(row[0])

    assert not seen_after(**{"X-Poll": "1"})
    assert seen_after()


def test_only_a_digest_of_the_secret_is_stored(browser: Browser, connection: Connection) -> None:
    secret = browser.client.cookies["muster"]

    with database.transaction(connection) as cursor:
        found = operator_session.find(cursor, secret, "203.0.113.7")
        rows = cursor.execute("select s::text from operator_session s").fetchall()
    assert found is not None
    assert secret not in str(rows)


def test_an_idp_with_a_wrong_url_is_told_in_scim_words(client: TestClient[Litestar]) -> None:
    answer = client.get("/scim/Users", headers={"accept": "application/scim+json"})

    assert (answer.status_code, answer.json()["status"]) == (404, "404")
    assert "no SCIM Base URL" in answer.json()["detail"]


def test_a_sign_in_that_is_too_large_is_refused_unread(client: TestClient[Litestar]) -> None:
    answer = client.post("/login", data={"email": "a@x.example", "password": "x" * 20_000})

    assert answer.status_code == 413


def test_a_page_to_go_on_to_has_to_be_an_address(browser: Browser) -> None:
    form = {"email": browser.tenant.email, "password": browser.tenant.password, "next": "/日本"}

    answer = browser.client.post("/login", data=form, follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, "/lists")


def test_a_part_of_a_page_whose_session_is_over_leads_back_to_the_page(client: TestClient[Litestar]) -> None:
    asked = {"HX-Request": "true", "HX-Current-URL": "http://console.example/lists/abc/sync?q=ada"}

    answer = client.get("/lists", headers=asked)

    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login?next=/lists/abc/sync%3Fq%3Dada")
