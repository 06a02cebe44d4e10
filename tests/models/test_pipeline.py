"""Statements sent together: what they answer, how parameters arrive, and what becomes of one that is wrong."""

import gc
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from weakref import ref

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from models import database
from models.database import Connection
from models.pipeline import Pipeline

NOON = datetime(2026, 11, 25, 12, 0, 0, 123456, UTC)
ARRAYS: dict[str, list[Any]] = {
    "text": ["plain", "", None, "ü€😀", "x" * 5000, 'quote " and \\', "NULL", "{}"],
    "bool": [True, None, False],
    "int2": [0, -32768, 32767, None],
    "int4": [-(2**31), 2**31 - 1],
    "int8": [-(2**63), 2**63 - 1, None],
    "timestamptz": [NOON, None, datetime(1969, 1, 1, tzinfo=UTC)],
}


@pytest.fixture
def owner(owner_url: str) -> Iterator[Connection]:
    """Whoever may create tables."""
    with database.connect(owner_url) as opened:
        yield opened


def together(connection: Connection, *queries: str) -> list[tuple[Any, ...]]:
    """The last one's rows."""
    with Pipeline(connection) as pipeline:
        for query in queries:
            pipeline.execute(query)
        return pipeline.fetchall()


def faulty(connection: Connection) -> None:
    with Pipeline(connection) as pipeline:
        pipeline.execute("select 1")
        raise ZeroDivisionError


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("empty", [False, True])
def test_arrays_arrive_as_they_are(connection: Connection, kind: str, empty: bool) -> None:
    values = [] if empty else ARRAYS[kind]

    with Pipeline(connection) as pipeline:
        rows = pipeline.execute(f"select v from unnest(%b::{kind}[]) with ordinality x (v, n) order by n", (values,))

    assert [row[0] for row in rows.fetchall()] == values


def test_uuids_arrive_in_either_case(connection: Connection) -> None:
    ids = ["01890a5d-ac96-774b-bcce-b302099a8057", "01890A5D-AC96-774B-BCCE-B302099A8057"]

    with Pipeline(connection) as pipeline:
        rows = pipeline.execute("select v::text from unnest(%b::uuid[]) v", (ids,))

    assert [row[0] for row in rows.fetchall()] == [ids[0], ids[0]]


def test_scalars_take_the_type_of_their_place(connection: Connection) -> None:
    given = ("a%", 7, True, None, NOON)
    with Pipeline(connection) as pipeline:
        pipeline.execute("select %s || '%%', %s + 1, not %s::bool, %s::text, %s::timestamptz", given)
        assert pipeline.fetchone() == ("a%%", 8, False, None, NOON)


def test_all_of_it_is_one_transaction(owner: Connection) -> None:
    owner.execute("create temporary table kept (n int4 primary key)")

    with pytest.raises(psycopg.errors.UniqueViolation):
        together(owner, *(f"insert into kept values ({number})" for number in (1, 2, 1, 3)))

    assert owner.info.transaction_status == TransactionStatus.IDLE
    assert owner.execute("select count(*) from kept").fetchone() == (0,)


def test_a_wrong_statement_is_told_where_rows_are_fetched_and_the_connection_goes_on(connection: Connection) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        together(connection, "select 1", "select * from nowhere", "select 2")

    assert together(connection, "select 2") == [(2,)]
    assert together(connection, "select 2") == [(2,)]


def test_statements_that_fail_are_prepared_once(connection: Connection) -> None:
    for divisor in (0, 0, 0, 1):
        with suppress(psycopg.errors.DivisionByZero), Pipeline(connection) as pipeline:
            pipeline.execute("select 1 / %s", (divisor,))
            pipeline.execute("select 3")

    rows = connection.execute(
        "select statement from pg_prepared_statements where statement like 'select %' and name like 'm%'"
    )
    assert sorted(rows.fetchall()) == [("select 1 / $1",), ("select 3",)]


def test_a_fault_of_the_caller_leaves_the_connection_as_it_was(connection: Connection) -> None:
    with pytest.raises(ZeroDivisionError):
        faulty(connection)

    assert connection.info.transaction_status == TransactionStatus.IDLE
    assert connection.execute("select 1").fetchone() == (1,)


def test_a_statement_is_prepared_again_where_a_migration_changed_its_columns(owner: Connection) -> None:
    owner.execute("create temporary table moved (n int4)")
    owner.execute("insert into moved values (1)")

    def read() -> list[tuple[Any, ...]]:
        with Pipeline(owner) as pipeline:
            rows = pipeline.execute("select n from moved")
        return rows.fetchall()

    assert read() == [(1,)]
    owner.execute("alter table moved alter n type text")

    with pytest.raises(psycopg.errors.FeatureNotSupported):
        read()
    assert read() == [("1",)]


def test_a_rollback_leaves_statements_as_they_are(connection: Connection) -> None:
    together(connection, "select 2")
    for _ in range(10):  # psycopg prepares what it has seen often
        connection.execute("select 1")

    connection.execute("begin")
    connection.rollback()

    assert together(connection, "select 2") == [(2,)]


def test_what_is_not_prepared_any_more_is_prepared_again(connection: Connection) -> None:
    together(connection, "select 2")
    connection.execute("deallocate all")

    with pytest.raises(psycopg.errors.InvalidSqlStatementName):
        together(connection, "select 2")
    assert together(connection, "select 2") == [(2,)]


def test_a_text_that_postgresql_cannot_hold_is_not_cut_short(connection: Connection) -> None:
    with pytest.raises(psycopg.DataError, match="NUL"), Pipeline(connection) as pipeline:
        pipeline.execute("select %s::text", ("a\x00b",))

    assert together(connection, "select 2") == [(2,)]


def test_a_connection_that_is_given_up_is_forgotten(database_url: str) -> None:
    opened = database.connect(database_url)
    together(opened, "select 1")
    opened.close()
    held = ref(opened)
    del opened
    gc.collect()

    assert held() is None


def test_more_than_the_sockets_hold_goes_through(connection: Connection) -> None:
    texts = ["x" * 4000] * 1000

    with Pipeline(connection) as pipeline:
        sent = [pipeline.execute("select v from unnest(%b::text[]) v", (texts,)) for _ in range(5)]

    assert [len(one.fetchall()) for one in sent] == [1000] * 5
