"""Every act by the command line."""

import json
import threading
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from ops.cli import main
from tests.doors.world import CSV, World

Steps = list[tuple[str, Any]]


class Commands:
    """The command line; `done` is asked after each act."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.file = folder / "some.csv"
        self.file.write_bytes(CSV)
        self.out = str(folder / "out.csv")

    def run(self, *arguments: str, stdin: str | None = None) -> Any:
        """A command; what it prints."""
        result = CliRunner().invoke(main, [*arguments, "--json"], input=stdin)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def with_worker(self, *arguments: str) -> None:
        """A command that waits for a worker."""
        over = threading.Event()

        def work() -> None:
            while not over.wait(0.02):
                self.world.settle()

        worker = threading.Thread(target=work)
        worker.start()
        try:
            self.run(*arguments)
        finally:
            over.set()
            worker.join()

    def stop_import(self) -> None:
        """One that is at work."""
        self.world.running_import()
        self.run("people", "stop", "Clubs")

    def discard_import(self) -> None:
        """One that was looked at alone."""
        self.run("people", "discard", "Clubs", self.world.previewed_import())

    def steps(self) -> Steps:
        """Acts in an order in which each can be done, and how."""
        run, world = self.run, self.world
        entra = world.directory
        ids = ("--tenant", entra.tenant_id, "--client", entra.client_id, "--cloud", "simulated")
        secret = f"{entra.client_secret}\n"

        def each(*arguments: str, stdin: str | None = None) -> Any:
            return lambda: run(*arguments, stdin=stdin)

        return [
            ("make a list", each("list", "create", "Made", "--org", "North", "--no-connect")),
            ("connect to SCIM", each("list", "connect", "Bare")),
            ("add a person", each("person", "add", "Clubs", "E1")),
            ("edit a person", each("person", "edit", "Clubs", "E1", "--set", "locker=7")),
            ("deactivate a person", each("person", "deactivate", "Clubs", "E1")),
            ("reactivate a person", each("person", "reactivate", "Clubs", "E1")),
            ("export people", each("people", "export", "Clubs", "-o", self.out)),
            ("bring a file, match and preview an import, run an import",
             lambda: self.with_worker("people", "import", "Clubs", str(self.file))),
            ("stop an import", self.stop_import),
            ("go on with an import", lambda: self.with_worker("people", "resume", "Clubs")),
            ("discard an import", self.discard_import),
            ("allow networks", each("list", "allow", "Staff", "203.0.113.0/24")),
            ("issue a token", each("token", "issue", "Staff")),
            ("revoke a token", lambda: run("token", "revoke", world.one("select prefix from bearer_token"))),
            ("save mappings", each("mapping", "save", "Staff", "--map", "title=Role")),
            ("retry an entry", lambda: run("entry", "retry", "Staff", str(world.waiting_entry()))),
            ("keep the log", each("entry", "keep", "Staff", "180")),
            ("release", lambda: (world.hold("H1", 1), run("held", "release", "Staff", "H1"))),
            ("discard", lambda: (world.hold("H2", 2), run("held", "discard", "Staff", "H2"))),
            ("set the guard", each("guard", "Staff", "--on")),
            ("add a directory", each("directory", "add", "Entra", *ids, "--org", "North", stdin=secret)),
            ("change a directory", each("directory", "change", "Entra", "--name", "Second")),
            ("connect to a directory", each("sync", "connect", "Pulled", "--directory", "Second")),
            ("change a sync", each("sync", "change", "Pulled", "--no-guests")),
            ("start a run", each("sync", "run", "Pulled", "--no-wait")),
            ("stop a run", each("sync", "stop", "Pulled")),
            ("add a field", each("field", "add", "Clubs", "Room")),
            ("rename a field", each("field", "rename", "Clubs", "Room", "Place")),
            ("require a field", each("field", "require", "Clubs", "Place")),
            ("move a field", each("field", "move", "Clubs", "Place", "1")),
            ("change a type", each("field", "retype", "Clubs", "Place", "number")),
            ("remove a field", each("field", "remove", "Clubs", "Place", "--yes")),
            ("add options", each("field", "options", "Clubs", "Team", "--add", "Gold")),
            ("rename an option", each("field", "options", "Clubs", "Team", "--rename", "Gold", "Pink")),
            ("move an option", each("field", "options", "Clubs", "Team", "--move", "Pink", "1")),
            ("remove an option", each("field", "options", "Clubs", "Team", "--remove", "Pink", "--clear")),
            ("take a session", each("session", "take", "Clubs", "Spring")),
            ("export a session", each("session", "export", "Clubs", "Spring", "--to", self.out)),
            ("add somebody to a session", each("session", "add", "Clubs", "Spring", "S1")),
            ("edit somebody in a session", each("session", "edit", "Clubs", "Spring", "E1", "--set", "locker=9")),
            ("remove somebody from a session", each("session", "remove", "Clubs", "Spring", "E1")),
            ("restore somebody in a session", each("session", "restore", "Clubs", "Spring", "E1")),
            ("close a session", each("session", "close", "Clubs", "Spring")),
            ("reopen a session", each("session", "reopen", "Clubs", "Spring")),
            ("archive a session", each("session", "archive", "Clubs", "Spring")),
            ("delete a session", each("session", "delete", "Clubs", "Spring", "--yes")),
            ("revoke an API key", each("api-key", "revoke", world.spare_key)),
            ("disconnect", each("list", "disconnect", "Pulled")),
            ("remove a directory", lambda: run("directory", "remove", world.free_directory())),
        ]  # fmt: skip
