"""A list that workers pull from a directory of the test's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from models import master_list, organisation
from models.database import Cursor
from models.directory import connections, runs, syncs
from models.directory.connections import Wanted
from models.directory.runs import Run
from models.directory.schedule import Schedule
from models.directory.syncs import Group, Scope
from ops.bell import Bell
from ops.simulators.graph import Directory, GraphServer
from ops.vault import Vault, new_key
from tests.journeys.system import OPERATOR, Muster
from tests.journeys.waiting import eventually

SECRET_KEY = new_key()


@dataclass
class Pulled:
    """One connected list."""

    muster: Muster
    graph: GraphServer
    list_id: str

    def __post_init__(self) -> None:
        self.bell = Bell(self.muster.ready["redis_url"])

    def start(self, preview: bool = False) -> str:
        """Have a run begun by whichever worker hears of it."""
        run_id = self.muster.in_transaction(
            lambda cursor: runs.start(cursor, self.list_id, OPERATOR, preview), self.list_id
        )
        self.bell.sync(self.list_id, run_id)
        return run_id

    def look(self, run_id: str) -> Run:
        """A run as it stands."""
        found = self.muster.in_transaction(lambda cursor: runs.find(cursor, self.list_id, run_id), self.list_id)
        assert found is not None
        return found

    def over(self, run_id: str, within: float = 60) -> Run:
        """A run when it is over."""
        eventually(lambda: not self.look(run_id).is_open, within, f"the end of run {run_id}")
        return self.look(run_id)

    def run(self, state: str = "done") -> Run:
        """A whole run that ends so."""
        over = self.over(self.start())
        assert over.state == state, over
        return over

    def people(self) -> dict[str, dict[str, Any]]:
        """Everybody by their object id in the directory."""
        return {one["anchor"]: one for one in self.muster.people(self.list_id)}

    def active(self) -> set[str]:
        """The object ids of the active people."""
        return {anchor for anchor, one in self.people().items() if one["active"]}

    def set_link(self, link: str) -> None:
        """Let the stream of users go on from a link."""
        self.muster.in_transaction(
            lambda cursor: cursor.execute(
                "update directory_sync set position = jsonb_set(position, '{users,link}', to_jsonb(%s::text))"
                " where list_id = %s",
                (link, self.list_id),
            ),
            self.list_id,
        )


@contextmanager
def pulled(
    muster: Muster,
    directory: Directory,
    port: int,
    *groups: str,
    unique_identifier: str = "userName",
    schedule: Schedule | None = None,
) -> Iterator[Pulled]:
    """A list that is connected to everybody in a directory, or to these groups of it, while it is served."""

    def connect(cursor: Cursor) -> str:
        owner = organisation.ensure(cursor, "Pulled", "business")
        number = len(connections.listing(cursor, owner))
        list_id = master_list.create(cursor, owner, f"Pulled {number}")
        wanted = Wanted(f"Directory {number}", directory.tenant_id, directory.client_id, "simulated")
        sealed = Vault([SECRET_KEY]).seal(directory.client_secret)
        connection_id = connections.add(cursor, owner, "business", wanted, sealed, OPERATOR)
        scope = Scope(tuple(Group(one, "Group") for one in groups) or None)
        syncs.connect(cursor, owner, list_id, connection_id, unique_identifier, scope, schedule or Schedule(), OPERATOR)
        return list_id

    # Or the schedules of other journeys' lists would have them ask this one's directory.
    muster.rows("update directory_sync set next_at = null returning 1")
    with GraphServer(directory, port=port) as server:
        yield Pulled(muster, server, muster.in_transaction(connect))
