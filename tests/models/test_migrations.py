from datetime import UTC, datetime
from typing import Any

import psycopg
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from models import database, migrations
from models.tables import metadata
from ops.embedded import DATABASE, OWNING, Postgres

ADA = "01a21108-bf1d-73cc-9468-64aba8b054de"


def _ours(_object: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
    partition = (name or "").startswith("log_entry_")
    if kind == "index":
        return name not in ("person_text", "log_entry_request", "log_entry_stranger")  # of operator classes
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


def test_what_an_earlier_version_stored_is_found_after_the_upgrade(postgres: Postgres) -> None:
    with psycopg.connect(f"postgresql://postgres@/postgres?host={postgres.sockets}", autocommit=True) as superuser:
        superuser.execute(f"create database earlier owner {OWNING}")
    url = postgres.url(OWNING).replace(f"/{DATABASE}?", "/earlier?")
    command.upgrade(migrations.config(url), "0001")
    moment = datetime(2026, 3, 1, 8, 0, 0, 123456, tzinfo=UTC)
    with database.connect(url) as connection:
        connection.execute(
            "insert into identity (list_id, id, user_name_key, email_keys, active, document, created, modified)"
            " values ('abcdefghij', %s, 'ada', '{a@x,b@x}', true, '{}', %s, %s)",
            (ADA, moment, moment),
        )

    migrations.upgrade(url)

    with database.connect(url) as connection:
        emails = connection.execute("select key, identity_id::text from identity_email order by key").fetchall()
        times = connection.execute("select created, modified from identity").fetchall()
    assert emails == [("a@x", ADA), ("b@x", ADA)]
    assert times == [(moment.replace(microsecond=123000),) * 2]


def test_the_serving_role_owns_no_table(connection: database.Connection) -> None:
    owned = connection.execute(
        "select tablename from pg_tables where schemaname = 'public' and tableowner = current_user"
    ).fetchall()

    assert owned == []


def test_list_data_is_keyed_by_list_first(connection: database.Connection) -> None:
    """I6: the tables that hold a list's data have list_id as the first column of their primary key."""
    elsewhere = {
        "organisation", "operator", "operator_session", "bearer_token", "master_list", "job",
        "directory_connection", "directory_run", "alembic_version", "audit_entry", "api_key", "api_replay",
    }  # fmt: skip
    rows = connection.execute(
        "select c.relname, a.attname from pg_index i join pg_class c on c.oid = i.indrelid"
        " join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]"
        " join pg_namespace n on n.oid = c.relnamespace where i.indisprimary and n.nspname = 'public'"
    ).fetchall()

    assert {column for table, column in rows if table not in elsewhere} == {"list_id"}
