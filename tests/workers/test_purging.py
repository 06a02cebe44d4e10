"""The sweep's purge: list by list, slice by slice, looked up once an hour."""

from datetime import UTC, datetime, timedelta

import pytest

from models import api_key, database, log_retention, organisation, replay
from models.database import Connection
from models.replay import Kept, Named
from tests.models.test_log_page import new_list, write
from workers import purging
from workers.purging import Purge


def ages(connection: Connection, *days: int) -> None:
    for name in ("Staff", "Students"):
        with database.transaction(connection) as cursor:
            list_id = new_list(cursor, name)
            for number, age in enumerate(days):
                write(cursor, list_id, id=number, at=datetime.now(UTC) - timedelta(days=age))


def count(connection: Connection) -> int:
    row = connection.execute("select count(*) from log_entry").fetchone()
    assert row
    return int(row[0])


def test_a_pass_takes_its_share_and_the_next_goes_on(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    ages(connection, 1, 100, 101, 102, 103)
    monkeypatch.setattr(log_retention, "SLICE", 2)
    # The clock is read when a pass begins and before each slice: here there is time for one.
    moments = iter(float(number) * 0.15 for number in range(1_000))
    monkeypatch.setattr("workers.purging.time.monotonic", lambda: next(moments))
    purge = Purge()
    left = []
    for _ in range(8):
        purge.some(connection)
        left.append(count(connection))

    assert left[:3] == [8, 6, 6]
    assert left[-1] == 2


def test_it_looks_for_what_is_overdue_once_an_hour(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("workers.purging.time.monotonic", lambda: now[0])
    purge = Purge()
    purge.some(connection)
    ages(connection, 100)
    purge.some(connection)
    unchanged = count(connection)
    now[0] = purging.LOOK_EVERY
    purge.some(connection)

    assert (unchanged, count(connection)) == (2, 0)


def test_a_longer_retention_counts_from_the_next_slice_on(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    ages(connection, 1, 100)
    # Each look at the clock finds a share used up: what is overdue is looked up, and nothing purged yet.
    moments = iter(float(number) for number in range(1_000))
    monkeypatch.setattr("workers.purging.time.monotonic", lambda: next(moments))
    purge = Purge()
    purge.some(connection)
    with database.transaction(connection) as cursor:
        for list_id in log_retention.overdue(cursor):
            log_retention.keep(cursor, list_id, 365)
    monkeypatch.setattr("workers.purging.time.monotonic", lambda: 10.0)
    purge.some(connection)

    assert count(connection) == 4


def test_answers_of_the_api_that_are_a_day_old_go(connection: Connection) -> None:
    with database.transaction(connection) as cursor:
        owner = organisation.ensure(cursor, "North")
        key = api_key.create(cursor, owner, "Export", "write", None, "test").token
        caller = api_key.opened(cursor, key, "203.0.113.7")
        for name in ("old", "new"):
            replay.keep(cursor, Named(caller.key_id, "POST /", name, b""), Kept(201, "{}", {}))
    connection.execute("update api_replay set at = at - interval '25 hours' where idempotency_key = 'old'")

    Purge().some(connection)

    assert connection.execute("select idempotency_key from api_replay").fetchall() == [("new",)]
