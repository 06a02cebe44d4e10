"""A list that is pulled from a simulated Microsoft Graph: runs and drains in this process."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from models import connection as links
from models import database, master_list, organisation
from models.database import Connection
from models.directory import connections, plan, runs, syncs
from models.directory.connections import Wanted
from models.directory.runs import Run
from models.directory.schedule import Schedule
from models.directory.syncs import Group, Scope
from ops.graph import Graph, connected
from ops.simulators.graph import Directory, GraphServer
from ops.vault import Vault, new_key
from tests.workers.conftest import Roster
from workers.directory import run as running
from workers.directory import writing
from workers.sweep import forget

VAULT = Vault([new_key()])
OPERATOR = "ops@north.example"
MOST_SHARES = 500  # of work at a run: a few are enough


@dataclass
class Pulled(Roster):
    """One list of a directory, as a test drives it."""

    directory: Directory = field(default_factory=Directory)
    server: GraphServer | None = None
    organisation_id: str = ""
    directory_connection_id: str = ""

    @property
    def graph(self) -> GraphServer:
        """The server that its runs ask."""
        assert self.server is not None
        return self.server

    def graph_of(self, cursor: database.Cursor, list_id: str) -> Graph:
        """A client of the list's directory, as a worker makes it."""
        one = syncs.credentials(cursor, list_id)
        return connected(VAULT, one.cloud, one.tenant_id, one.client_id, one.secret, self.graph.url)

    def connect(self, *groups: str, guests: bool = True, schedule: Schedule | None = None) -> None:
        """Connect the list to everybody, or to these groups."""
        scope = Scope(tuple(Group(one, "A group") for one in groups) or None, guests)
        with database.transaction(self.connection, [self.list_id]) as cursor:
            syncs.connect(
                cursor, self.organisation_id, self.list_id, self.directory_connection_id, self.unique_identifier,
                scope, schedule or Schedule(), OPERATOR,
            )  # fmt: skip

    def choose(self, *groups: str, guests: bool = True) -> None:
        """Choose otherwise."""
        scope = Scope(tuple(Group(one, "A group") for one in groups) or None, guests)
        with database.transaction(self.connection, [self.list_id]) as cursor:
            syncs.change(cursor, self.organisation_id, self.list_id, self.directory_connection_id, scope, Schedule())

    def map(self, attribute: str, label: str) -> None:
        """Map one attribute more."""
        with database.transaction(self.connection, [self.list_id]) as cursor:
            keys = master_list.ensure_fields(cursor, self.list_id, [(label, "text")])
            cursor.execute(
                "insert into field_mapping (list_id, attribute, field) values (%s, %s, %s)",
                (self.list_id, attribute, keys[label]),
            )
            cursor.execute(
                "update connection set mapping_version = mapping_version + 1 where list_id = %s", (self.list_id,)
            )

    def disconnect(self) -> None:
        """Disconnect the list, and forget what was pulled."""
        with database.transaction(self.connection, [self.list_id]) as cursor:
            links.disconnect(cursor, self.list_id)
        self.drain()
        forget(self.connection, self.list_id)

    def begin(self, preview: bool = False) -> str:
        """A new run; its id."""
        with database.transaction(self.connection, [self.list_id]) as cursor:
            run_id = runs.begin(cursor, self.list_id, OPERATOR, preview)
        assert run_id is not None
        return run_id

    def work(self, run_id: str, seconds: float = 60) -> bool:
        """One worker's share of a run."""
        return running.work(self.connection, self.list_id, run_id, self.graph_of, lambda _: None, seconds)

    def hurry(self, run_id: str) -> None:
        """Let a run that rests be taken at once."""
        with database.transaction(self.connection, [self.list_id]) as cursor:
            cursor.execute("update job set not_before = null where id = %s", (run_id,))

    def look(self, run_id: str) -> Run:
        """A run as it stands."""
        with database.transaction(self.connection, [self.list_id]) as cursor:
            found = runs.find(cursor, self.list_id, run_id)
        assert found is not None
        return found

    def finish(self, run_id: str) -> Run:
        """Work at a run, and drain, until it is over."""
        for _ in range(MOST_SHARES):
            if not self.look(run_id).is_open:
                return self.look(run_id)
            self.work(run_id)
            self.drain()
            self.hurry(run_id)
        raise AssertionError(f"it does not come to an end: {self.look(run_id)}")

    def run(self, preview: bool = False) -> Run:
        """A whole run that succeeds."""
        over = self.finish(self.begin(preview))
        assert over.state == "done", over
        return over

    def failures(self) -> dict[str, str]:
        """Who could not be applied, by user name."""
        with database.transaction(self.connection, [self.list_id]) as cursor:
            return {one.name: one.error for one in plan.failures(cursor, self.list_id, 100)}

    def waiting(self) -> int:
        """How many identities wait."""
        with database.transaction(self.connection, [self.list_id]) as cursor:
            cursor.execute(
                "select count(*) from identity where list_id = %s and waiting_reason is not null", (self.list_id,)
            )
            row = cursor.fetchone()
        return row[0] if row else 0

    def by_anchor(self) -> dict[str, dict[str, Any]]:
        """People by their object id in the directory."""
        return {one["anchor"]: one for one in self.people()}

    def active(self) -> set[str]:
        """The UIDs of the active people."""
        return {one["uid"] for one in self.people() if one["active"]}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run does not wait for drains, which the tests do themselves when it rests."""
    monkeypatch.setattr(writing, "LOOK_EVERY", 0)
    monkeypatch.setattr(writing, "LOOKS", 0)


@pytest.fixture
def directory() -> Directory:
    """An empty directory."""
    return Directory()


@pytest.fixture
def make_pulled(connection: Connection, directory: Directory) -> Iterator[Any]:
    """Lists by unique identifier, not connected yet, of one directory."""
    numbers = count(1)
    with GraphServer(directory) as server:
        with database.transaction(connection) as cursor:
            organisation_id = organisation.ensure(cursor, "North School", "pro")
            wanted = Wanted("North", directory.tenant_id, directory.client_id, "simulated")
            sealed = VAULT.seal(directory.client_secret)
            connection_id = connections.add(cursor, organisation_id, "pro", wanted, sealed, OPERATOR)

        def make(unique_identifier: str = "userName") -> Pulled:
            with database.transaction(connection) as cursor:
                list_id = master_list.create(cursor, organisation_id, f"Staff {next(numbers)}")
            return Pulled(connection, list_id, unique_identifier, directory, server, organisation_id, connection_id)

        yield make


@pytest.fixture
def staff(make_pulled: Any) -> Pulled:
    """The Staff list, by user name."""
    made: Pulled = make_pulled()
    return made
