"""Imports of people."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from models.tables.columns import json, now, text_column


class Import(SQLModel, table=True):
    """A file, how its columns are matched, and how far it is."""

    __table_args__ = (
        Index("import_newest", "list_id", text("created_at DESC")),
        Index("import_kept", "created_at", postgresql_where=text("kept")),
    )
    list_id: str = text_column(primary_key=True, foreign_key="master_list.id")
    id: UUID = Field(primary_key=True)
    name: str = text_column()
    state: str = text_column()
    columns: list[Any] = json()
    matching: dict[str, Any] | None = json()
    total: int
    passed: int
    planned: dict[str, Any] = json()
    counts: dict[str, Any] = json()
    error: str | None = text_column()
    created_by: str = text_column()
    created_at: datetime = now()
    changed_at: datetime = now()
    kept: bool


class ImportRow(SQLModel, table=True):
    """A row of a file, and what becomes of it."""

    __tablename__ = "import_row"
    __table_args__ = (
        Index("import_row_uid", "list_id", "import_id", "uid_key", "number"),
        Index("import_row_outcome", "list_id", "import_id", "outcome", "number"),
    )
    list_id: str = text_column(primary_key=True)
    import_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    cells: list[Any] = json()
    fault: str | None = text_column()
    uid_key: str | None = text_column()
    outcome: str | None = text_column()
    detail: dict[str, Any] | None = json()
