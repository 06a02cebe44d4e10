"""Sessions: copies of a list's people."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from models.tables.columns import json, moment, text_column


class ListSession(SQLModel, table=True):
    """A snapshot, and what it was taken of."""

    __tablename__ = "list_session"
    __table_args__ = (Index("list_session_name", "list_id", "name_key", unique=True),)
    list_id: str = text_column(primary_key=True)
    id: UUID = Field(primary_key=True)
    name: str = text_column()
    name_key: str = text_column()
    state: str = text_column()
    fields: list[Any] = json()
    filter: dict[str, Any] = json()
    taken: int
    taken_by: str = text_column()
    taken_at: datetime = moment()
    state_by: str | None = text_column()
    state_at: datetime | None = moment()


class ListSessionPerson(SQLModel, table=True):
    """Somebody in a copy."""

    __tablename__ = "list_session_person"
    __table_args__ = (
        Index(
            "list_session_person_uid", "list_id", "session_id", "uid_key", unique=True,
            postgresql_where=text("NOT removed"),
        ),
        Index("list_session_person_changed", "list_id", "session_id", "uid_key", postgresql_where=text("changed")),
    )  # fmt: skip
    list_id: str = text_column(primary_key=True)
    session_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    uid: str = text_column()
    uid_key: str = text_column()
    active: bool
    fields: dict[str, Any] = json()
    search: str = text_column()
    was: dict[str, Any] | None = json()
    added: bool
    removed: bool
    changed: bool
    version: int
    changed_by: str | None = text_column()
    changed_at: datetime | None = moment()
