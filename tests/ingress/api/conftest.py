"""The admin API in-process, with two organisations: the keys of one must never see the other's lists."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from ingress.api.app import Api
from models import api_key, database, master_list, organisation
from models import connection as connections
from models.api_key import READ, WRITE
from models.database import Connection
from ops.embedded import Valkey
from ops.settings import Settings
from ops.vault import new_key
from tests.valkey import running_valkey

NOWHERE = "redis://127.0.0.1:1/0"  # no Valkey


@dataclass(frozen=True)
class Tenant:
    """An organisation with a list that is connected to SCIM, and keys of both scopes."""

    organisation_id: str
    list_id: str
    writes: str
    reads: str


class Caller:
    """A script with a key."""

    def __init__(self, client: TestClient[Litestar], tenant: Tenant, key: str) -> None:
        self.client, self.tenant, self.key = client, tenant, key

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """One request, below the root of the API; `L` stands for the list."""
        named = {"Authorization": f"Bearer {self.key}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        given = {} if body is None else {"json": body}
        return self.client.request(method, f"/api/v1{self.at(path)}", headers=named, **given)

    def send(self, path: str, content: bytes | str, media_type: str = "text/csv", **headers: str) -> httpx.Response:
        """A file."""
        named = {"Authorization": f"Bearer {self.key}", "Content-Type": media_type} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return self.client.post(f"/api/v1{self.at(path)}", content=content, headers=named)

    def at(self, path: str) -> str:
        """A path with the list in it."""
        return path.replace("/lists/L", f"/lists/{self.tenant.list_id}")

    def get(self, path: str, status: int = 200) -> Any:
        """What is read."""
        return answered(self.ask("GET", path), status)

    def post(self, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        """What is made."""
        return answered(self.ask("POST", path, body, **headers), status)

    def patch(self, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        """What is changed."""
        return answered(self.ask("PATCH", path, body, **headers), status)

    def put(self, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        """What is replaced."""
        return answered(self.ask("PUT", path, body, **headers), status)

    def delete(self, path: str, status: int = 204) -> Any:
        """What is removed."""
        return answered(self.ask("DELETE", path), status)


def answered(answer: httpx.Response, status: int) -> Any:
    """The document of an answer that has this status."""
    assert answer.status_code == status, answer.text
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
    return answer.json() if answer.content else None


def make_tenant(connection: Connection, name: str, plan: str = "business") -> Tenant:
    """An organisation, its list and two keys."""
    with database.transaction(connection) as cursor:
        organisation_id = organisation.ensure(cursor, name, plan)
        list_id = master_list.create(cursor, organisation_id, "Staff", [master_list.new_field("Locker", "text")])
        database.allow(cursor, [list_id])
        if plan in organisation.SCIM_PLANS:
            connections.connect(cursor, list_id, "userName", "test")
        keys = [api_key.create(cursor, organisation_id, one, one, None, "test").token for one in (WRITE, READ)]
    return Tenant(organisation_id, list_id, *keys)


@pytest.fixture(scope="package")
def application(database_url: str) -> Iterator[TestClient[Litestar]]:
    """The API, for all of these tests."""
    api = Api(Settings(database_url=database_url, redis_url=NOWHERE, secret_key=new_key(), log_level="error"))
    api.start()
    with TestClient(api.app, base_url="http://muster.example", raise_server_exceptions=True) as opened:
        opened.app.state.api = api
        yield opened
    api.stop()


@pytest.fixture
def north(connection: Connection) -> Tenant:
    """The organisation of most tests."""
    return make_tenant(connection, "North")


@pytest.fixture
def south(connection: Connection) -> Tenant:
    """Another one."""
    return make_tenant(connection, "South")


@pytest.fixture
def caller(application: TestClient[Litestar], north: Tenant) -> Caller:
    """North's script that writes."""
    return Caller(application, north, north.writes)


@pytest.fixture
def reader(application: TestClient[Litestar], north: Tenant) -> Caller:
    """North's script that reads."""
    return Caller(application, north, north.reads)


@pytest.fixture
def stranger(application: TestClient[Litestar], south: Tenant) -> Caller:
    """South's script, which writes."""
    return Caller(application, south, south.writes)


@pytest.fixture(scope="package")
def valkey() -> Iterator[Valkey]:
    """A Valkey of these tests."""
    with tempfile.TemporaryDirectory(prefix="mv", dir="/tmp") as folder, running_valkey(Path(folder)) as server:
        yield server
