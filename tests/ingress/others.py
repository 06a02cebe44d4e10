"""What an organisation has that no other one's token, operator or key may ever see or change."""

from io import BytesIO
from typing import Any

from ingress.api.samples import OTHER_ID
from models import acceptance, api_key, database, group, guard, master_list, person, token
from models.change import Accepted, Change, Request
from models.database import Connection
from models.directory import connections
from models.directory.connections import Wanted
from models.fields import schema
from models.guard import Guard
from models.imports import store
from models.resource import GROUP
from models.sessions import taking
from tests.models.test_log_page import write

# Of whoever asks: when they were last there.
APART = ("alembic_version", "api_key", "operator_session")


def furnish(connection: Connection, organisation_id: str, list_id: str) -> dict[str, str]:
    """Something of everything in a list and its organisation; an id for each parameter of a path, and SCIM's."""
    with database.transaction(connection, [list_id]) as cursor:
        person_id = person.add(cursor, list_id, "E1", {})
        token.issue(cursor, list_id, "", None, "test")
        [issued, *_] = token.listing(cursor, list_id)
        write(cursor, list_id, id=7)
        key = schema.add(cursor, list_id, master_list.new_field("South Wing", "text")).key
        session_id = taking.take(cursor, list_id, "Spring", "test")
        wanted = Wanted("North", "north.example", OTHER_ID)
        connection_id = connections.add(cursor, organisation_id, "business", wanted, b"", "test")
        cursor.execute(
            "insert into job (id, list_id, kind, state, progress) values (%s, %s, 'directory', 'waiting', %s)",
            (OTHER_ID, list_id, '{"by": "test"}'),
        )
        imported = store.stage(cursor, list_id, "theirs.csv", "test", BytesIO(b"UID\n1\n"))
        guard.save(cursor, list_id, Guard(True, 10, 5))
        made = api_key.create(cursor, organisation_id, "theirs", api_key.READ, None, "test")
        [(key_id,)] = cursor.execute("select id::text from api_key where prefix = %s", (made.prefix,)).fetchall()
    return {
        "list_id": list_id, "person_id": person_id, "token_id": issued.id, "entry_id": "7",
        "connection_id": connection_id, "run_id": OTHER_ID, "prefix": made.prefix, "key_id": key_id,
        "import_id": imported.id, "key": key, "session_id": session_id, **_pushed(connection, list_id),
    }  # fmt: skip


def _pushed(connection: Connection, list_id: str) -> dict[str, str]:
    """A user and a group that an identity provider pushed."""
    document = {
        "userName": "eve@south.example", "externalId": "south-1", "active": True,
        "emails": [{"value": "eve@south.example"}],
    }  # fmt: skip
    user = Change(list_id, "create", Request("r"), lambda _: dict(document))
    with database.transaction(connection, [list_id]) as cursor:
        [eve], _ = acceptance.accept(cursor, [user], {list_id: "userName"})
        assert isinstance(eve, Accepted)
        named = {"displayName": "South", "externalId": "south-2", "members": group.SAME.add([eve.id])}
        team = Change(list_id, "create", Request("r"), lambda _: dict(named), resource=GROUP)
        [south], _ = acceptance.accept(cursor, [team], {list_id: "userName"})
        assert isinstance(south, Accepted)
    return {"user_id": eve.id, "group_id": south.id}


def everything(connection: Connection, list_id: str | None = None) -> dict[str, Any]:
    """All rows, but for when somebody was last there; where a list is given, its own of the tables by list."""
    tables = connection.execute(
        "select c.relname, bool_or(a.attname = 'list_id') from pg_class c join pg_attribute a on a.attrelid = c.oid"
        " where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition"
        " and c.relname <> all(%s) group by 1",
        (list(APART),),
    ).fetchall()
    rows = {}
    for name, by_list in tables:
        text = f"select t::text from {name} t"
        one = by_list and list_id is not None
        found = connection.execute(f"{text} where list_id = %s" if one else text, (list_id,) if one else ())
        rows[name] = sorted(found.fetchall())
    keys = connection.execute("select id, revoked_at from api_key order by id").fetchall()
    return rows | {"api_key": keys}
