"""The console in-process, with two organisations: the operators of one must never see the other's lists."""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
import pytest
from argon2 import PasswordHasher
from litestar import Litestar
from litestar.testing import TestClient

from ingress.console.app import Console
from models import connection as connections
from models import database, master_list, operator, organisation, password
from models.database import Connection
from ops.embedded import Valkey
from ops.graphs import Graphs
from ops.settings import Settings
from ops.simulators.graph import Directory, GraphServer
from ops.vault import Vault, new_key
from tests.ingress.console.pulling import School
from tests.valkey import running_valkey

CSRF = re.compile(r'name="_csrf" value="(\w+)"')


@dataclass(frozen=True)
class Tenant:
    """An organisation with a list that is connected to SCIM."""

    organisation_id: str
    list_id: str
    email: str
    password: str


class Browser:
    """Somebody at the console, with their cookies."""

    def __init__(self, client: TestClient[Litestar], tenant: Tenant) -> None:
        self.client, self.tenant = client, tenant
        self.csrf = ""

    def sign_in(self) -> httpx.Response:
        """Fill the form in, and keep the token of the page that follows."""
        form = {"email": self.tenant.email, "password": self.tenant.password, "next": "/lists"}
        answer = self.client.post("/login", data=form, follow_redirects=False)
        self.csrf = CSRF.findall(self.client.get("/lists").text)[0]
        return answer

    def get(self, path: str, **headers: str) -> httpx.Response:
        """A page."""
        return self.client.get(path, headers=headers, follow_redirects=False)

    def post(self, path: str, **form: str) -> httpx.Response:
        """A form of the page, sent."""
        return self.client.post(path, data={"_csrf": self.csrf, **form}, follow_redirects=False)


def make_tenant(connection: Connection, name: str, role: str = "admin", plan: str = "business") -> Tenant:
    """An organisation, its list and one operator."""
    with database.transaction(connection) as cursor:
        organisation_id = organisation.ensure(cursor, name, plan)
        list_id = master_list.create(cursor, organisation_id, "Staff", [master_list.new_field("Locker", "text")])
        database.allow(cursor, [list_id])
        if plan in organisation.SCIM_PLANS:
            connections.connect(cursor, list_id, "userName", "test")
        email = f"{name.lower()}@muster.example"
        return Tenant(organisation_id, list_id, email, operator.add(cursor, organisation_id, email, role))


@pytest.fixture
def north(connection: Connection) -> Tenant:
    """The organisation whose operator is signed in."""
    return make_tenant(connection, "North")


@pytest.fixture(scope="package", autouse=True)
def _cheap_passwords() -> Iterator[None]:
    """Argon2 takes 0.1 s with the parameters that serve, which tests/models/test_password.py looks at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(password, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="package")
def application(database_url: str) -> Iterator[TestClient[Litestar]]:
    """The console, for all of these tests: what they leave is in the database, which is emptied, and in cookies."""
    console = Console(Settings(database_url=database_url, redis_url="redis://127.0.0.1:1/0", log_level="error"))
    console.start()
    with TestClient(console.app, base_url="http://console.example", raise_server_exceptions=True) as opened:
        yield opened
    console.stop()


@pytest.fixture
def client(application: TestClient[Litestar]) -> TestClient[Litestar]:
    """The console, to which nobody is signed in."""
    application.cookies.clear()
    return application


@pytest.fixture
def browser(client: TestClient[Litestar], north: Tenant) -> Browser:
    """An administrator of North, signed in."""
    opened = Browser(client, north)
    opened.sign_in()
    return opened


@pytest.fixture(scope="package")
def valkey() -> Iterator[Valkey]:
    """A Valkey of the console's tests."""
    with tempfile.TemporaryDirectory(prefix="mv", dir="/tmp") as folder, running_valkey(Path(folder)) as server:
        yield server


@pytest.fixture
def microsoft(application: TestClient[Litestar], monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphServer]:
    """A simulated Microsoft Graph with an empty directory, offered by the console, which can seal secrets."""
    office = application.app.state.office
    with GraphServer(Directory()) as server:
        settings = msgspec.structs.replace(office.settings, secret_key=new_key(), graph_simulator=server.url)
        monkeypatch.setattr(office, "settings", settings)
        monkeypatch.setattr(office, "vault", Vault(settings.secret_keys()))
        monkeypatch.setattr(office, "graphs", Graphs(settings))
        yield server


@pytest.fixture
def school(client: TestClient[Litestar], connection: Connection, microsoft: GraphServer) -> School:
    """An administrator whose organisation is on Pro, and whose list is not connected."""
    opened = Browser(client, make_tenant(connection, "School", plan="pro"))
    opened.sign_in()
    return School(opened, connection, microsoft)
