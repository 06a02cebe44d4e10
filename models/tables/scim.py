"""What IdPs said: users, groups, and accepted operations that are not applied yet."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, SmallInteger, text
from sqlmodel import Field, SQLModel

from models.tables.columns import by_code_point, column, json, moment, now, text_column


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
    list_id: str = text_column(primary_key=True)
    id: UUID = Field(primary_key=True)
    external_id: str | None = text_column()
    user_name_key: str = by_code_point()
    uid_key: str | None = text_column()
    active: bool
    version: int
    waiting_reason: str | None = text_column()
    document: dict[str, Any] = json()
    created: datetime = moment()
    modified: datetime = moment()


class IdentityEmail(SQLModel, table=True):
    """An e-mail address of a user, as it is looked up."""

    __tablename__ = "identity_email"
    list_id: str = text_column(primary_key=True)
    key: str = by_code_point(primary_key=True)
    identity_id: UUID = Field(primary_key=True)


class ScimGroup(SQLModel, table=True):
    """A group as the IdP last described it; members are rows of their own."""

    __tablename__ = "scim_group"
    __table_args__ = (
        Index("scim_group_name", "list_id", "display_name_key", unique=True),
        Index("scim_group_external_id", "list_id", "external_id"),
        Index("scim_group_page", "list_id", "created", "id"),
    )
    list_id: str = text_column(primary_key=True)
    id: UUID = Field(primary_key=True)
    display_name: str = text_column()
    display_name_key: str = by_code_point()
    external_id: str | None = text_column()
    member_count: int
    version: int
    document: dict[str, Any] = json()
    created: datetime = moment()
    modified: datetime = moment()


class GroupMember(SQLModel, table=True):
    """One user in one group."""

    __tablename__ = "group_member"
    __table_args__ = (Index("group_member_identity", "list_id", "identity_id"),)
    list_id: str = text_column(primary_key=True)
    group_id: UUID = Field(primary_key=True)
    identity_id: UUID = Field(primary_key=True)


class ResourceCount(SQLModel, table=True):
    """A part of how many users or groups a list has: the sum over the slots."""

    __tablename__ = "resource_count"
    list_id: str = text_column(primary_key=True)
    resource: str = text_column(primary_key=True)
    slot: int = column(SmallInteger, primary_key=True)
    count: int = column(BigInteger)


class SeenAttribute(SQLModel, table=True):
    """An attribute of an unknown extension that a list's IdP has sent."""

    __tablename__ = "seen_attribute"
    list_id: str = text_column(primary_key=True)
    resource: str = text_column(primary_key=True)
    urn: str = text_column(primary_key=True)
    name: str = text_column(primary_key=True)
    type: str = text_column()
    multi_valued: bool
    seen_at: datetime = now()


class Journal(SQLModel, table=True):
    """An accepted operation that is not applied yet."""

    list_id: str = text_column(primary_key=True)
    lane: int = column(SmallInteger, primary_key=True)
    seq: int = column(BigInteger, primary_key=True)
    resource: str = text_column()
    resource_id: UUID
    operation: str = text_column()
    document: dict[str, Any] | None = json()
    body: str | None = text_column()
    token_prefix: str | None = text_column()
    request_id: str = text_column()
    idp: str | None = text_column()
    accepted_at: datetime = moment()


class LaneTrouble(SQLModel, table=True):
    """A lane that was rung and did not move."""

    __tablename__ = "lane_trouble"
    list_id: str = text_column(primary_key=True)
    lane: int = column(SmallInteger, primary_key=True)
    oldest_seq: int = column(BigInteger)
    rings: int
    attempts: int
    single: bool
    rung_at: datetime = now()


class SetAside(SQLModel, table=True):
    """A journal row that could not be applied, and why."""

    __tablename__ = "set_aside"
    list_id: str = text_column(primary_key=True)
    seq: int = column(BigInteger, primary_key=True)
    lane: int = column(SmallInteger)
    resource: str = text_column()
    resource_id: UUID
    operation: str = text_column()
    document: dict[str, Any] | None = json()
    body: str | None = text_column()
    token_prefix: str | None = text_column()
    request_id: str = text_column()
    idp: str | None = text_column()
    accepted_at: datetime = moment()
    error: str = text_column()
    set_aside_at: datetime = now()
