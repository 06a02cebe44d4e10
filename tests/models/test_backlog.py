"""What waits, over all lists: told without reading a journal of millions whole."""

import json
from datetime import timedelta
from typing import Any

from models import database, journal
from models.database import Connection
from models.journal import Backlog

MANY = 20_000


def fill(connection: Connection, rows: int) -> None:
    """Journal rows of ten lists, sixteen lanes each; the first a minute old, the others younger."""
    connection.execute(
        "insert into journal (list_id, lane, resource, resource_id, operation, document, request_id, accepted_at)"
        " select 'list-' || n %% 10, n / 10 %% 16, 'user', gen_random_uuid(), 'create',"
        " jsonb_build_object('userName', repeat('x', 900)), 'r', clock_timestamp() - interval '1 minute' * (n = 1)::int"
        " from generate_series(1, %s) n",
        (rows,),
    )


def backlog(connection: Connection) -> Backlog:
    with database.transaction(connection) as cursor:
        return journal.backlog(cursor)


def blocks(connection: Connection, statement: str) -> int:
    """How many blocks a statement looks at."""
    row = connection.execute(f"explain (analyze, buffers, format json) {statement}").fetchone()
    assert row
    plan: dict[str, Any] = (json.loads(row[0]) if isinstance(row[0], str) else row[0])[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def test_nothing_waits_at_first(connection: Connection) -> None:
    assert backlog(connection) == Backlog(0, 0.0, 0, 0)


def test_few_are_counted_and_the_oldest_of_all_lanes_is_found(connection: Connection) -> None:
    fill(connection, 700)

    found = backlog(connection)

    assert found.pending == 700
    assert 60 <= found.oldest_seconds < 120


def test_of_many_at_least_ten_thousand_are_told(connection: Connection) -> None:
    fill(connection, MANY)

    assert backlog(connection).pending >= 10_000


def test_late_lanes_are_found_by_their_first_rows_alone(connection: Connection) -> None:
    fill(connection, MANY)
    pages = connection.execute("select pg_relation_size('journal') / 8192").fetchone()
    assert pages

    late = connection.execute("select list_id, lane from muster_lanes(%s)", (timedelta(seconds=50),)).fetchall()

    assert late == [("list-1", 0)]
    assert blocks(connection, "select from muster_lanes('1 second')") < pages[0] / 2


def test_of_very_many_lanes_some_are_looked_at_and_in_time_all(connection: Connection) -> None:
    connection.execute(
        "insert into journal (list_id, lane, resource, resource_id, operation, request_id)"
        " select chr(97 + n / 16 % 26) || n / 16, n % 16, 'user', gen_random_uuid(), 'create', 'r'"
        " from generate_series(0, 20009) n"
    )

    def looked_at() -> set[tuple[str, int]]:
        return set(connection.execute("select list_id, lane from muster_lane_heads()").fetchall())

    looks = [looked_at() for _ in range(20)]

    assert {len(look) for look in looks} == {20_000}
    assert len(set().union(*looks)) == 20_010
