"""Organisations, who signs in to them and what they did."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from models.tables.columns import column, moment, now, text_column


class Organisation(SQLModel, table=True):
    """A customer and its plan."""

    id: UUID = Field(primary_key=True)
    name: str = text_column(unique=True)
    plan: str = text_column()
    created_at: datetime = now()
    demo: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})


class Operator(SQLModel, table=True):
    """A console user; the password is an argon2 digest."""

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    email: str = text_column()
    email_key: str = text_column(unique=True)
    password_digest: str = text_column()
    role: str = text_column()
    created_at: datetime = now()


class OperatorSession(SQLModel, table=True):
    """A signed-in browser, by the digest of its cookie."""

    __tablename__ = "operator_session"
    id: UUID = Field(primary_key=True)
    operator_id: UUID = Field(foreign_key="operator.id", ondelete="CASCADE")
    digest: bytes = column(LargeBinary, unique=True)
    created_at: datetime = now()
    seen_at: datetime = now()
    expires_at: datetime = moment()
    address: str | None = text_column()
    user_agent: str | None = text_column()


class AuditEntry(SQLModel, table=True):
    """What an operator did."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("audit_entry_list", "list_id", text("at DESC")),
        Index("audit_entry_organisation", "organisation_id", text("at DESC"), text("id DESC")),
    )
    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    list_id: str | None = text_column()
    at: datetime = moment(sa_column_kwargs={"server_default": text("clock_timestamp()")})
    operator: str = text_column()
    action: str = text_column()
    detail: str = text_column(sa_column_kwargs={"server_default": text("''")})
    address: str = text_column(sa_column_kwargs={"server_default": text("''")})
