"""The database's plans for filters and pages, carried out on the connections that requests use: for `muster bench`."""

from typing import Any

from ingress import batches, lookup
from ingress.scim import query, schema
from ingress.scim.conditions import Compiler, is_quick
from models.database import Connection, connect, transaction
from models.search import TRUE, Position, Search

USERS, GROUPS = schema.USER, schema.GROUP
PLANNED = (
    (USERS, 'userName eq "scale.77@bench.example"'),
    (USERS, 'externalId eq "scale.77-object"'),
    (USERS, 'emails.value eq "scale.77@bench.example"'),
    (USERS, 'emails[type eq "work"].value eq "scale.77@bench.example"'),
    (USERS, 'userName sw "scale.77@"'),
    (USERS, 'displayName eq "x"'),
    (GROUPS, 'displayName eq "everyone"'),
    (GROUPS, 'members eq "{id}"'),
)


def plans(database_url: str, list_id: str, users: list[str], created: str) -> str:
    """The plans against a list with these users, all of one age."""
    with (
        connect(database_url, "muster-bench", options=batches.OPTIONS) as quick,
        connect(database_url, "muster-bench", options=lookup.SCAN_OPTIONS) as scanning,
    ):
        told = [_of_filter(quick, scanning, list_id, of, text.format(id=users[0])) for of, text in PLANNED]
        told += [
            f"User: {what}\n{_explained(scanning, list_id, *statement)}"
            for what, statement in _pages(list_id, users, created).items()
        ]
    return "\n\n".join(told)


def _of_filter(quick: Connection, scanning: Connection, list_id: str, of: schema.Schema, text: str) -> str:
    node = query.parse(text)
    condition = Compiler(list_id, of, lambda urn, name: True).condition(node)
    statement = Search(list_id, {of.name.lower(): condition}).statement(100, 0, None)
    return f"{of.name}: {text}\n{_explained(quick if is_quick(node, of) else scanning, list_id, *statement)}"


def _pages(list_id: str, users: list[str], created: str) -> dict[str, tuple[str, tuple[Any, ...]]]:
    everybody = Search(list_id, {"user": TRUE})
    middle = Position(created, users[len(users) // 2])
    return {
        "the last page by index": everybody.statement(100, max(0, len(users) - 100), None),
        "a page by cursor, half way": everybody.statement(100, 0, middle),
    }


def _explained(connection: Connection, list_id: str, text: str, parameters: tuple[Any, ...]) -> str:
    with transaction(connection, [list_id]) as cursor:
        cursor.execute(f"explain (analyze, buffers, costs off, summary off) {text}", parameters)
        return "\n".join(f"  {row[0]}" for row in cursor.fetchall())
