"""The tables as SQLModel classes: what migrations are checked against, and what consoles query.

They stand apart from the nouns because importing SQLModel costs tens of megabytes, which
the ingress and worker processes, whose SQL is psycopg, need not pay. Indexes with operator classes
stand in the migrations alone: Alembic cannot compare them.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Computed,
    DateTime,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

metadata = SQLModel.metadata


def _column(kind: Any, **more: Any) -> Any:
    return Field(sa_type=kind, **more)


def _text(**more: Any) -> Any:
    return _column(Text, **more)


def _by_code_point(**more: Any) -> Any:
    return _column(Text(collation="C"), **more)


def _at(**more: Any) -> Any:
    return _column(DateTime(timezone=True), **more)


def _now(**more: Any) -> Any:
    return _at(sa_column_kwargs={"server_default": text("now()")}, **more)


def _json(**more: Any) -> Any:
    return _column(JSONB, **more)


class Organisation(SQLModel, table=True):
    """A customer and its plan."""

    id: UUID = Field(primary_key=True)
    name: str = _text(unique=True)
    plan: str = _text()
    created_at: datetime = _now()
    demo: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})


class Operator(SQLModel, table=True):
    """A console user; the password is an argon2 digest."""

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    email: str = _text()
    email_key: str = _text(unique=True)
    password_digest: str = _text()
    role: str = _text()
    created_at: datetime = _now()


class OperatorSession(SQLModel, table=True):
    """A signed-in browser, by the digest of its cookie."""

    __tablename__ = "operator_session"
    id: UUID = Field(primary_key=True)
    operator_id: UUID = Field(foreign_key="operator.id", ondelete="CASCADE")
    digest: bytes = _column(LargeBinary, unique=True)
    created_at: datetime = _now()
    seen_at: datetime = _now()
    expires_at: datetime = _at()
    address: str | None = _text()
    user_agent: str | None = _text()


class MasterList(SQLModel, table=True):
    """A roster and its schema of fields."""

    __tablename__ = "master_list"
    __table_args__ = (UniqueConstraint("organisation_id", "name", name="master_list_name_key"),)
    id: str = _text(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    name: str = _text()
    fields: list[Any] = _json()
    created_at: datetime = _now()
    log_days: int = _column(SmallInteger)


class Connection(SQLModel, table=True):
    """A list's link to its provider."""

    list_id: str = _text(primary_key=True, foreign_key="master_list.id")
    provider: str = _text()
    unique_identifier: str = _text()
    state: str = _text()
    mapping_version: int
    connected_by: str = _text()
    connected_at: datetime = _now()


class BearerToken(SQLModel, table=True):
    """A list's token, as a digest."""

    __tablename__ = "bearer_token"
    __table_args__ = (Index("bearer_token_list", "list_id"),)
    id: UUID = Field(primary_key=True)
    list_id: str = _text(foreign_key="master_list.id")
    digest: bytes = _column(LargeBinary, unique=True)
    prefix: str = _text(unique=True)
    label: str = _text()
    created_by: str = _text()
    created_at: datetime = _now()
    expires_at: datetime | None = _at()
    last_used_at: datetime | None = _at()
    last_used_address: str | None = _text()
    revoked_at: datetime | None = _at()


class FieldMapping(SQLModel, table=True):
    """One IdP attribute to one field."""

    __tablename__ = "field_mapping"
    __table_args__ = (Index("field_mapping_field", "list_id", "field", unique=True),)
    list_id: str = _text(primary_key=True, foreign_key="master_list.id")
    attribute: str = _text(primary_key=True)
    field: str = _text()
    enabled: bool
    transform: str = _text()


class Identity(SQLModel, table=True):
    """A user as the IdP last described them."""

    __table_args__ = (
        Index("identity_user_name", "list_id", "user_name_key", unique=True),
        Index("identity_active_uid", "list_id", "uid_key", unique=True, postgresql_where=text("active")),
        Index("identity_inactive_uid", "list_id", "uid_key", postgresql_where=text("NOT active")),
        Index("identity_external_id", "list_id", "external_id"),
        Index("identity_waiting", "list_id", "uid_key", postgresql_where=text("waiting_reason IS NOT NULL")),
        Index("identity_page", "list_id", "created", "id"),
    )
    list_id: str = _text(primary_key=True)
    id: UUID = Field(primary_key=True)
    external_id: str | None = _text()
    user_name_key: str = _by_code_point()
    uid_key: str | None = _text()
    active: bool
    version: int
    waiting_reason: str | None = _text()
    document: dict[str, Any] = _json()
    created: datetime = _at()
    modified: datetime = _at()


class IdentityEmail(SQLModel, table=True):
    """An e-mail address of a user, as it is looked up."""

    __tablename__ = "identity_email"
    list_id: str = _text(primary_key=True)
    key: str = _by_code_point(primary_key=True)
    identity_id: UUID = Field(primary_key=True)


class ScimGroup(SQLModel, table=True):
    """A group as the IdP last described it; members are rows of their own."""

    __tablename__ = "scim_group"
    __table_args__ = (
        Index("scim_group_name", "list_id", "display_name_key", unique=True),
        Index("scim_group_external_id", "list_id", "external_id"),
        Index("scim_group_page", "list_id", "created", "id"),
    )
    list_id: str = _text(primary_key=True)
    id: UUID = Field(primary_key=True)
    display_name: str = _text()
    display_name_key: str = _by_code_point()
    external_id: str | None = _text()
    member_count: int
    version: int
    document: dict[str, Any] = _json()
    created: datetime = _at()
    modified: datetime = _at()


class GroupMember(SQLModel, table=True):
    """One user in one group."""

    __tablename__ = "group_member"
    __table_args__ = (Index("group_member_identity", "list_id", "identity_id"),)
    list_id: str = _text(primary_key=True)
    group_id: UUID = Field(primary_key=True)
    identity_id: UUID = Field(primary_key=True)


class SeenAttribute(SQLModel, table=True):
    """An attribute of an unknown extension that a list's IdP has sent."""

    __tablename__ = "seen_attribute"
    list_id: str = _text(primary_key=True)
    resource: str = _text(primary_key=True)
    urn: str = _text(primary_key=True)
    name: str = _text(primary_key=True)
    type: str = _text()
    multi_valued: bool
    seen_at: datetime = _now()


class Journal(SQLModel, table=True):
    """An accepted operation that is not applied yet."""

    list_id: str = _text(primary_key=True)
    lane: int = _column(SmallInteger, primary_key=True)
    seq: int = _column(BigInteger, primary_key=True)
    resource: str = _text()
    resource_id: UUID
    operation: str = _text()
    document: dict[str, Any] | None = _json()
    body: str | None = _text()
    token_prefix: str | None = _text()
    request_id: str = _text()
    idp: str | None = _text()
    accepted_at: datetime = _at()


class LaneTrouble(SQLModel, table=True):
    """A lane that was rung and did not move."""

    __tablename__ = "lane_trouble"
    list_id: str = _text(primary_key=True)
    lane: int = _column(SmallInteger, primary_key=True)
    oldest_seq: int = _column(BigInteger)
    rings: int
    attempts: int
    single: bool
    rung_at: datetime = _now()


class SetAside(SQLModel, table=True):
    """A journal row that could not be applied, and why."""

    __tablename__ = "set_aside"
    list_id: str = _text(primary_key=True)
    seq: int = _column(BigInteger, primary_key=True)
    lane: int = _column(SmallInteger)
    resource: str = _text()
    resource_id: UUID
    operation: str = _text()
    document: dict[str, Any] | None = _json()
    body: str | None = _text()
    token_prefix: str | None = _text()
    request_id: str = _text()
    idp: str | None = _text()
    accepted_at: datetime = _at()
    error: str = _text()
    set_aside_at: datetime = _now()


class Person(SQLModel, table=True):
    """A row of a Master List."""

    __table_args__ = (
        Index("person_uid", "list_id", "uid_key", unique=True),
        Index("person_anchor", "list_id", "anchor"),
        Index("person_holder", "list_id", "identity_id", unique=True),
        Index("person_inactive", "list_id", "uid_key", postgresql_where=text("NOT active")),
        Index("person_held", "list_id", "held_seq", postgresql_where=text("held_seq IS NOT NULL")),
    )
    list_id: str = _text(primary_key=True)
    id: UUID = Field(primary_key=True)
    uid: str = _text()
    uid_key: str = _text()
    anchor: str | None = _text()
    identity_id: UUID | None
    active: bool
    search: str | None = Field(
        sa_column=Column(Text, Computed("muster_person_text(uid, fields)", persisted=True), nullable=True)
    )
    held_seq: int | None = _column(BigInteger)
    held_at: datetime | None = _at()
    fields: dict[str, Any] = _json()
    version: int
    created_at: datetime = _now()
    modified_at: datetime = _now()


class Guard(SQLModel, table=True):
    """A list's guard against waves of deactivations."""

    list_id: str = _text(primary_key=True, foreign_key="master_list.id")
    enabled: bool
    percent: int = _column(SmallInteger)
    at_least: int


class Deactivation(SQLModel, table=True):
    """Somebody who was deactivated within the last hour, while the guard is on."""

    __table_args__ = (Index("deactivation_at", "list_id", "at"),)
    list_id: str = _text(primary_key=True)
    person_id: UUID = Field(primary_key=True)
    at: datetime = _at(sa_column_kwargs={"server_default": text("clock_timestamp()")})


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
    list_id: str = _text(primary_key=True)
    at: datetime = _at(primary_key=True)
    id: int = _column(BigInteger, primary_key=True)
    resource: str = _text()
    operation: str = _text()
    result: str = _text()
    waits: bool
    identity_id: UUID | None
    person_id: UUID | None
    user_name: str | None = _text()
    uid: str | None = _text()
    changes: list[Any] = _json()
    detail: str | None = _text()
    request_id: str = _text()
    token_prefix: str | None = _text()
    idp: str | None = _text()
    body: str | None = _text()
    repeats: int
    applied_at: datetime | None = _at()


class AuditEntry(SQLModel, table=True):
    """What an operator did."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("audit_entry_list", "list_id", text("at DESC")),)
    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    list_id: str | None = _text()
    at: datetime = _at(sa_column_kwargs={"server_default": text("clock_timestamp()")})
    operator: str = _text()
    action: str = _text()
    detail: str = _text(sa_column_kwargs={"server_default": text("''")})


class Job(SQLModel, table=True):
    """Long work with progress."""

    __table_args__ = (
        Index("job_latest", "list_id", "kind", text("created_at DESC")),
        Index("job_open", "created_at", postgresql_where=text("finished_at IS NULL")),
    )
    id: UUID = Field(primary_key=True)
    organisation_id: UUID | None
    list_id: str | None = _text()
    kind: str = _text()
    state: str = _text()
    progress: dict[str, Any] = _json()
    created_at: datetime = _now()
    heartbeat_at: datetime | None = _at()
    finished_at: datetime | None = _at()


class DirectoryConnection(SQLModel, table=True):
    """Microsoft Graph credentials of an organisation, encrypted."""

    __tablename__ = "directory_connection"
    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    name: str = _text()
    tenant_id: str = _text()
    client_id: str = _text()
    client_secret: bytes = _column(LargeBinary)
    created_at: datetime = _now()


class DirectoryRun(SQLModel, table=True):
    """One run of a Directory Sync."""

    __tablename__ = "directory_run"
    id: UUID = Field(primary_key=True)
    list_id: str = _text(foreign_key="master_list.id")
    directory_connection_id: UUID = Field(foreign_key="directory_connection.id")
    state: str = _text()
    counts: dict[str, Any] = _json()
    delta_links: dict[str, Any] | None = _json()
    error: str | None = _text()
    started_at: datetime = _now()
    finished_at: datetime | None = _at()
