"""The button that lets a simulated identity provider fill a list of a demonstration."""

from collections.abc import Iterator

import pytest

from ingress.console import sync_tab
from models import database, organisation
from models.database import Connection
from ops.simulators.wire import Refusal
from tests.ingress.console.conftest import Browser


@pytest.fixture
def demo(browser: Browser, connection: Connection) -> Iterator[Browser]:
    """An administrator of a demonstration."""
    connection.execute("update organisation set demo = true")
    yield browser
    connection.execute("update organisation set demo = false")


def press(browser: Browser, idp: str = "okta") -> tuple[int, str]:
    answer = browser.post(f"/lists/{browser.tenant.list_id}/sync/simulate", idp=idp)
    return answer.status_code, answer.text


def live_tokens(connection: Connection) -> int:
    row = connection.execute("select count(*) from bearer_token where revoked_at is null").fetchone()
    assert row
    return int(row[0])


def test_only_a_demonstration_is_filled(browser: Browser, connection: Connection) -> None:
    status, page = press(browser)

    assert (status, "Only lists of the demonstration" in page) == (400, True)
    assert live_tokens(connection) == 0


def test_what_it_could_not_do_is_said_and_its_token_revoked(
    demo: Browser, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise Refusal("403: the plan is too low")

    monkeypatch.setattr(sync_tab, "run", refuse)
    status, page = press(demo)
    assert (status, "403: the plan is too low" in page, live_tokens(connection)) == (400, True, 0)

    monkeypatch.setattr(sync_tab, "run", lambda *_, **__: {"failures": ["POST /Users: 503"]})
    status, page = press(demo)
    assert (status, "POST /Users: 503" in page, live_tokens(connection)) == (400, True, 0)


def test_a_plan_that_was_lowered_has_no_simulation(demo: Browser, connection: Connection) -> None:
    with database.transaction(connection) as cursor:
        organisation.ensure(cursor, "North", "pro")

    assert press(demo)[0] == 403
    assert live_tokens(connection) == 0


def test_one_at_a_time(demo: Browser, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    second: list[tuple[int, str]] = []

    def run(*_: object, **__: object) -> dict[str, list[str]]:
        if not second:
            second.append(press(demo, "entra"))
        return {"failures": []}

    monkeypatch.setattr(sync_tab, "run", run)

    assert press(demo)[0] == 303
    assert (second[0][0], "at work already" in second[0][1]) == (400, True)
    assert live_tokens(connection) == 1
