"""The admin API: its keys, and answers that can be asked for again."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, LargeBinary, SmallInteger, text
from sqlmodel import Field, SQLModel

from models.tables.columns import column, json, moment, now, text_column


class ApiKey(SQLModel, table=True):
    """A key of an organisation, by its digest."""

    __tablename__ = "api_key"
    __table_args__ = (Index("api_key_organisation", "organisation_id", text("created_at DESC")),)
    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    digest: bytes = column(LargeBinary)
    prefix: str = text_column(unique=True)
    label: str = text_column()
    scope: str = text_column()
    created_by: str = text_column()
    created_at: datetime = now()
    expires_at: datetime | None = moment()
    last_used_at: datetime | None = moment()
    last_used_address: str | None = text_column()
    revoked_at: datetime | None = moment()


class ApiReplay(SQLModel, table=True):
    """What a request with an Idempotency-Key was answered."""

    __tablename__ = "api_replay"
    __table_args__ = (Index("api_replay_at", "at"),)
    api_key_id: UUID = Field(foreign_key="api_key.id", primary_key=True, ondelete="CASCADE")
    route: str = text_column(primary_key=True)
    idempotency_key: str = text_column(primary_key=True)
    fingerprint: bytes = column(LargeBinary)
    status: int = column(SmallInteger)
    body: str | None = text_column()
    headers: dict[str, Any] = json()
    at: datetime = moment(sa_column_kwargs={"server_default": text("clock_timestamp()")})
