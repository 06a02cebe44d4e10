"""A school whose list is pulled from a simulated Microsoft Graph, as its operator drives it in the console."""

import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Any

import httpx

from models import database, person
from models.database import Connection
from models.directory import runs, syncs
from ops.simulators.graph import Directory, GraphServer
from tests.workers.conftest import Roster
from workers.directory import run as running

if TYPE_CHECKING:
    from tests.ingress.console.conftest import Browser

ACTS = "select action, detail from audit_entry where action !~ '^operator' order by at"  # but for signing in
HIDDEN = re.compile(r'<input type="hidden" name="([\w]+)" value="([^"]*)"')
HX = {"HX-Request": "true"}


@dataclass
class School:
    """One operator, one list, one directory."""

    browser: "Browser"
    connection: Connection
    graph: GraphServer

    @property
    def directory(self) -> Directory:
        """What Microsoft has."""
        return self.graph.directory

    @property
    def list_id(self) -> str:
        """The list."""
        return self.browser.tenant.list_id

    @property
    def sync(self) -> str:
        """The path of the list's Sync tab."""
        return f"/lists/{self.list_id}/sync"

    def page(self, path: str) -> str:
        """A page that is there, as it reads."""
        answer = self.browser.get(path)
        assert answer.status_code == 200, answer.text
        return unescape(answer.text)

    def send(self, path: str, form: dict[str, Any], **headers: str) -> httpx.Response:
        """A form, in which a name may have several values."""
        data = {"_csrf": self.browser.csrf, **form}
        return self.browser.client.post(path, data=data, headers=headers, follow_redirects=False)

    def credentials(self, **other: str) -> dict[str, str]:
        """What an operator enters of the directory."""
        one = self.directory
        entered = {"name": "North", "cloud": "simulated", "tenant_id": one.tenant_id, "client_id": one.client_id}
        return {**entered, "secret": one.client_secret, **other}

    def add(self, **other: str) -> str:
        """A directory connection; its id."""
        answer = self.send("/settings/directories/new", self.credentials(**other))
        assert answer.status_code == 303, answer.text
        [row] = self.connection.execute(
            "select id::text from directory_connection where name = %s", (other.get("name", "North"),)
        ).fetchall()
        return str(row[0])

    def connect(self, *groups: str, **other: Any) -> None:
        """Connect the list to everybody, or to these groups."""
        chosen = {"whom": "groups", "group": [f"{one} A group" for one in groups]} if groups else {"whom": "everybody"}
        form = {"connection": self.add(), "uid": "userName", "every": "", **chosen, **other}
        answer = self.send(f"{self.sync}/directory", form)
        assert (answer.status_code, answer.headers.get("location")) == (303, self.sync), answer.text

    def start(self, act: str = "start") -> str:
        """Press the button; the run's id."""
        assert self.send(f"{self.sync}/directory/start", {"act": act}).headers["location"] == self.sync
        with database.transaction(self.connection, [self.list_id]) as cursor:
            found = runs.latest(cursor, self.list_id)
        assert found is not None
        return found.id

    def work(self, run_id: str) -> None:
        """Workers, until the run is over."""
        roster = Roster(self.connection, self.list_id)
        for _ in range(100):
            running.work(self.connection, self.list_id, run_id, self._graph_of, lambda _: None, 60)
            roster.drain()
            if not self._hurry(run_id):
                return
        raise AssertionError("the run does not end")

    def run(self, act: str = "start") -> str:
        """A whole run; its id."""
        run_id = self.start(act)
        self.work(run_id)
        return run_id

    def _graph_of(self, cursor: database.Cursor, list_id: str) -> Any:
        office = self.browser.client.app.state.office
        return office.graphs.of(syncs.credentials(cursor, list_id))

    def _hurry(self, run_id: str) -> bool:
        with database.transaction(self.connection, [self.list_id]) as cursor:
            cursor.execute("update job set not_before = null where id = %s and finished_at is null", (run_id,))
            return cursor.rowcount == 1

    def people(self) -> dict[str, bool]:
        """Who is in the list: UID to active."""
        return {one["uid"]: one["active"] for one in person.people(self.connection, self.list_id, "all")}

    def acts(self) -> list[tuple[Any, ...]]:
        """What was written down of operators."""
        return self.connection.execute(ACTS).fetchall()


def hidden(text: str) -> dict[str, list[str]]:
    """The hidden fields of a form, besides its token."""
    found: dict[str, list[str]] = {}
    for name, value in HIDDEN.findall(text):
        found.setdefault(name, []).append(unescape(value))
    found.pop("_csrf", None)
    return found
