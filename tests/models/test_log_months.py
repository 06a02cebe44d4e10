"""The log's months: made ahead and dropped, while others read and write the log."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from psycopg import errors, sql

from models import database, log_retention, provisioning_log
from models.database import Connection
from tests.models.test_log_page import new_list, write

AHEAD = 4  # months: two more than there are


def month(number: int) -> datetime:
    """The beginning of a month, counted from this one."""
    now = datetime.now(UTC)
    total = now.year * 12 + now.month - 1 + number
    return datetime(total // 12, total % 12 + 1, 1, tzinfo=UTC)


def partition(number: int) -> str:
    return f"log_entry_{month(number):%Y_%m}"


def present(connection: Connection, number: int) -> bool:
    row = connection.execute("select to_regclass(%s) is not null", (partition(number),)).fetchone()
    return row == (True,)


@pytest.fixture
def owner(connection: Connection, owner_url: str) -> Iterator[Connection]:
    """The owner of the tables; months that a test made are gone after it."""
    with database.connect(owner_url) as opened:
        yield opened
        for number in (-14, 3, 4):
            opened.execute(sql.SQL("drop table if exists {}").format(sql.Identifier(partition(number))))


@pytest.fixture
def other(database_url: str, owner: Connection) -> Iterator[Connection]:
    """Another connection of the serving role, which waits for no lock."""
    with database.connect(database_url, options="-c lock_timeout=1") as opened:
        yield opened


def make(connection: Connection, months: int = AHEAD) -> None:
    with database.transaction(connection) as cursor:
        provisioning_log.ensure_partitions(cursor, months)


def drop(connection: Connection) -> None:
    with database.transaction(connection) as cursor:
        log_retention.drop_empty_months(cursor)


def over(owner: Connection) -> None:
    """A month that is over for every list."""
    owner.execute("select muster_log_month(%s)", (month(-14).date(),))


def test_months_are_there_ahead_and_are_made_once(connection: Connection, owner: Connection) -> None:
    before = [present(connection, number) for number in range(AHEAD + 1)]
    make(connection)
    make(connection)

    assert before == [True, True, True, False, False]
    assert all(present(connection, number) for number in range(AHEAD + 1))


def test_a_month_that_is_made_later_is_like_the_first_ones(connection: Connection, owner: Connection) -> None:
    make(connection)
    kept = {}
    for number in (0, 4):
        name = partition(number)
        indexes = owner.execute("select indexdef from pg_indexes where tablename = %s", (name,)).fetchall()
        bounds = owner.execute(
            "select pg_get_expr(relpartbound, oid) from pg_class where relname = %s", (name,)
        ).fetchone()
        assert bounds
        assert f"FROM ('{month(number):%Y-%m-%d} 00:00:00+00') TO ('{month(number + 1):%Y-%m-%d} 00:00:00+00')" in str(
            bounds[0]
        )
        attached = owner.execute(
            "select count(*) from pg_inherits i join pg_index x on x.indexrelid = i.inhrelid"
            " where x.indrelid = %s::regclass",
            (name,),
        ).fetchone()
        kept[number] = len(indexes), attached, {text.partition(" USING ")[2] for (text,) in indexes}

    assert kept[0] == kept[4]


def test_what_came_before_its_month_was_made_is_moved_into_it(connection: Connection, owner: Connection) -> None:
    early = {number: month(number) + timedelta(hours=number) for number in (3, 4, 5)}
    with database.transaction(connection) as cursor:
        list_id = new_list(cursor, "Staff")
        for number, at in early.items():
            write(cursor, list_id, id=number, at=at)
    make(connection)

    rows = owner.execute("select id, tableoid::regclass::text from log_entry order by id").fetchall()
    assert rows == [(3, partition(3)), (4, partition(4)), (5, "log_entry_other")]


def test_who_writes_the_log_does_not_wait_for_a_month_that_is_being_made(
    connection: Connection, owner: Connection, other: Connection
) -> None:
    with database.transaction(connection) as cursor:
        list_id = new_list(cursor, "Staff")
    with owner.transaction():
        owner.execute("select muster_log_partitions(%s)", (AHEAD,))
        with database.transaction(other, [list_id]) as cursor:
            write(cursor, list_id)

    assert present(connection, AHEAD)


def test_a_long_look_at_the_log_puts_a_new_month_off_and_holds_nobody_up(
    connection: Connection, owner: Connection, other: Connection, database_url: str
) -> None:
    with database.transaction(connection) as cursor:
        list_id = new_list(cursor, "Staff")
    with database.connect(database_url) as reading, reading.transaction():
        reading.execute("select count(*) from log_entry")
        with pytest.raises(errors.LockNotAvailable):
            make(connection)
        with database.transaction(other, [list_id]) as cursor:
            write(cursor, list_id)
        put_off = present(connection, AHEAD)
    make(connection)

    assert (put_off, present(connection, AHEAD)) == (False, True)


def test_a_long_look_at_the_log_puts_the_end_of_a_month_off(
    connection: Connection, owner: Connection, other: Connection, database_url: str
) -> None:
    with database.transaction(connection) as cursor:
        list_id = new_list(cursor, "Staff")
    over(owner)
    with database.connect(database_url) as reading, reading.transaction():
        reading.execute("select count(*) from log_entry")
        with pytest.raises(errors.LockNotAvailable):
            drop(connection)
        with database.transaction(other, [list_id]) as cursor:
            write(cursor, list_id)
        put_off = present(connection, -14)
    drop(connection)

    assert (put_off, present(connection, -14)) == (True, False)


def test_an_hourly_look_at_a_month_that_some_list_keeps_locks_nothing(
    connection: Connection, owner: Connection, other: Connection
) -> None:
    with database.transaction(connection) as cursor:
        list_id = new_list(cursor, "Staff")
        write(cursor, list_id, at=month(-14))
    over(owner)
    with owner.transaction():
        owner.execute("select muster_log_drop_empty()")
        with database.transaction(other, [list_id]) as cursor:
            write(cursor, list_id)

    assert present(connection, -14)


def test_a_month_ends_with_the_last_list_that_keeps_it(connection: Connection, owner: Connection) -> None:
    over(owner)
    kept, lists = [], []
    for days in (30, 365):
        with database.transaction(connection) as cursor:
            lists.append(new_list(cursor, f"{days}"))
            log_retention.keep(cursor, lists[-1], days)
            write(cursor, lists[-1], id=days, at=month(-14) + timedelta(days=1))
            write(cursor, lists[-1], id=days + 1, at=datetime.now(UTC) - timedelta(days=60))
    for list_id in lists:
        with database.transaction(connection, [list_id]) as cursor:
            log_retention.purge(cursor, list_id)
        drop(connection)
        kept.append(present(connection, -14))
    left = connection.execute("select id from log_entry order by id").fetchall()

    assert kept == [True, False]
    assert left == [(366,)]
