"""Kinds of columns, by what they hold."""

from typing import Any

from sqlalchemy import DateTime, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field


def column(kind: Any, **more: Any) -> Any:
    return Field(sa_type=kind, **more)


def text_column(**more: Any) -> Any:
    return column(Text, **more)


def by_code_point(**more: Any) -> Any:
    return column(Text(collation="C"), **more)


def moment(**more: Any) -> Any:
    return column(DateTime(timezone=True), **more)


def now(**more: Any) -> Any:
    return moment(sa_column_kwargs={"server_default": text("now()")}, **more)


def json(**more: Any) -> Any:
    return column(JSONB, **more)
