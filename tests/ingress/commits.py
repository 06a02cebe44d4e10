"""A list with a token, and asks to commit, for the tests of the commit path."""

from collections.abc import Callable
from typing import Any

from ingress import commit
from models import connection as connections
from models import database, master_list, organisation, token
from models.change import Change, Request
from models.database import Connection
from models.resource import GROUP, Document
from models.token import Holder

Apply = Callable[[Document | None], Document]


def holder_of(connection: Connection, name: str = "Staff", uid: str = "userName") -> Holder:
    """A new connected list's."""
    with database.transaction(connection) as cursor:
        list_id = master_list.create(cursor, organisation.ensure(cursor, "North", "business"), name)
        database.allow(cursor, [list_id])
        connections.connect(cursor, list_id, uid, "test")
        holder = token.holder(cursor, token.issue(cursor, list_id, "test", None, "test").token)
    assert holder
    return holder


def ask(holder: Holder, verb: str, apply: Apply, resource_id: str | None = None, **others: Any) -> commit.Ask:
    """Any change."""
    request = Request(others.pop("request", "r"))
    return commit.Ask(holder, Change(holder.list_id, verb, request, apply, resource_id, **others), "127.0.0.1")


def create(holder: Holder, name: str, **attributes: Any) -> commit.Ask:
    """A new user."""
    document = {"schemas": [], "userName": name, "active": True} | attributes
    return ask(holder, "create", lambda _: {**document}, request=name)


def update(holder: Holder, resource_id: str, **attributes: Any) -> commit.Ask:
    """The user with other attributes."""
    return ask(holder, "update", lambda present: {**(present or {}), **attributes}, resource_id)


def delete(holder: Holder, resource_id: str) -> commit.Ask:
    """The user gone."""
    return ask(holder, "delete", lambda present: present or {}, resource_id)


def group(holder: Holder, verb: str, resource_id: str | None = None, **attributes: Any) -> commit.Ask:
    """A group; `members` is a `group.Members`."""
    return ask(
        holder, verb, lambda present: {**(present or {"schemas": []}), **attributes}, resource_id, resource=GROUP
    )


def refused(error: Exception) -> Apply:
    """What cannot be applied."""

    def apply(_: Document | None) -> Document:
        raise error

    return apply


def journaled(connection: Connection, holder: Holder) -> list[tuple[Any, ...]]:
    """(resource, operation, document) of a list's rows, in the order of acceptance."""
    return connection.execute(
        "select resource, operation, document from journal where list_id = %s order by seq", (holder.list_id,)
    ).fetchall()


def users(connection: Connection, holder: Holder) -> dict[str, tuple[int, Document]]:
    """Version and document by userName."""
    rows = connection.execute(
        "select document ->> 'userName', version, document from identity where list_id = %s", (holder.list_id,)
    )
    return {name: (version, document) for name, version, document in rows.fetchall()}
