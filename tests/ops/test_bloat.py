"""The bloat suite: everything that is written to the journal is taken from it, and looked at on the way."""

from models.database import Connection
from ops.bench import bloat
from ops.embedded import Postgres


def test_rows_pass_through_the_journal_and_leave_none(connection: Connection, postgres: Postgres) -> None:
    said: list[str] = []

    parts = bloat.flow(postgres.url(), postgres.url("postgres"), 2_000, say=said.append)

    left = connection.execute("select count(*) from journal").fetchone()
    assert left == (0,)
    assert len(parts) == len(said) == bloat.PARTS
    assert parts[-1].rows == 2_000
    assert all(part.table_mb > 0 and part.claim_ms > 0 for part in parts[:1])
    assert "| 2,000 |" in bloat.table(parts)
