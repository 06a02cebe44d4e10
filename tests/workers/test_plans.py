"""Plans that must not depend on when a table was last looked at: a drain's are kept for as long as its connection."""

from itertools import count

import pytest

from models import database, journal
from models.database import Growth
from tests.workers.conftest import Roster
from workers.app import DRAIN_OPTIONS


def plan(connection: database.Connection, statement: str) -> str:
    numbers = count(1)
    while "%b" in statement:
        statement = statement.replace("%b", f"${next(numbers)}", 1)
    return "\n".join(row[0] for row in connection.execute(f"explain (generic_plan) {statement}".encode()))


@pytest.mark.parametrize("statement", [journal.SETTLE, journal.LEFT], ids=["settle", "left"])
def test_a_journal_that_was_vacuumed_while_empty_is_looked_into_key_by_key(
    staff: Roster, database_url: str, statement: str
) -> None:
    for number in range(20):
        staff.create(f"user{number}")
    staff.drain()
    staff.connection.execute("vacuum (analyze) journal")

    with database.connect(database_url, options=DRAIN_OPTIONS) as drains:
        shown = plan(drains, statement)

    assert "(list_id = k.list_id) AND (lane = k.lane)" in shown
    assert "Join Filter" not in shown


def test_statements_are_planned_anew_each_time_a_connections_rows_have_doubled(owner_url: str) -> None:
    with database.connect(owner_url, options=DRAIN_OPTIONS) as owner:
        owner.execute("create temp table filling (like person)")
        for column, kind in (("id", "uuid"), ("uid_key", "text"), ("identity_id", "uuid")):
            owner.execute(f"create unique index on filling (list_id, {column})")
            owner.execute(
                f"prepare by_{column} as select p.* from unnest($1::text[], $2::{kind}[]) v (list_id, key)"
                f" cross join lateral (select * from filling where list_id = v.list_id and {column} = v.key offset 0) p"
            )

        def walking() -> int:
            """How many of them walk through a whole list for each key."""
            plans = [owner.execute(f"explain execute by_{one}(null, null)").fetchall() for one in ("id", "uid_key")]
            return sum("Filter" in str(one) for one in plans)

        growth, seen = Growth(), [walking()]
        owner.execute(
            "insert into filling select 'a', gen_random_uuid(), n, n, null, gen_random_uuid(), true, null, '{}', 1,"
            " now(), now() from generate_series(1, 5000) n"
        )
        for rows in (99, 1):
            growth.note(owner, rows)
            seen.append(walking())

    assert seen == [2, 2, 0]
