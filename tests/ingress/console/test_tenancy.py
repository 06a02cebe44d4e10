"""Whose things an operator reaches: every route, read from the application, so that a new one cannot be forgotten."""

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from models.database import Connection
from tests.ingress.console.conftest import Browser, Tenant, make_tenant
from tests.ingress.console.test_session import STREAM, VALUES, filled, routes
from tests.ingress.others import everything, furnish

# What is asked of every operator, and ends their own session.
ENDS = "/logout"
SHAPES = ("uuid", "int", "str")


@pytest.fixture
def south(connection: Connection) -> Tenant:
    """Another organisation."""
    return make_tenant(connection, "South")


@pytest.fixture
def theirs(connection: Connection, south: Tenant) -> dict[str, str]:
    """An id of South's for each parameter of a path."""
    made = furnish(connection, south.organisation_id, south.list_id)
    with_session = "insert into operator_session (id, operator_id, digest, expires_at) select gen_random_uuid(), id,"
    [(session,)] = connection.execute(
        f"{with_session} 'x', now() + interval '1 hour' from operator where email = %s returning id::text",
        (south.email,),
    ).fetchall()
    return made | {"idp": "okta", "operator_session": session}


def at(path: str, ids: dict[str, str]) -> str:
    """A path with these ids in it."""
    if path.startswith("/sessions/"):
        ids = ids | {"session_id": ids["operator_session"]}
    for name, value in ids.items():
        for shape in SHAPES:
            path = path.replace(f"{{{name}:{shape}}}", value)
    return path


def asked(client: TestClient[Litestar]) -> list[tuple[str, str]]:
    return [(method, path) for method, path in routes(client) if path not in (STREAM, ENDS, "/static/{name:str}")]


def test_what_another_organisation_has_is_unknown_wherever_it_is_named(
    browser: Browser, theirs: dict[str, str], connection: Connection
) -> None:
    """Below its own list, below a list of one's own, and in what belongs to organisations."""
    before, tried = everything(connection), 0
    for method, path in asked(browser.client):
        own = theirs | {"list_id": browser.tenant.list_id}
        for ids in [theirs, own] if "{list_id:str}" in path else [theirs] if "{" in path else []:
            if at(path, ids) == at(path, nobodys(ids)) and ids is own:
                continue  # no id but that of one's own list
            told, of_nobody = (ask(browser, method, path, one) for one in (ids, nobodys(ids)))

            assert told == of_nobody, (method, path)
            assert told[0] == 404 or ids is own or "{list_id:str}" not in path, (method, path, told)
            tried += 1

    assert tried >= 130
    assert everything(connection) == before


def ask(browser: Browser, method: str, path: str, ids: dict[str, str]) -> tuple[int, str, str | None]:
    """Status, page and where it leads to, without the ids that were asked for."""
    answer = browser.get(at(path, ids)) if method == "GET" else browser.post(at(path, ids))
    text, location = answer.text, answer.headers.get("location")
    for value in ids.values():
        text = text.replace(value, "") if len(value) > 2 else text
        location = location and location.replace(value, "")
    return answer.status_code, text, location


def nobodys(ids: dict[str, str]) -> dict[str, str]:
    """Ids that nobody has, but for that of the list."""
    unknown = {name: VALUES["uuid"] for name, value in ids.items() if len(value) == 36}
    return ids | unknown | {"entry_id": "8", "key": "nobodys"}


def test_no_page_without_an_id_tells_of_another_organisation(browser: Browser, theirs: dict[str, str]) -> None:
    told = [value for name, value in theirs.items() if name not in ("entry_id", "idp", "key", "run_id")]
    pages = [path for method, path in asked(browser.client) if method == "GET"]

    for path in pages:
        own = {"list_id": browser.tenant.list_id, "idp": "okta", "operator_session": "x"}
        page = at(path, own)
        if "{" not in page:
            text = browser.get(page).text
            assert not [value for value in told if value in text], page
            assert "south.example" not in text, page
            assert "South Wing" not in text, page
    assert filled("/lists/{list_id:str}/people", "x") in {at(path, {"list_id": "x"}) for path in pages}
