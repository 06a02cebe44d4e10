from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from models import database, migrations
from models.tables import metadata


def _ours(_object: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
    partition = (name or "").startswith("log_entry_")
    return kind != "table" or not (partition or name == "alembic_version")


def test_migrated_schema_equals_the_table_classes(owner_url: str) -> None:
    engine = create_engine(owner_url.replace("postgresql://", "postgresql+psycopg://", 1))
    options = {"include_object": _ours, "compare_type": True}

    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    engine.dispose()

    assert differences == []


def test_upgrading_twice_changes_nothing(owner_url: str) -> None:
    migrations.upgrade(owner_url)

    with database.connect(owner_url) as connection:
        revision, newest = migrations.current(connection)
    assert revision == newest


def test_the_serving_role_owns_no_table(connection: database.Connection) -> None:
    owned = connection.execute(
        "select tablename from pg_tables where schemaname = 'public' and tableowner = current_user"
    ).fetchall()

    assert owned == []


def test_list_data_is_keyed_by_list_first(connection: database.Connection) -> None:
    """I6: the tables that hold a list's data have list_id as the first column of their primary key."""
    elsewhere = {
        "organisation", "operator", "operator_session", "bearer_token", "master_list", "job",
        "directory_connection", "directory_run", "alembic_version",
    }  # fmt: skip
    rows = connection.execute(
        "select c.relname, a.attname from pg_index i join pg_class c on c.oid = i.indrelid"
        " join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]"
        " join pg_namespace n on n.oid = c.relnamespace where i.indisprimary and n.nspname = 'public'"
    ).fetchall()

    assert {column for table, column in rows if table not in elsewhere} == {"list_id"}
