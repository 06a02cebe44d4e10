"""Fill a list for measurements: people whom an IdP pushed, and two months of log, by several streams of COPY."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from queue import SimpleQueue

from models import master_list
from models.database import Connection, connect, transaction
from ops.generating import Log, People

# A backend takes 16 µs for a row of the log, most of it for the indexes, and its client 8.
STREAMS = min(4, os.cpu_count() or 1)
STRETCH = 20_000  # rows of a transaction
LINES = 256  # that are sent at once
TABLES = {
    "identity": "list_id, id, external_id, user_name_key, uid_key, active, version, document, created, modified",
    "identity_email": "list_id, key, identity_id",
    "person": "list_id, id, uid, uid_key, anchor, identity_id, active, fields",
    "log_entry": "list_id, at, id, resource, operation, result, identity_id, person_id, user_name, uid, changes,"
    " detail, request_id, token_prefix, idp, body, applied_at",
}
Lines = Callable[[int, int], Iterator[str]]


def fill(database_url: str, owner_url: str, list_id: str, people: int, entries: int, streams: int = STREAMS) -> None:
    """Add people and entries to a list, then analyse as the tables' owner (autovacuum does within the minute).

    Each stretch of rows is a transaction of its own: what fails or is ended half way leaves what was written.
    """
    with connect(database_url, "muster-fill") as serving, transaction(serving, [list_id]) as cursor:
        keys = {field.label: field.key for field in master_list.fields(cursor, list_id)}
        ids = "select coalesce(min(n), 0) from (select nextval('journal_seq') n from generate_series(1, %s)) s"
        (first_id,) = cursor.execute(ids, (entries,)).fetchone() or (0,)
    made = People(list_id, people, keys)
    log = Log(made, entries, first_id)
    _make_months(owner_url, log)
    # COPY is refused where there is row-level security: the owner has none.
    with _streams(owner_url, streams) as pool:
        for table, lines in (("identity", made.identities), ("identity_email", made.emails), ("person", made.people)):
            _write(pool, list_id, table, lines, people)
        _write(pool, list_id, "log_entry", log.entries, entries)
    with connect(owner_url, "muster-fill") as owner:
        for table in TABLES:
            owner.execute(f"vacuum analyze {table}")


def _make_months(owner_url: str, log: Log) -> None:
    """The partitions that the sweep would have made in time."""
    with connect(owner_url, "muster-fill") as owner:
        owner.execute(
            "select muster_log_month(day::date) from generate_series(%s, now(), interval '1 day') day", (log.begin,)
        )


class _Pool(ThreadPoolExecutor):
    """Threads, each of which borrows one of the connections."""

    def __init__(self, connections: list[Connection]) -> None:
        super().__init__(len(connections), "fill")
        self.free: SimpleQueue[Connection] = SimpleQueue()
        for connection in connections:
            self.free.put(connection)


@contextmanager
def _streams(database_url: str, count: int) -> Iterator[_Pool]:
    connections = [connect(database_url, "muster-fill") for _ in range(count)]
    try:
        with _Pool(connections) as pool:
            yield pool
    finally:
        for connection in connections:
            connection.close()


def _write(pool: _Pool, list_id: str, table: str, lines: Lines, count: int) -> None:
    """All rows of a table, a stretch after the other, as many at once as there are streams."""
    copied = [
        pool.submit(_copy, pool, list_id, table, lines(first, min(count, first + STRETCH)))
        for first in range(0, count, STRETCH)
    ]
    for one in copied:
        one.result()


def _copy(pool: _Pool, list_id: str, table: str, lines: Iterator[str]) -> None:
    connection = pool.free.get()
    try:
        with (
            transaction(connection, [list_id]) as cursor,
            cursor.copy(f"copy {table} ({TABLES[table]}) from stdin") as copy,
        ):
            while block := "".join(islice(lines, LINES)):
                copy.write(block)
    finally:
        pool.free.put(connection)
