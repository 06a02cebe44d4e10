"""A stack whose ingress, workers and console have a database role each, which may do their own work alone."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from litestar.testing import TestClient

from ingress.api.app import Api
from ingress.console.app import Console
from models import api_key, database, migrations, organisation
from models.database import Connection
from models.migrations.roles import APART, CONSOLE, FIGURES, INGRESS, WORKERS
from ops.addresses import LOOPBACK, free_port, status
from ops.embedded import OWNING, SERVING, Postgres
from ops.settings import Settings
from ops.simulators import directory, entra, okta
from ops.simulators.graph import Directory, GraphServer
from ops.vault import new_key
from tests.doors.api import Script
from tests.doors.console import Operator
from tests.doors.world import World
from tests.factories import user
from tests.journeys.idp import Idp
from tests.journeys.system import ROOT, STOP_WITHIN, clean_environment
from tests.journeys.waiting import eventually
from tests.valkey import running_valkey

pytestmark = [pytest.mark.journey, pytest.mark.timeout(120)]
KEY = new_key()
NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture(scope="module")
def apart(postgres: Postgres) -> Iterator[dict[str, str]]:
    """The URL of each role; they are gone at the end."""
    with database.connect(postgres.url("postgres")) as superuser:
        for role in APART:
            superuser.execute(f"create role {role} login".encode())
            superuser.execute(f"grant connect on database muster to {role}".encode())
        migrations.upgrade(postgres.url(OWNING), SERVING)
        yield {role: postgres.url(role) for role in APART}
        for role in APART:
            superuser.execute(f"drop owned by {role}".encode())
            superuser.execute(f"drop role {role}".encode())


def may(connection: Connection, role: str, table: str) -> set[str]:
    """What a role may do with a table."""
    kinds = ("select", "insert", "update", "delete", "truncate")
    row = connection.execute(
        f"select {', '.join('has_table_privilege(%s, %s, %s)' for _ in kinds)}".encode(),
        [value for kind in kinds for value in (role, table, kind)],
    ).fetchone()
    assert row
    return {kind for kind, held in zip(kinds, row, strict=True) if held}


def calls(connection: Connection, role: str) -> set[str]:
    """What a role may have done with the owner's rights."""
    rows = connection.execute(
        "select proname from pg_proc where prosecdef and pronamespace = 'public'::regnamespace"
        " and has_function_privilege(%s, oid, 'execute')", (role,),
    )  # fmt: skip
    return {row[0] for row in rows}


def test_no_function_of_the_owner_is_a_way_around_a_role(connection: Connection, apart: dict[str, str]) -> None:
    people = "select fields from muster_people_like('a', '{}', '{}', null, null, null, 9)"
    with database.connect(apart[INGRESS]) as ingress, pytest.raises(psycopg.errors.InsufficientPrivilege):
        ingress.execute(people.encode())
    assert calls(connection, INGRESS) == {"muster_token", *FIGURES}
    assert calls(connection, CONSOLE) == {
        "muster_people_like", "muster_log_like", "muster_connection", "muster_directory_lists", *FIGURES,
    }  # fmt: skip


def test_each_role_has_what_its_work_needs_and_no_more(connection: Connection, apart: dict[str, str]) -> None:
    for role in APART:
        assert may(connection, role, "audit_entry") <= {"select", "insert"}
        rows = connection.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
            " and (pg_get_userbyid(relowner) = %s or has_table_privilege(%s, oid, 'truncate'))", (role, role),
        )  # fmt: skip
        assert rows.fetchall() == []
    for table in ("person", "operator", "operator_session", "api_key", "directory_connection", "audit_entry", "job"):
        assert may(connection, INGRESS, table) == set()
    assert may(connection, INGRESS, "bearer_token") == may(connection, INGRESS, "connection") == {"select"}
    for table in ("operator", "operator_session", "api_key"):
        assert may(connection, WORKERS, table) == set()
    for table in ("identity_email", "scim_group", "group_member"):
        assert may(connection, CONSOLE, table) == {"select"}
    with database.connect(apart[INGRESS]) as ingress, pytest.raises(psycopg.errors.InsufficientPrivilege):
        ingress.execute("select * from person")


@pytest.mark.parametrize(
    ("made", "door", "root"),
    [(Console, Operator, "http://console.example"), (Api, Script, "http://muster.example")],
    ids=["console", "API"],
)
def test_the_console_and_the_api_do_every_act_as_their_role(
    connection: Connection, apart: dict[str, str], made: Any, door: Any, root: str
) -> None:
    with GraphServer(Directory(users=2, groups=1)) as server, database.connect(apart[WORKERS]) as working:
        world = World(connection, server.directory)
        settings = Settings(
            database_url=apart[CONSOLE], redis_url=NOWHERE, secret_key=new_key(), graph_simulator=server.url,
            log_level="error",
        )  # fmt: skip
        application = made(settings)
        application.start()
        with TestClient(application.app, base_url=root) as client:
            for _, act in door(world, client).steps():
                act()
                world.connection, usual = working, world.connection
                world.settle()
                world.connection = usual
        application.stop()


@pytest.fixture
def stack(connection: Connection, apart: dict[str, str], tmp_path: Path) -> Iterator["Apart"]:
    """An ingress for SCIM, one for the console, and workers, each as its own role."""
    with running_valkey(tmp_path) as valkey, GraphServer(Directory(users=5, groups=2)) as graph, ExitStack() as started:
        found = Apart(connection, tmp_path, graph, free_port(), free_port())
        common = {"MUSTER_REDIS_URL": valkey.url(), "MUSTER_SECRET_KEY": KEY, "MUSTER_GRAPH_SIMULATOR": graph.url}
        for name, kind, role, more in (
            ("scim", "ingress", INGRESS, {"MUSTER_SERVE": "scim", "MUSTER_PORT": str(found.scim)}),
            ("console", "ingress", CONSOLE, {"MUSTER_SERVE": "console", "MUSTER_PORT": str(found.console)}),
            ("workers", "workers", WORKERS, {}),
        ):
            own = {"MUSTER_DATABASE_URL": apart[role], "MUSTER_INTERNAL_PORT": str(found.internal[name])}
            started.enter_context(process(kind, tmp_path / f"{name}.log", **common, **own, **more))
        for port in found.internal.values():
            eventually(partial(_is_ready, port), 30, f"an answer at port {port}")
        yield found
        found.client.close()


@contextmanager
def process(kind: str, log: Path, **environment: str) -> Iterator[None]:
    """`muster ingress` or `muster workers`."""
    with log.open("w") as said:
        running = subprocess.Popen(
            [sys.executable, "-m", "ops.cli", kind], cwd=ROOT, env=clean_environment() | environment,
            stdout=said, stderr=said,
        )  # fmt: skip
    try:
        yield
    finally:
        running.terminate()
        running.wait(STOP_WITHIN)


def _is_ready(port: int) -> bool:
    return status(LOOPBACK, port, "/ready") == 200


class Apart:
    """Three processes, and what is asked of them."""

    def __init__(self, connection: Connection, folder: Path, graph: GraphServer, scim: int, console: int) -> None:
        self.connection, self.folder, self.graph, self.scim, self.console = connection, folder, graph, scim, console
        self.internal = {name: free_port() for name in ("scim", "console", "workers")}

    def refused(self) -> list[str]:
        """What the processes wrote of rights that they lack, or of anything else that went wrong."""
        lines = [line for log in self.folder.glob("*.log") for line in log.read_text().splitlines()]
        return [line[:500] for line in lines if "permission denied" in line or '"level": "error"' in line]

    def api(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """An answer of the API."""
        answer = self.client.request(method, f"/api/v1{path}", **({"json": body} if body is not None else {}), **more)
        assert answer.is_success, (method, path, answer.text)
        return answer.json() if answer.content else None

    def begin(self) -> str:
        """A list with a token; a key to ask the API with."""
        with database.transaction(self.connection) as cursor:
            owner = organisation.ensure(cursor, "North", "business")
            key = api_key.create(cursor, owner, "all", "write", None, "test").token
        self.client = httpx.Client(
            base_url=f"http://{LOOPBACK}:{self.console}", headers={"Authorization": f"Bearer {key}"}, trust_env=False,
            timeout=30,
        )  # fmt: skip
        list_id: str = self.api("POST", "/lists", {"name": "Staff"})["id"]
        self.api("POST", f"/lists/{list_id}/connection", {"unique_identifier": "userName"})
        self.token = self.api("POST", f"/lists/{list_id}/tokens", {})["token"]
        return list_id

    def settled(self, what: str, condition: Callable[[], Any]) -> None:
        """Wait for what workers do, unless they are refused."""
        eventually(lambda: self.refused() or condition(), 30, what)
        assert self.refused() == []


def test_a_stack_runs_with_a_role_for_each_kind_of_process(stack: Apart) -> None:
    list_id = stack.begin()
    at = f"/lists/{list_id}"
    base = f"http://{LOOPBACK}:{stack.scim}/scim/v2/{list_id}"
    for one in (okta.Okta, entra.Entra):  # creates, changes, leavers, groups, look-ups
        done = directory.run(one(), base, stack.token, 10, 0.3, 0.2, 2)
        assert done["failures"] == []
    with Idp(list_id, base, stack.token) as idp:
        made = idp.create(user("ada@north.example") | {"urn:x:y:2.0:User": {"badge": 7}})
        group = idp.request("POST", "/Groups", {"displayName": "A", "members": [{"value": made}]}).json()["id"]
        codes = [
            idp.request(method, path, body).status_code
            for method, path, body in (
                ("GET", "/Schemas", None), ("GET", "/Users?sortBy=title&count=2", None),
                ("GET", f"/Groups/{group}", None), ("PUT", f"/Users/{made}", user("ada@north.example", title="Head")),
                ("POST", "/Users", {"userName": ""}),
                ("POST", "/Bulk", {"schemas": [], "Operations": [
                    {"method": "POST", "path": "/Users", "bulkId": "a", "data": user("ben@north.example")}]}),
                ("DELETE", f"/Groups/{group}", None), ("DELETE", f"/Users/{made}", None),
            )
        ]  # fmt: skip
    assert codes == [200, 200, 200, 200, 400, 200, 204, 204]
    stack.settled("people", lambda: not stack.connection.execute("select from journal").fetchall())

    # What workers do besides: mapping anew, a type, an import, a copy that is deleted, a run, forgetting.
    stack.api("PUT", f"{at}/log-retention", {"days": 30})
    stack.api("PATCH", f"{at}/mappings", {"mappings": [{"number": 0, "on": True}]}, headers={"If-Match": "*"})
    stack.api("PUT", f"{at}/fields/job_title/type", {"type": "number", "clear": True})
    open_jobs = "select from job where finished_at is null"
    stack.settled("the type", lambda: not stack.connection.execute(open_jobs).fetchall())
    session = stack.api("POST", f"{at}/sessions", {"name": "Spring"})["id"]
    stack.api("PATCH", f"{at}/sessions/{session}", {"state": "archived"})
    stack.api("DELETE", f"{at}/sessions/{session}")
    csv = {"content": b"UID,Team\nE1,Red\n", "headers": {"Content-Type": "text/csv"}}
    imported = stack.api("POST", f"{at}/imports?name=a.csv", **csv)["id"]
    for act in ("preview", "run"):
        stack.api("POST", f"{at}/imports/{imported}/{act}", {} if act == "preview" else None)
        stack.settled(act, lambda: stack.api("GET", f"{at}/imports/{imported}")["state"] in ("previewed", "done"))
    stack.api("DELETE", f"{at}/connection")
    stack.settled("forgetting", lambda: stack.client.get(f"/api/v1{at}/connection").status_code == 404)
    pulled = stack.api("POST", "/lists", {"name": "Pulled"})["id"]
    known = stack.graph.directory
    directory_id = stack.api("POST", "/directory-connections", {
        "name": "Entra", "tenant_id": known.tenant_id, "client_id": known.client_id,
        "client_secret": known.client_secret, "cloud": "simulated"})["id"]  # fmt: skip
    chosen = {"unique_identifier": "userName", "groups": None, "guests": True, "connection_id": directory_id}
    stack.api("PUT", f"/lists/{pulled}/directory-sync", chosen)
    run = stack.api("POST", f"/lists/{pulled}/runs", {})["id"]
    stack.settled("a run", lambda: stack.api("GET", f"/lists/{pulled}/runs/{run}")["state"] == "done")
    stack.settled(
        "no jobs", lambda: not stack.connection.execute("select from job where finished_at is null").fetchall()
    )
    for name, port in stack.internal.items():
        assert httpx.get(f"http://{LOOPBACK}:{port}/metrics", trust_env=False).status_code == 200, name
    assert stack.refused() == []
