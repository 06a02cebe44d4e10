"""Where a console request comes from, and which URLs it is told, behind reverse proxies."""

from typing import Any

import pytest
from litestar import Request

from ingress.console.desk import Office
from models import database
from models.database import Connection, lock_key
from ops.settings import Settings
from tests.ingress.console.conftest import Browser


def request(peer: str, **headers: str) -> Request[Any, Any, Any]:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: Any = {"type": "http", "method": "POST", "path": "/login", "headers": named, "client": (peer, 1)}
    return Request(scope)


@pytest.mark.parametrize(
    ("peer", "address", "root"),
    [
        ("10.0.0.1", "203.0.113.9", "https://muster.example"),
        ("198.51.100.7", "198.51.100.7", "http://127.0.0.1:8080"),  # nobody whom we trust: their words do not count
    ],
)
def test_only_trusted_proxies_tell_who_asks_and_by_which_url(peer: str, address: str, root: str) -> None:
    office = Office(Settings(trusted_proxies="10.0.0.0/8"))
    asked = request(
        peer, x_forwarded_for="203.0.113.9", x_forwarded_proto="https", x_forwarded_host="muster.example", host="inner"
    )

    assert (office.address(asked), office.root(asked)) == (address, root)


def test_a_list_that_is_busy_is_said_to_be(browser: Browser, database_url: str, connection: Connection) -> None:
    list_id = browser.tenant.list_id
    with database.connect(database_url) as drain, drain.transaction():
        drain.execute("select pg_advisory_xact_lock_shared(%s)", (lock_key("roster", list_id),))
        answer = browser.post(f"/lists/{list_id}/sync/disconnect")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "busy with changes from its identity provider" in answer.text


def test_a_connection_that_was_cut_is_replaced_unseen(browser: Browser, connection: Connection) -> None:
    assert browser.get("/lists").status_code == 200
    connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'muster-console'"
    )

    assert browser.get("/lists").status_code == 200
