"""Every act by the API."""

from typing import Any

import httpx
from litestar import Litestar
from litestar.testing import TestClient

from models import api_key, database
from tests.doors.world import CSV, World

Steps = list[tuple[str, Any]]


class Script:
    """A script with a key that writes."""

    def __init__(self, world: World, client: TestClient[Litestar]) -> None:
        self.world, self.client = world, client
        with database.transaction(world.connection) as cursor:
            self.key = api_key.create(cursor, world.organisation_id, "script", api_key.WRITE, None, "test").token

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """A request that is done."""
        headers = {"Authorization": f"Bearer {self.key}"} | more.pop("headers", {})
        given = more if body is None else {"json": body}
        answer = self.client.request(method, f"/api/v1{path}", headers=headers, **given)
        assert answer.is_success, (method, path, answer.text)
        return answer

    def upload(self) -> str:
        """A file for Clubs; the import's id."""
        path, headers = f"/lists/{self.world.clubs}/imports?name=some.csv", {"Content-Type": "text/csv"}
        return str(self.ask("POST", path, content=CSV, headers=headers).json()["id"])

    def stop_import(self) -> None:
        """One that is at work."""
        one = self.world.running_import()
        self.ask("POST", f"/lists/{self.world.clubs}/imports/{one}/stop")

    def steps(self) -> Steps:
        """Acts in an order in which each can be done, and how."""
        ask, world, entra = self.ask, self.world, self.world.directory
        clubs, staff, pulled = (f"/lists/{world.lists[name]}" for name in ("Clubs", "Staff", "Pulled"))

        def each(method: str, path: Any, body: Any = None, **more: Any) -> Any:
            return lambda: ask(method, path() if callable(path) else path, body, **more)

        def person() -> str:
            return f"{clubs}/people/{world.person('E1')}"

        def an_import() -> str:
            return f"{clubs}/imports/{world.newest('import')}"

        def session() -> str:
            return f"{clubs}/sessions/{world.newest('list_session')}"

        def copied() -> str:
            return f"{session()}/people/{world.one('select id from list_session_person where uid = %s', 'E1')}"

        def directory() -> str:
            return f"/directory-connections/{world.newest('directory_connection')}"

        def sync(guests: bool) -> Any:
            chosen = {"unique_identifier": "userName", "groups": None, "guests": guests}
            return lambda: ask("PUT", f"{pulled}/directory-sync",
                               chosen | {"connection_id": world.newest("directory_connection")})  # fmt: skip

        credentials = {"name": "Entra", "tenant_id": entra.tenant_id, "client_id": entra.client_id,
                       "client_secret": entra.client_secret, "cloud": "simulated"}  # fmt: skip
        return [
            ("make a list", each("POST", "/lists", {"name": "Made"})),
            ("connect to SCIM",
             each("POST", f"/lists/{world.lists['Bare']}/connection", {"unique_identifier": "userName"})),
            ("add a person", each("POST", f"{clubs}/people", {"uid": "E1"})),
            ("edit a person", each("PATCH", person, {"fields": {"locker": "7"}})),
            ("deactivate a person", each("PATCH", person, {"active": False})),
            ("reactivate a person", each("PATCH", person, {"active": True})),
            ("export people", each("GET", f"{clubs}/people-export")),
            ("bring a file", self.upload),
            ("match and preview an import", each("POST", lambda: f"{an_import()}/preview", {})),
            ("run an import", each("POST", lambda: f"{an_import()}/run")),
            ("stop an import", self.stop_import),
            ("go on with an import", each("POST", lambda: f"{an_import()}/run")),
            ("discard an import", lambda: ask("DELETE", f"{clubs}/imports/{world.previewed_import()}")),
            ("allow networks", each("PUT", f"{staff}/connection/networks", {"networks": ["203.0.113.0/24"]})),
            ("issue a token", each("POST", f"{staff}/tokens", {})),
            ("revoke a token", each("DELETE", lambda: f"{staff}/tokens/{world.newest('bearer_token')}")),
            ("save mappings", lambda: ask("PATCH", f"{staff}/mappings", headers={"If-Match": "*"}, json={
                "mappings": [{"number": world.title(), "on": True, "field": ":new", "label": "Role"}]})),
            ("retry an entry", each("POST", lambda: f"{staff}/log/{world.waiting_entry()}/retry")),
            ("keep the log", each("PUT", f"{staff}/log-retention", {"days": 180})),
            ("release", lambda: ask("POST", f"{staff}/held/release", {"people": [world.hold("H1", 1)]})),
            ("discard", lambda: ask("POST", f"{staff}/held/discard", {"people": [world.hold("H2", 2)]})),
            ("set the guard", each("PUT", f"{staff}/guard", {"enabled": True, "percent": 10, "at_least": 5})),
            ("add a directory", each("POST", "/directory-connections", credentials)),
            ("change a directory", each("PATCH", directory, {"name": "Second"})),
            ("connect to a directory", sync(True)),
            ("change a sync", sync(False)),
            ("start a run", each("POST", f"{pulled}/runs", {})),
            ("stop a run", each("POST", lambda: f"{pulled}/runs/{world.newest('job')}/stop")),
            ("add a field", each("POST", f"{clubs}/fields", {"label": "Room"})),
            ("rename a field", each("PATCH", f"{clubs}/fields/room", {"label": "Place"})),
            ("require a field", each("PATCH", f"{clubs}/fields/room", {"required": True})),
            ("move a field", each("PATCH", f"{clubs}/fields/room", {"position": 1})),
            ("change a type", each("PUT", f"{clubs}/fields/room/type", {"type": "number"})),
            ("remove a field", each("DELETE", f"{clubs}/fields/room")),
            ("add options", each("POST", f"{clubs}/fields/team/options", {"options": ["Gold"]})),
            ("rename an option", each("PATCH", f"{clubs}/fields/team/options", {"option": "Gold", "name": "Pink"})),
            ("move an option", each("PATCH", f"{clubs}/fields/team/options", {"option": "Pink", "position": 1})),
            ("remove an option",
             each("POST", f"{clubs}/fields/team/options/remove", {"option": "Pink", "keep": False})),
            ("take a session", each("POST", f"{clubs}/sessions", {"name": "Spring"})),
            ("export a session", each("GET", lambda: f"{session()}/export")),
            ("add somebody to a session", each("POST", lambda: f"{session()}/people", {"uid": "S1"})),
            ("edit somebody in a session", each("PATCH", copied, {"fields": {"locker": "9"}})),
            ("remove somebody from a session", each("DELETE", copied)),
            ("restore somebody in a session", each("POST", lambda: f"{copied()}/restore")),
            ("close a session", each("PATCH", session, {"state": "closed"})),
            ("reopen a session", each("PATCH", session, {"state": "open"})),
            ("archive a session", each("PATCH", session, {"state": "archived"})),
            ("delete a session", each("DELETE", session)),
            ("revoke an API key", each("DELETE", f"/api-keys/{world.spare_key}")),
            ("disconnect", each("DELETE", f"{pulled}/connection")),
            ("remove a directory", each("DELETE", lambda: f"/directory-connections/{world.free_directory()}")),
        ]  # fmt: skip
