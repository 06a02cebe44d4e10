"""What connections send, as it is counted: minutes, bursts and their rhythm."""

from datetime import datetime, timedelta

from sqlalchemy import ARRAY, Double, Index, Integer, Interval, text
from sqlmodel import Field, SQLModel

from models.tables.columns import column, moment, text_column


class Traffic(SQLModel, table=True):
    """The requests of a list in one minute that is not over, or was so just now."""

    list_id: str = text_column(primary_key=True)
    minute: datetime = moment(primary_key=True)
    first_at: datetime = moment()
    last_at: datetime = moment()
    requests: int
    changes: int
    failed: int
    answer_seconds: float = column(Double)
    slowest_seconds: float = column(Double)
    per_second: list[int] = column(ARRAY(Integer))


class Burst(SQLModel, table=True):
    """What a connection sent without a pause."""

    __table_args__ = (
        Index("burst_open", "list_id", unique=True, postgresql_where=text("open")),
        Index("burst_failed", "ended_at", postgresql_where=text("failed >= 500")),
    )
    list_id: str = text_column(primary_key=True)
    started_at: datetime = moment(primary_key=True)
    ended_at: datetime = moment()
    open: bool
    requests: int
    changes: int
    failed: int
    peak_per_second: int
    answer_seconds: float = column(Double)
    slowest_seconds: float = column(Double)
    applied_typical: timedelta | None = column(Interval)
    applied_slowest: timedelta | None = column(Interval)


class Rhythm(SQLModel, table=True):
    """How often a connection's bursts begin."""

    list_id: str = text_column(primary_key=True)
    period: timedelta = Field(sa_type=Interval)
    expected_at: datetime = moment()
