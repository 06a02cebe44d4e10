"""What `muster up` needs done once the database answers: migrations, the demo, and what there is to show.

Run as a short process of its own (`python -m ops.prepare`), because Alembic and SQLAlchemy would
stay in the memory of the supervisor for as long as it lives.
"""

import json
import sys
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from models import connection, database, master_list, operator, organisation, token
from models.database import Connection, Cursor
from models.errors import Refused

DEMO = "Demo"
DEMO_LISTS = ("Okta", "Entra ID", "PingOne", "OneLogin", "JumpCloud")
DEMO_OPERATOR = "operator@demo.example"
NOBODY: dict[str, str | None] = {"email": None, "password": None}


def role_of(url: str) -> str | None:
    """The role in a database URL."""
    user = conninfo_to_dict(url).get("user")
    return str(user) if user else None


def migrate(owner_url: str, database_url: str) -> str | None:
    """The newest schema, open to the serving role when that is another one; returns the revision."""
    from models import migrations  # Alembic takes a second to load

    serving = role_of(database_url)
    migrations.upgrade(owner_url, serving if serving != role_of(owner_url) else None)
    with database.connect(owner_url, "muster-migrate") as owner:
        return migrations.current(owner)[0]


def prepare(database_url: str, demo: bool) -> dict[str, Any]:
    """The `operator` and `lists` of the ready line. Secrets are in it only when they were made now."""
    with database.connect_patiently(database_url, "muster-up") as serving:
        with database.transaction(serving) as cursor:
            present = dict(master_list.names(cursor))
            operators = operator.listing(cursor)
            if demo and not present and not operators:
                return _make_demo(cursor)
        return {"operator": _first(operators), "lists": _lists(serving, present)}


def _first(operators: list[dict[str, Any]]) -> dict[str, str | None]:
    return {"email": operators[0]["email"], "password": None} if operators else NOBODY


def _lists(serving: Connection, names: dict[str, str]) -> list[dict[str, Any]]:
    with database.transaction(serving, names) as cursor:
        rosters = connection.rosters(cursor, list(names), {})
    return [
        _shown(list_id, name, rosters[list_id].unique_identifier if list_id in rosters else None, None)
        for list_id, name in names.items()
    ]


def _make_demo(cursor: Cursor) -> dict[str, Any]:
    owner = organisation.ensure(cursor, DEMO, "business")
    organisation.mark_demo(cursor, owner)
    lists = [_connected(cursor, owner, name) for name in DEMO_LISTS]
    password = operator.add(cursor, owner, DEMO_OPERATOR, "admin")
    return {"operator": {"email": DEMO_OPERATOR, "password": password}, "lists": lists}


def _connected(cursor: Cursor, owner: str, name: str) -> dict[str, Any]:
    list_id = master_list.create(cursor, owner, name)
    database.allow(cursor, [list_id])
    connection.connect(cursor, list_id, "userName", "muster up")
    issued = token.issue(cursor, list_id, "first token", None, "muster up")
    return _shown(list_id, name, "userName", issued.token)


def _shown(list_id: str, name: str, unique_identifier: str | None, secret: str | None) -> dict[str, Any]:
    return {"list_id": list_id, "name": name, "unique_identifier": unique_identifier, "token": secret}


if __name__ == "__main__":
    wanted = json.load(sys.stdin)
    if wanted["migrate"]:
        try:
            migrate(wanted["owner_url"], wanted["database_url"])
        except Refused as error:
            sys.exit(error.detail)
    json.dump(prepare(wanted["database_url"], wanted["demo"]), sys.stdout)
