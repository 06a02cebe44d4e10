"""Directory Sync: credentials, how lists are pulled, and what was pulled."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, LargeBinary, SmallInteger, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from models.tables.columns import column, json, moment, now, text_column


class DirectoryConnection(SQLModel, table=True):
    """Microsoft Graph credentials of an organisation, sealed."""

    __tablename__ = "directory_connection"
    __table_args__ = (UniqueConstraint("organisation_id", "name", name="directory_connection_name_key"),)
    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    name: str = text_column()
    cloud: str = text_column()
    tenant_id: str = text_column()
    client_id: str = text_column()
    client_secret: bytes = column(LargeBinary)
    created_by: str = text_column()
    created_at: datetime = now()


class DirectorySync(SQLModel, table=True):
    """How a list is pulled, and how far Graph was read."""

    __tablename__ = "directory_sync"
    __table_args__ = (
        Index("directory_sync_connection", "directory_connection_id"),
        Index("directory_sync_due", "next_at", postgresql_where=text("next_at IS NOT NULL")),
    )
    list_id: str = text_column(primary_key=True, foreign_key="master_list.id")
    directory_connection_id: UUID = Field(foreign_key="directory_connection.id")
    groups: list[Any] | None = json()
    guests: bool
    every_minutes: int | None = column(SmallInteger)
    at_minute: int | None = column(SmallInteger)
    time_zone: str = text_column()
    next_at: datetime | None = moment()
    round: int
    position: dict[str, Any] = json()


class DirectoryMember(SQLModel, table=True):
    """Who is in a chosen group."""

    __tablename__ = "directory_member"
    __table_args__ = (Index("directory_member_unread", "list_id", "object_id", postgresql_where=text("NOT fetched")),)
    list_id: str = text_column(primary_key=True)
    object_id: str = text_column(primary_key=True)
    group_id: str = text_column(primary_key=True)
    round: int
    fetched: bool


class DirectoryChange(SQLModel, table=True):
    """What was pulled of a user, and is not applied yet."""

    __tablename__ = "directory_change"
    __table_args__ = (
        Index("directory_change_order", "list_id", "failed", "kind", "active", "object_id"),
        Index("directory_change_manager", "list_id", "object_id", postgresql_where=text("manager_due")),
    )
    list_id: str = text_column(primary_key=True)
    object_id: str = text_column(primary_key=True)
    round: int
    kind: str = text_column()
    document: dict[str, Any] | None = json()
    body: str | None = text_column()
    uid_key: str | None = text_column()
    user_name_key: str | None = text_column()
    active: bool
    manager_due: bool
    failed: int
    error: str | None = text_column()
