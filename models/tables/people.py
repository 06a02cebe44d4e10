"""What lists hold: people, and the log of how they came to be so."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from models.tables.columns import column, json, moment, now, text_column


class Person(SQLModel, table=True):
    """A row of a Master List."""

    __table_args__ = (
        Index("person_uid", "list_id", "uid_key", unique=True),
        Index("person_anchor", "list_id", "anchor"),
        Index("person_holder", "list_id", "identity_id", unique=True),
        Index("person_inactive", "list_id", "uid_key", postgresql_where=text("NOT active")),
        Index("person_held", "list_id", "held_seq", postgresql_where=text("held_seq IS NOT NULL")),
    )
    list_id: str = text_column(primary_key=True)
    id: UUID = Field(primary_key=True)
    uid: str = text_column()
    uid_key: str = text_column()
    anchor: str | None = text_column()
    identity_id: UUID | None
    active: bool
    search: str | None = text_column()
    held_seq: int | None = column(BigInteger)
    held_at: datetime | None = moment()
    fields: dict[str, Any] = json()
    version: int
    created_at: datetime = now()
    modified_at: datetime = now()


class Deactivation(SQLModel, table=True):
    """Somebody who was deactivated within the last hour, while the guard is on."""

    __table_args__ = (Index("deactivation_at", "list_id", "at"),)
    list_id: str = text_column(primary_key=True)
    person_id: UUID = Field(primary_key=True)
    at: datetime = moment(sa_column_kwargs={"server_default": text("clock_timestamp()")})


_NEWEST_FIRST = (text("at DESC"), text("id DESC"))


class LogEntry(SQLModel, table=True):
    """An entry of the provisioning log; partitioned by month."""

    __tablename__ = "log_entry"
    __table_args__ = (
        Index("log_entry_waits", "list_id", "identity_id", postgresql_where=text("waits")),
        Index(
            "log_entry_person", "list_id", "person_id", *_NEWEST_FIRST, postgresql_where=text("person_id IS NOT NULL")
        ),
        Index("log_entry_kind", "list_id", "operation", "result", *_NEWEST_FIRST),
        Index("log_entry_id", "list_id", "id"),
    )
    list_id: str = text_column(primary_key=True)
    at: datetime = moment(primary_key=True)
    id: int = column(BigInteger, primary_key=True)
    resource: str = text_column()
    operation: str = text_column()
    result: str = text_column()
    waits: bool
    identity_id: UUID | None
    person_id: UUID | None
    user_name: str | None = text_column()
    uid: str | None = text_column()
    changes: list[Any] = json()
    detail: str | None = text_column()
    request_id: str = text_column()
    token_prefix: str | None = text_column()
    idp: str | None = text_column()
    body: str | None = text_column()
    repeats: int
    applied_at: datetime | None = moment()
