"""The sweep looks after the log's months: hourly, and soon again where somebody was in the way."""

import pytest

from models import database, log_retention
from models.database import Connection
from workers import months
from workers.months import Months


def test_a_log_that_is_in_use_is_come_back_to_in_a_minute(
    connection: Connection, database_url: str, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, looked = [0.0], list[float]()
    monkeypatch.setattr("workers.months.time.monotonic", lambda: now[0])
    monkeypatch.setattr(log_retention, "drop_empty_months", lambda cursor: looked.append(now[0]))
    name = connection.execute("select 'log_entry_' || to_char(now() + interval '2 months', 'YYYY_MM')").fetchone()
    assert name
    with database.connect(owner_url) as owner:
        owner.execute(f"drop table {name[0]}".encode())
    made = Months()
    with database.connect(database_url) as reading, reading.transaction():
        reading.execute("select count(*) from log_entry")
        made.some(connection)
    for moment in (months.AGAIN - 1, months.AGAIN, months.EVERY, months.AGAIN + months.EVERY):
        now[0] = moment
        made.some(connection)

    there = connection.execute("select to_regclass(%s) is not null", name).fetchone()
    assert there == (True,)
    assert looked == [0.0, months.AGAIN, months.AGAIN + months.EVERY]
