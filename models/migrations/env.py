"""Alembic's environment: one connection, psycopg 3, no offline mode."""

from alembic import context
from sqlalchemy import create_engine, pool

from models.tables import metadata


def _run() -> None:
    url = context.config.attributes["url"].replace("postgresql://", "postgresql+psycopg://", 1)
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()


_run()
