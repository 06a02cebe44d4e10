"""The tables as SQLModel classes: what migrations are checked against.

They stand apart from the nouns because importing SQLModel costs tens of megabytes, which
processes whose SQL is psycopg need not pay. Indexes with operator classes stand in the
migrations alone: Alembic cannot compare them.
"""

from sqlmodel import SQLModel

from models.tables import api, directory, imports, lists, organisation, people, scim, sessions, traffic

__all__ = ["api", "directory", "imports", "lists", "metadata", "organisation", "people", "scim", "sessions", "traffic"]

metadata = SQLModel.metadata
