"""What is watched over all lists at once: figures of Muster's own, and of the PostgreSQL that it runs on."""

from typing import NamedTuple

from models.database import Cursor

TABLES = ("journal", "identity", "person", "log_entry", "scim_group", "group_member")


class Figure(NamedTuple):
    """One value. A `name` that ends with _total only grows."""

    name: str
    labels: dict[str, str]
    value: float


def ours(cursor: Cursor) -> list[Figure]:
    """Tokens that expire soon, held deactivations, connected lists and those in trouble."""
    cursor.execute("select name, within_days, value from muster_watch()")
    found = [Figure(name, {"within_days": str(days)} if days else {}, value) for name, days, value in cursor.fetchall()]
    cursor.execute("select (select count(*) from muster_quiet_lists()), (select count(*) from muster_at_risk())")
    quiet, at_risk = cursor.fetchone() or (0, 0)
    return [*found, Figure("connections_quiet", {}, quiet), Figure("connections_at_risk", {}, at_risk)]


def syncs(cursor: Cursor) -> list[Figure]:
    """Lists that are pulled from a directory, those whose last run failed, and how late the latest is begun."""
    cursor.execute("select name, value from muster_sync_gauges()")
    return [Figure(name, {}, value) for name, value in cursor.fetchall()]


def of_lists(cursor: Cursor, most: int) -> list[Figure]:
    """By list, for those who have few: when a change was applied last, and how many wait."""
    cursor.execute("select list_id, applied, pending from muster_watch_lists(%s)", (most,))
    found = []
    for list_id, applied, pending in cursor.fetchall():
        found.append(Figure("list_last_success_timestamp_seconds", {"list": list_id}, applied))
        found.append(Figure("list_pending", {"list": list_id}, pending))
    return found


def postgres(cursor: Cursor) -> list[Figure]:
    """The server: connections, locks, transactions, WAL; sizes and dead rows of the large tables."""
    cursor.execute(
        "select application_name, coalesce(state, 'other'), count(*) from pg_stat_activity"
        " where datname = current_database() and application_name like 'muster%%' group by 1, 2"
    )
    found = [
        Figure("postgres_connections", {"application": application, "state": state}, count)
        for application, state, count in cursor.fetchall()
    ]
    cursor.execute(
        "select current_setting('max_connections')::int, (select count(*) from pg_stat_activity"
        # Of others' sessions only who may read all statistics sees the kind.
        " where datid is not null and coalesce(backend_type, 'client backend') = 'client backend'),"
        " (select count(*) from pg_locks where not granted),"
        " case when pg_has_role(current_user, 'pg_read_all_stats', 'usage') then"
        " (select coalesce(extract(epoch from max(now() - xact_start)), 0) from pg_stat_activity"
        " where datname = current_database() and backend_type = 'client backend') end,"
        " pg_database_size(current_database()), pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0'),"
        " s.xact_commit, s.xact_rollback, s.deadlocks from pg_stat_database s where s.datname = current_database()"
    )
    row = cursor.fetchone()
    assert row
    names = (
        "postgres_connections_max", "postgres_connections_used", "postgres_locks_waiting",
        "postgres_oldest_transaction_seconds", "postgres_database_bytes", "postgres_wal_bytes_total",
        "postgres_commits_total", "postgres_rollbacks_total", "postgres_deadlocks_total",
    )  # fmt: skip
    found += [Figure(name, {}, float(value)) for name, value in zip(names, row, strict=True) if value is not None]
    cursor.execute(
        "select t.name, sum(s.n_live_tup), sum(s.n_dead_tup), sum(pg_total_relation_size(s.relid))"
        " from unnest(%s::text[]) t (name) join pg_stat_user_tables s on s.relid = t.name::regclass"
        " or s.relid in (select inhrelid from pg_inherits where inhparent = t.name::regclass) group by 1",
        (list(TABLES),),
    )
    for table, live, dead, size in cursor.fetchall():
        labels = {"table": table}
        found += [
            Figure("postgres_live_rows", labels, float(live)),
            Figure("postgres_dead_rows", labels, float(dead)),
            Figure("postgres_table_bytes", labels, float(size)),
        ]
    return found
