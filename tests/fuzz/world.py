"""Two lists with a few users and groups in them, the same at the beginning of every example."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from models import connection as connections
from models import database, master_list, organisation, token
from models.database import Connection, Cursor
from tests.fuzz.client import Answer, Application, Headers

# What requests change; each example begins with the rows that the seeds left.
TABLES = ("identity", "identity_email", "scim_group", "group_member", "seen_attribute")
ALSO = ("journal", "log_entry", "resource_count")  # TRUNCATE fires no trigger that counts
USERS, GROUPS = tuple(f"@user{n}" for n in range(4)), ("@group0", "@group1")
BADGE = "urn:ietf:params:scim:schemas:extension:Custom:2.0:User"
SECRET = "hunter2hunter2"  # stands beside a password's name in examples, and nowhere else
_FLAWS = (
    "select (select count(*) from group_member m where m.list_id = %(list)s and not exists"
    " (select from identity i where i.list_id = m.list_id and i.id = m.identity_id)),"
    " (select count(*) from scim_group g where g.list_id = %(list)s and g.member_count <>"
    " (select count(*) from group_member m where m.list_id = g.list_id and m.group_id = g.id)),"
    " (select count(*) from journal j where j.list_id = %(list)s and j::text like %(secret)s)"
)


class World:
    """The application and one list of it at a time; ids stand behind names like `@user0`."""

    def __init__(self, url: str, owner_url: str, connection: Connection) -> None:
        self._connection = connection
        self._owner = database.connect(owner_url, "fuzz")  # who may have temporary tables
        self._lists = [self._list(identifier) for identifier in ("userName", "employeeNumber")]
        self.app = Application(url)
        self.names: dict[str, str] = {}
        self.list_id, self._token = self._lists[0]
        self._dirty = False

    def close(self) -> None:
        """Finish what was accepted."""
        self.app.close()
        self._owner.close()

    def _list(self, unique_identifier: str) -> tuple[str, str]:
        with database.transaction(self._connection) as cursor:
            owner = organisation.ensure(cursor, "Fuzz", "business")
            list_id = master_list.create(cursor, owner, f"Fuzz by {unique_identifier}")
            database.allow(cursor, [list_id])
            connections.connect(cursor, list_id, unique_identifier, "fuzz")
            return list_id, token.issue(cursor, list_id, "fuzz", None, "fuzz").token

    def renew(self) -> None:
        """Empty the tables, and go on with the other list and new seeds."""
        self._owner.execute(f"truncate {', '.join(TABLES + ALSO)}")
        self.list_id, self._token = self._lists[self._lists[0][0] == self.list_id]
        self.names.clear()
        for number, name in enumerate(USERS):
            self.names[name] = self._made("/Users", _seed_user(number))
        for name in GROUPS:
            members = [{"value": self.names["@user0"]}, {"value": self.names["@user1"]}]
            self.names[name] = self._made("/Groups", {"displayName": f"Team {name[-1]}", "members": members})
        for name, path in (("@cursor", "/Users"), ("@cursors", "")):
            self.names[name] = self.ask("GET", path, query=b"cursor&count=1").body["nextCursor"]
        self._in_transaction(_keep)
        self._dirty = False

    def _made(self, path: str, body: Any) -> str:
        made = self.ask("POST", path, json.dumps(body).encode())
        assert made.status == 201, made
        return str(made.body["id"])

    def _in_transaction(self, act: Callable[[Cursor], Any]) -> Any:
        with database.transaction(self._owner, [self.list_id]) as cursor:
            return act(cursor)

    def begin(self) -> None:
        """The seeds as they were, and nothing else."""
        if self._dirty:
            self._in_transaction(self._restore)
        self._dirty = False

    def _restore(self, cursor: Cursor) -> None:
        with self._owner.pipeline():
            for table in (*TABLES, "journal"):
                cursor.execute(f"delete from {table} where list_id = %s", (self.list_id,))
            for table in TABLES:
                cursor.execute(f"insert into {table} select * from kept_{table}")

    def ask(
        self,
        method: str,
        path: str,
        content: bytes = b"",
        query: bytes = b"",
        headers: Headers = (),
        gone: bool = False,
        outside: bool = False,
    ) -> Answer:
        """One request below the list's Base URL (or, `outside`, anywhere), with a good token if none is given."""
        whole = path if outside else f"/scim/v2/{self.list_id}{path}"
        usual = [(b"authorization", f"Bearer {self._token}".encode()), (b"content-length", b"%d" % len(content))]
        given = {name for name, _ in headers}
        half = len(content) // 2
        answer = self.app.ask(
            method, whole, query, [*(one for one in usual if one[0] not in given), *headers],
            [content[:half], content[half:]], gone,
        )  # fmt: skip
        self._dirty |= method not in ("GET", "HEAD") and answer.status < 300 and ".search" not in path
        return answer

    def fill(self, text: str) -> str:
        """The text with ids in the place of their names."""
        for name in sorted(self.names, reverse=True):  # the longer of two names first
            text = text.replace(name, self.names[name])
        return text

    def relative(self, location: str) -> str:
        """A location's path below the Base URL."""
        return urlsplit(location).path.removeprefix(f"/scim/v2/{self.list_id}")

    def check_consistent(self) -> None:
        """Members are users of the list, counts are true, and no password is in the journal."""
        parameters = {"list": self.list_id, "secret": f"%{SECRET}%"}
        found = self._in_transaction(lambda cursor: cursor.execute(_FLAWS, parameters).fetchone())
        assert found == (0, 0, 0), "orphaned members, wrong counts, passwords in the journal"


def _keep(cursor: Cursor) -> None:
    for table in TABLES:
        cursor.execute(f"drop table if exists pg_temp.kept_{table}")
        cursor.execute(f"create temp table kept_{table} as select * from {table}")


def _seed_user(number: int) -> dict[str, Any]:
    more: list[dict[str, Any]] = [
        {"emails": [{"value": "a@fuzz.example", "type": "work", "primary": True}, {"value": "b", "type": "home"}]},
        {BADGE: {"badge": 7, "tags": [{"type": "a", "value": "x"}, "b"], "desk": {"floor": 2}}, "active": False},
        {"name": {"givenName": "Mila"}, "manager": {"value": "7"}, "externalId": "E2", "title": "Registrar"},
        {"employeeNumber": "E3", "roles": ["admin"], "addresses": [{"locality": "Bergen", "type": "work"}]},
    ]
    return {"userName": f"user{number}@fuzz.example", **more[number]}
