"""`muster migrate` while the version before it serves: ingress and workers as they were before the newest revision."""

import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory

from models import connection as connections
from models import database, journal, master_list, migrations, organisation, person, token
from models.migrations import roles
from ops.addresses import free_port, status
from ops.embedded import DATABASE, OWNING, SERVING, Postgres
from tests.factories import patch, replace, user
from tests.journeys.system import ROOT, STOP_WITHIN, NewList, clean_environment
from tests.journeys.waiting import eventually
from tests.valkey import running_valkey

pytestmark = [pytest.mark.journey, pytest.mark.needs("git", "tar")]

NAME = "online"
CLIENTS, TURNS = 3, 10  # rounds that each client is to have made before, and again afterwards


_READABLE = (
    "select quote_ident(relname) from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
    " and has_table_privilege(oid, 'select')"
)


class Earlier(NamedTuple):
    """The code before the newest revision came, and the revision that it knows."""

    code: Path
    revision: str


class Site(NamedTuple):
    """A database of the earlier version, and the earlier version that serves from it."""

    owner_url: str
    database_url: str
    root: str


@pytest.fixture(scope="module")
def earlier() -> Iterator[Earlier]:
    scripts = ScriptDirectory(str(ROOT / "models" / "migrations"))
    newest = scripts.get_revision("head")
    assert isinstance(newest.down_revision, str)
    with tempfile.TemporaryDirectory(prefix="me", dir="/tmp") as folder:
        found = _git("log", "--diff-filter=A", "--format=%H", "--", newest.path).split()
        if not found or subprocess.run(["git", "cat-file", "-e", f"{found[-1]}^"], cwd=ROOT).returncode:
            pytest.skip("this copy of the repository does not have what came before the newest revision")
        archive = subprocess.run(["git", "archive", f"{found[-1]}^"], cwd=ROOT, check=True, capture_output=True)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        yield Earlier(Path(folder), newest.down_revision)


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def site(postgres: Postgres, earlier: Earlier, tmp_path: Path) -> Iterator[Site]:
    with psycopg.connect(f"postgresql://postgres@/postgres?host={postgres.sockets}", autocommit=True) as superuser:
        superuser.execute(f"create database {NAME} owner {OWNING}")
        owner_url, url = (postgres.url(role).replace(f"/{DATABASE}?", f"/{NAME}?") for role in (OWNING, SERVING))
        command.upgrade(migrations.config(owner_url), earlier.revision)
        with database.connect(owner_url) as owner:
            roles.grant(owner, SERVING)
        port, internal = free_port(), free_port()
        with running_valkey(tmp_path) as valkey:
            more = {
                "MUSTER_DATABASE_URL": url, "MUSTER_REDIS_URL": valkey.url(), "MUSTER_PORT": str(port),
                "PYTHONPATH": str(earlier.code),
            }  # fmt: skip
            environment = clean_environment() | more
            with _process(earlier, "ingress", environment, internal), _process(earlier, "workers", environment):
                eventually(lambda: status("127.0.0.1", internal, "/ready") == 200, 30, "the earlier version")
                yield Site(owner_url, url, f"http://127.0.0.1:{port}/scim/v2")
        superuser.execute(f"drop database {NAME} with (force)")


@contextmanager
def _process(earlier: Earlier, kind: str, environment: dict[str, str], internal: int | None = None) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "ops.cli", kind], cwd=earlier.code, stderr=subprocess.DEVNULL,
        env=environment | {"MUSTER_INTERNAL_PORT": str(internal or free_port())},
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait(STOP_WITHIN)


class Client:
    """Creates users and changes them, and keeps what was acknowledged and what was not as it may be."""

    def __init__(self, target: NewList, number: int) -> None:
        self._target, self._number = target, number
        self.titles: dict[str, str] = {}  # by user name, as acknowledged
        self.wrong: list[str] = []
        self.turns = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        headers = {"Authorization": f"Bearer {self._target.token}"}
        with httpx.Client(headers=headers, timeout=30, trust_env=False) as http:
            while not self.over.is_set():
                name, title = f"{self._number}-{self.turns}@north.example", f"Title {self.turns}"
                made = self._until_taken(http, "POST", "/Users", user(name))
                if made.status_code == 201:
                    changed = patch(replace("title", title))
                    if self._until_taken(http, "PATCH", f"/Users/{made.json()['id']}", changed).status_code == 200:
                        self.titles[name] = title
                self.turns += 1

    def _until_taken(self, http: httpx.Client, method: str, path: str, body: object) -> httpx.Response:
        """A 503 that says when to come back is no failure."""
        while True:
            answer = http.request(method, self._target.base_url + path, json=body)
            if answer.status_code != 503 or "retry-after" not in answer.headers or self.over.is_set():
                break
        if answer.status_code >= 400:
            self.wrong.append(f"{method} {answer.status_code} {answer.text[:200]}")
        return answer


def test_the_version_before_goes_on_while_the_schema_is_upgraded(site: Site) -> None:
    target = _new_list(site)
    clients = [Client(target, number) for number in range(CLIENTS)]
    try:
        for client in clients:
            client.thread.start()
        _make_turns(clients)
        with database.connect(site.database_url) as reading:
            # Somebody in a long transaction has read all that there is.
            reading.execute("begin")
            for (name,) in reading.execute(_READABLE).fetchall():
                reading.execute(f"lock table {name} in access share mode")
            migrating = _migrate(site)
            _make_turns(clients)
        assert migrating.wait(60) == 0
        _make_turns(clients)
    finally:
        for client in clients:
            client.over.set()
            client.thread.join()

    with database.connect(site.owner_url) as owner:
        found, newest = migrations.current(owner)
    assert found == newest
    assert [wrong for client in clients for wrong in client.wrong] == []
    assert _people(site, target) == {name: title for client in clients for name, title in client.titles.items()}


def _make_turns(clients: list[Client]) -> None:
    """Wait until each client has done its work some times more."""
    wanted = [client.turns + TURNS for client in clients]
    eventually(
        lambda: all(client.turns >= least for client, least in zip(clients, wanted, strict=True)), 30, "more requests"
    )


def _migrate(site: Site) -> "subprocess.Popen[bytes]":
    environment = clean_environment() | {"MUSTER_OWNER_URL": site.owner_url, "MUSTER_DATABASE_URL": site.database_url}
    return subprocess.Popen([sys.executable, "-m", "ops.cli", "migrate"], cwd=ROOT, env=environment)


def _new_list(site: Site) -> NewList:
    with database.connect(site.database_url) as serving:
        with database.transaction(serving) as cursor:
            list_id = master_list.create(cursor, organisation.ensure(cursor, "North", "business"), "Staff")
        with database.transaction(serving, [list_id]) as cursor:
            connections.connect(cursor, list_id, "userName", "journey")
            secret = token.issue(cursor, list_id, "journey", None, "journey").token
    return NewList(list_id, f"{site.root}/{list_id}", secret)


def _people(site: Site, target: NewList) -> dict[str, str]:
    with database.connect(site.database_url) as serving:

        def is_settled() -> bool:
            with database.transaction(serving, [target.list_id]) as cursor:
                return not journal.pending(cursor, target.list_id)

        eventually(is_settled, 30, "an empty journal")
        found = list(person.people(serving, target.list_id, "all"))
    return {one["uid"]: one["fields"].get("Job Title") for one in found}
