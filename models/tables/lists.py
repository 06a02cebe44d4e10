"""Lists, how each is connected and mapped, and what is done to all of one."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Index, LargeBinary, SmallInteger, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import CIDR
from sqlmodel import Field, SQLModel

from models.tables.columns import column, json, moment, now, text_column


class MasterList(SQLModel, table=True):
    """A roster and its schema of fields."""

    __tablename__ = "master_list"
    __table_args__ = (UniqueConstraint("organisation_id", "name", name="master_list_name_key"),)
    id: str = text_column(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    name: str = text_column()
    fields: list[Any] = json()
    created_at: datetime = now()
    log_days: int = column(SmallInteger)
    schema_version: int
    retired_fields: list[str] = column(ARRAY(Text))


class Connection(SQLModel, table=True):
    """A list's link to its provider."""

    list_id: str = text_column(primary_key=True, foreign_key="master_list.id")
    provider: str = text_column()
    unique_identifier: str = text_column()
    state: str = text_column()
    mapping_version: int
    connected_by: str = text_column()
    connected_at: datetime = now()
    networks: list[str] = column(ARRAY(CIDR), sa_column_kwargs={"server_default": text("'{}'")})


class BearerToken(SQLModel, table=True):
    """A list's token, as a digest."""

    __tablename__ = "bearer_token"
    __table_args__ = (Index("bearer_token_list", "list_id"),)
    id: UUID = Field(primary_key=True)
    list_id: str = text_column(foreign_key="master_list.id")
    digest: bytes = column(LargeBinary, unique=True)
    prefix: str = text_column(unique=True)
    label: str = text_column()
    created_by: str = text_column()
    created_at: datetime = now()
    expires_at: datetime | None = moment()
    last_used_at: datetime | None = moment()
    last_used_address: str | None = text_column()
    revoked_at: datetime | None = moment()


class FieldMapping(SQLModel, table=True):
    """One IdP attribute to one field."""

    __tablename__ = "field_mapping"
    __table_args__ = (Index("field_mapping_field", "list_id", "field", unique=True),)
    list_id: str = text_column(primary_key=True, foreign_key="master_list.id")
    attribute: str = text_column(primary_key=True)
    field: str = text_column()
    enabled: bool
    transform: str = text_column()


class Guard(SQLModel, table=True):
    """A list's guard against waves of deactivations."""

    list_id: str = text_column(primary_key=True, foreign_key="master_list.id")
    enabled: bool
    percent: int = column(SmallInteger)
    at_least: int
    holding: str | None = text_column()


class Job(SQLModel, table=True):
    """Long work with progress."""

    __table_args__ = (
        Index("job_latest", "list_id", "kind", text("created_at DESC")),
        Index("job_open", "created_at", postgresql_where=text("finished_at IS NULL")),
        Index(
            "job_directory",
            "list_id",
            unique=True,
            postgresql_where=text("kind = 'directory' AND finished_at IS NULL"),
        ),
        Index("job_import", "list_id", unique=True, postgresql_where=text("kind = 'import' AND finished_at IS NULL")),
        Index(
            "job_fields",
            "list_id",
            unique=True,
            postgresql_where=text("kind = 'fields' AND finished_at IS NULL"),
        ),
    )
    id: UUID = Field(primary_key=True)
    organisation_id: UUID | None
    list_id: str | None = text_column()
    kind: str = text_column()
    state: str = text_column()
    progress: dict[str, Any] = json()
    created_at: datetime = now()
    heartbeat_at: datetime | None = moment()
    finished_at: datetime | None = moment()
    not_before: datetime | None = moment()
