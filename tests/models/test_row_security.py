"""Row-level security, the second wall behind I6: a transaction has the rows of the lists that it named alone."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from models import database, master_list, migrations, organisation
from models.database import Connection
from ops.embedded import SERVING

CLOSED = import_module("models.migrations.versions.20261129_0022_row_security").TABLES
BY_LIST = (
    "select c.relname from pg_index i join pg_class c on c.oid = i.indrelid"
    " join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0] and a.attname = 'list_id'"
    " where i.indisprimary and c.relnamespace = 'public'::regnamespace and not c.relispartition"
)
# What a column takes, where no value of its type will do.
GIVEN = {"state": {"connection": "connected", "list_session": "open"}}
VALUES = {
    "text": "x", "uuid": "01a21108-bf1d-73cc-9468-64aba8b054de", "boolean": True, "jsonb": "{}", "text[]": [],
    "integer[]": [1], "smallint": 1, "integer": 1, "bigint": 1, "double precision": 1.0, "interval": "1 hour",
    "timestamp with time zone": "2026-03-01 08:00+00",
}  # fmt: skip
REFUSED = psycopg.errors.InsufficientPrivilege


@pytest.fixture
def lists(connection: Connection) -> tuple[str, str]:
    """Two lists of one organisation."""
    with database.transaction(connection) as cursor:
        owner = organisation.ensure(cursor, "North School")
        return master_list.create(cursor, owner, "Mine"), master_list.create(cursor, owner, "Theirs")


@pytest.fixture
def serving(database_url: str) -> Iterator[Connection]:
    """The serving role, and nothing of a test's own about it."""
    with database.connect(database_url, "test") as opened:
        yield opened


def row(owner: Connection, table: str, list_id: str) -> dict[str, Any]:
    """The least row that a table takes."""
    columns = owner.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = %s::regclass"
        " and attnum > 0 and attnotnull and not atthasdef and not attisdropped",
        (table,),
    ).fetchall()
    made = {name: GIVEN.get(name, {}).get(table, VALUES[kind]) for name, kind in columns} | {"list_id": list_id}
    if "directory_connection_id" in made:
        made["directory_connection_id"] = uuid4()
        owner.execute(
            "insert into directory_connection (id, organisation_id, name, tenant_id, client_id, client_secret)"
            " select %s, organisation_id, %s, '', '', '' from master_list where id = %s",
            (made["directory_connection_id"], list_id, list_id),
        )
    return made


def insertion(table: str, made: dict[str, Any]) -> sql.Composed:
    columns = sql.SQL(", ").join(map(sql.Identifier, made))
    values = sql.SQL(", ").join(map(sql.Literal, made.values()))
    return sql.SQL("insert into {} ({}) values ({})").format(sql.Identifier(table), columns, values)


def test_every_table_whose_key_begins_with_a_list_is_closed(connection: Connection) -> None:
    keyed = {name for (name,) in connection.execute(BY_LIST)}
    policies = connection.execute(
        "select p.tablename from pg_policies p join pg_class c on c.relname = p.tablename"
        " where c.relnamespace = 'public'::regnamespace and c.relrowsecurity and p.cmd = 'ALL'"
        " and p.with_check is not null and p.roles = '{public}'"
    )
    closed = {name for (name,) in policies}

    assert closed == keyed == set(CLOSED)


@pytest.mark.parametrize("table", CLOSED)
def test_a_table_has_the_rows_of_the_lists_that_were_named_alone(
    lists: tuple[str, str], serving: Connection, owner_url: str, connection: Connection, table: str
) -> None:
    mine, theirs = lists
    with database.connect(owner_url, "test") as owner:
        rows = {one: row(owner, table, one) for one in lists}
        for made in rows.values():
            owner.execute(insertion(table, made))
    seen = sql.SQL("select list_id from {}").format(sql.Identifier(table))
    gone = sql.SQL("delete from {} where list_id = any(%s)").format(sql.Identifier(table))
    moved = sql.SQL("update {} set list_id = %s where list_id = any(%s)").format(sql.Identifier(table))

    assert serving.execute(seen).fetchall() == []  # never named
    for named, found in (((), []), ([mine], [(mine,)]), ([theirs], [(theirs,)])):
        with database.transaction(serving, named) as cursor:
            assert cursor.execute(seen).fetchall() == found
    assert serving.execute(seen).fetchall() == []  # not named any more
    for refused in (insertion(table, rows[theirs]), moved):
        parameters = (theirs, [mine]) if refused is moved else ()
        with pytest.raises(REFUSED, match="row-level security"), database.transaction(serving, [mine]) as cursor:
            cursor.execute(refused, parameters)
    with pytest.raises(REFUSED, match="row-level security"):
        serving.execute(insertion(table, rows[mine]))
    assert serving.execute(gone, (list(lists),)).rowcount == 0
    with database.transaction(serving, [mine]) as cursor:
        assert cursor.execute(moved, (mine, [theirs])).rowcount == 0
        assert cursor.execute(gone, (list(lists),)).rowcount == 1
    with database.connect(owner_url, "test") as owner:
        assert owner.execute(seen).fetchall() == [(theirs,)]


def months(owner: Connection) -> list[str]:
    return [name for (name,) in owner.execute("select inhrelid::regclass::text from pg_inherits"
                                              " where inhparent = 'log_entry'::regclass")]  # fmt: skip


def test_the_log_is_reached_by_way_of_its_parent_alone(
    lists: tuple[str, str], serving: Connection, owner_url: str, connection: Connection
) -> None:
    with database.connect(owner_url, "test") as owner:
        owner.execute("select muster_log_month('2031-05-01')")
        try:
            migrations.upgrade(owner_url, SERVING)  # grants anew, the month that was just made included
            owner.execute(insertion("log_entry", row(owner, "log_entry", lists[0]) | {"at": "2031-05-02"}))
            made = months(owner)
            for month in made:
                with pytest.raises(REFUSED, match="permission denied"), database.transaction(serving, lists) as cursor:
                    cursor.execute(f"select from {month}".encode())
                with pytest.raises(REFUSED, match="permission denied"), database.transaction(serving, lists) as cursor:
                    cursor.execute(f"delete from {month}".encode())
            # Whoever grants them by hand opens nothing.
            owner.execute(f"grant all on log_entry_2031_05 to {SERVING}".encode())
            with database.transaction(serving, lists) as cursor:
                assert cursor.execute("select from log_entry_2031_05").fetchall() == []
                assert len(cursor.execute("select from log_entry").fetchall()) == 1
        finally:
            owner.execute("drop table log_entry_2031_05")

    assert {"log_entry_other", "log_entry_2031_05"} <= set(made)


def test_what_runs_with_the_owners_rights_is_closed_to_others_and_knows_its_schema(connection: Connection) -> None:
    loose = connection.execute(
        "select proname from pg_proc p where prosecdef and pronamespace = 'public'::regnamespace and ("
        " not coalesce(proconfig, '{}') @> array['search_path=public, pg_temp']"
        " or has_function_privilege('pg_monitor', p.oid, 'execute'))"
    ).fetchall()

    assert loose == []


@pytest.mark.parametrize(
    "statement",
    [
        "select uid from muster_people_like(%s, '{%%ada%%}', '{}', null, null, null, null)",
        "select id from muster_log_like(%s, 'ada%%', null, null, null, false, null, null, 9)",
    ],
    ids=["people", "log"],
)
def test_what_looks_with_the_owners_rights_looks_into_lists_that_were_named(
    lists: tuple[str, str], serving: Connection, owner_url: str, connection: Connection, statement: str
) -> None:
    with database.connect(owner_url, "test") as owner:
        for one in lists:
            person = row(owner, "person", one) | {"uid": "ada", "search": "ada"}
            owner.execute(insertion("person", person))
            owner.execute(insertion("log_entry", row(owner, "log_entry", one) | {"user_name": "Ada"}))

    found = []
    for named in ((), lists[:1], lists[1:]):
        with database.transaction(serving, named) as cursor:
            found.append(len(cursor.execute(statement, (lists[0],)).fetchall()))

    assert found == [0, 1, 0]
