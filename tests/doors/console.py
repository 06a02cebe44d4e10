"""Every act by the console."""

from typing import Any

import httpx
from litestar import Litestar
from litestar.testing import TestClient

from models import database, operator
from tests.doors.world import CSV, World
from tests.ingress.console.conftest import Browser, Tenant
from tests.ingress.console.test_mappings import Form

Steps = list[tuple[str, Any]]
EMAIL = "mila@north.example"


class Operator:
    """An administrator, signed in."""

    def __init__(self, world: World, client: TestClient[Litestar]) -> None:
        self.world = world
        with database.transaction(world.connection) as cursor:
            password = operator.add(cursor, world.organisation_id, EMAIL)
        self.browser = Browser(client, Tenant(world.organisation_id, world.clubs, EMAIL, password))
        self.browser.sign_in()

    def send(self, path: str, **form: Any) -> httpx.Response:
        """A form that is accepted: its answer is no form again."""
        data = {"_csrf": self.browser.csrf, **form}
        answer = self.browser.client.post(path, data=data, follow_redirects=False)
        assert answer.status_code in (200, 201, 303), (path, answer.text)
        return answer

    def upload(self) -> None:
        """A file for Clubs."""
        files = {"file": ("some.csv", CSV, "text/csv")}
        path, data = f"/lists/{self.world.clubs}/imports/new", {"_csrf": self.browser.csrf}
        assert self.browser.client.post(path, data=data, files=files, follow_redirects=False).status_code == 303

    def stop_import(self) -> None:
        """One that is at work."""
        one = self.world.running_import()
        self.send(f"/lists/{self.world.clubs}/imports/{one}/stop")

    def save_mappings(self) -> None:
        """The page as it is, but for one attribute."""
        path, number = f"/lists/{self.world.staff}/sync/mappings", self.world.title()
        changed = {f"on_{number}": "1", f"field_{number}": ":new", f"label_{number}": "Role"}
        self.send(path, **Form(self.browser.get(path).text).values | changed)

    def sync(self, **form: Any) -> None:
        """Pulled is pulled from the newest directory."""
        chosen = {"uid": "userName", "whom": "everybody", "every": "", **form}
        directory = self.world.newest("directory_connection")
        self.send(f"/lists/{self.world.lists['Pulled']}/sync/directory", connection=directory, **chosen)

    def revoke_key(self) -> None:
        """The one that nobody uses."""
        key_id = self.world.one("select id from api_key where prefix = %s", self.world.spare_key)
        self.send(f"/settings/api-keys/{key_id}/revoke")

    def steps(self) -> Steps:
        """Acts in an order in which each can be done, and how."""
        send, world, entra = self.send, self.world, self.world.directory
        clubs, staff, pulled = (f"/lists/{world.lists[name]}" for name in ("Clubs", "Staff", "Pulled"))

        def each(path: Any, **form: Any) -> Any:
            return lambda: send(path() if callable(path) else path, **form)

        def person(act: str) -> Any:
            return lambda: f"{clubs}/people/{world.person('E1')}{act}"

        def an_import(act: str) -> Any:
            return lambda: f"{clubs}/imports/{world.newest('import')}/{act}"

        def session(act: str) -> Any:
            return lambda: f"{clubs}/sessions/{world.newest('list_session')}/{act}"

        def copied(**form: Any) -> Any:
            return lambda: send(
                session(f"people/{world.one('select id from list_session_person where uid = %s', 'E1')}")(),
                version=world.one("select version from list_session_person where uid = %s", "E1"), **form,
            )  # fmt: skip

        def field(path: str, **form: Any) -> Any:
            return lambda: send(f"{clubs}/fields/{path}", version=world.version(), **form)

        def directory() -> str:
            return f"/settings/directories/{world.newest('directory_connection')}"

        credentials = {"tenant_id": entra.tenant_id, "client_id": entra.client_id, "cloud": "simulated"}
        return [
            ("make a list", each("/lists/new", name="Made")),
            ("connect to SCIM", each(f"/lists/{world.lists['Bare']}/sync/connect", uid="userName")),
            ("add a person", each(f"{clubs}/people/new", uid="E1")),
            ("edit a person", each(person(""), version="1", f_locker="7")),
            ("deactivate a person", each(person("/deactivate"))),
            ("reactivate a person", each(person("/reactivate"))),
            ("export people", lambda: self.browser.get(f"{clubs}/people/export/file?status=all").raise_for_status()),
            ("bring a file", self.upload),
            ("match and preview an import", each(an_import("preview"), column_0="uid", column_1="locker")),
            ("run an import", each(an_import("run"))),
            ("stop an import", self.stop_import),
            ("go on with an import", each(an_import("run"))),
            ("discard an import", lambda: send(f"{clubs}/imports/{world.previewed_import()}/discard")),
            ("allow networks", each(f"{staff}/sync/networks", networks="203.0.113.0/24")),
            ("issue a token", each(f"{staff}/sync/tokens", label="", days="")),
            ("revoke a token", each(lambda: f"{staff}/sync/tokens/{world.newest('bearer_token')}/revoke")),
            ("save mappings", self.save_mappings),
            ("retry an entry", each(lambda: f"{staff}/sync/log/{world.waiting_entry()}/retry")),
            ("keep the log", each(f"{staff}/sync/retention", days="180")),
            ("release", lambda: send(f"{staff}/sync/held/release", person=world.hold("H1", 1))),
            ("discard", lambda: send(f"{staff}/sync/held/discard", person=world.hold("H2", 2))),
            ("set the guard", each(f"{staff}/sync/guard", enabled="1", percent="10", at_least="5")),
            ("add a directory",
             each("/settings/directories/new", name="Entra", secret=entra.client_secret, **credentials)),
            ("change a directory", each(directory, name="Second", secret="", **credentials)),
            ("connect to a directory", self.sync),
            ("change a sync", lambda: self.sync(without_guests="1")),
            ("start a run", each(f"{pulled}/sync/directory/start", act="start")),
            ("stop a run", each(f"{pulled}/sync/directory/stop")),
            ("add a field", field("new", label="Room", type="text")),
            ("rename a field", field("room/label", label="Place")),
            ("require a field", field("room/required", required="1")),
            ("move a field", field("room/move", to="up")),
            ("change a type", field("room/type", type="number", tried="1", clear="0")),
            ("remove a field", field("room/remove")),
            ("add options", field("team/options", act="add", name="Gold")),
            ("rename an option", field("team/options", act="rename", option="Gold", name="Pink")),
            ("move an option", field("team/options", act="up", option="Pink")),
            ("remove an option", field("team/options", act="clear", option="Pink")),
            ("take a session", each(f"{clubs}/sessions/new", name="Spring", status="all")),
            ("export a session", lambda: self.browser.get(session("people.csv")()).raise_for_status()),
            ("add somebody to a session", each(session("people/new"), uid="S1", active="1")),
            ("edit somebody in a session", copied(f_locker="9")),
            ("remove somebody from a session", copied(act="remove")),
            ("restore somebody in a session", copied(act="restore")),
            ("close a session", each(session("close"))),
            ("reopen a session", each(session("reopen"))),
            ("archive a session", each(session("archive"))),
            ("delete a session", each(session("delete"))),
            ("revoke an API key", self.revoke_key),
            ("disconnect", each(f"{pulled}/sync/disconnect")),
            ("remove a directory", each(lambda: f"/settings/directories/{world.free_directory()}/remove")),
        ]  # fmt: skip
