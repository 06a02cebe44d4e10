"""The command line beside a simulated Microsoft Graph, and a worker in this process."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from click.testing import CliRunner, Result

from models import database, master_list, organisation
from models import job as jobs
from models.connection import Roster
from models.journal import Lane
from ops.cli import main
from ops.graphs import Graphs
from ops.settings import load
from ops.simulators.graph import Directory, GraphServer
from workers.directory import run as running
from workers.provision import provision

LANES = 16


class Muster:
    """The command line, and what it speaks to."""

    def __init__(self, directory: Directory, server: GraphServer, database_url: str) -> None:
        self.directory, self.server, self.database_url = directory, server, database_url

    def run(self, *arguments: str, stdin: str | None = None) -> Result:
        """One command."""
        return CliRunner().invoke(main, arguments, input=stdin)

    def json(self, *arguments: str, stdin: str | None = None, code: int = 0) -> Any:
        """The document that it prints."""
        result = self.run(*arguments, "--json", stdin=stdin)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def refused(self, *arguments: str, code: int = 2, stdin: str | None = None) -> str:
        """The sentence of one that is refused."""
        result = self.run(*arguments, stdin=stdin)
        assert (result.exit_code, result.stdout) == (code, ""), result.output
        assert self.directory.client_secret not in result.output
        return result.stderr

    def add(self, name: str = "North", *more: str) -> str:
        """A connection to the simulated directory; its id."""
        ids = ("--tenant", self.directory.tenant_id, "--client", self.directory.client_id, "--cloud", "simulated")
        made = self.json("directory", "add", name, *ids, *more, stdin=f"{self.directory.client_secret}\n")
        return str(made["id"])

    def new_list(self, name: str = "Staff", org: str = "Default") -> str:
        """A list that is not connected."""
        with database.connect(self.database_url) as opened, database.transaction(opened) as cursor:
            return master_list.create(cursor, organisation.ensure(cursor, org), name)

    @contextmanager
    def worker(self) -> Iterator[None]:
        """A worker that takes every open run, meanwhile."""
        over = threading.Event()
        thread = threading.Thread(target=self._work, args=(over,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _work(self, over: threading.Event) -> None:
        graphs, rosters = Graphs(load()), dict[str, Roster]()
        with database.connect(self.database_url, "worker") as own:
            while not over.wait(0.02):
                for list_id, run_id in self._open_runs(own):
                    running.work(own, list_id, run_id, graphs.of_list, lambda _: None)
                    provision(own, [Lane(list_id, number) for number in range(LANES)], rosters)

    def _open_runs(self, own: database.Connection) -> list[tuple[str, str]]:
        with database.transaction(own) as cursor:
            cursor.execute("update job set not_before = null where finished_at is null")
            cursor.execute("select list_id, id::text from job where kind = %s and finished_at is null", (jobs.SYNC,))
            return [(row[0], row[1]) for row in cursor.fetchall()]
