"""What the last requests say about a connection: the facts behind the troubleshooting page."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from models import burst, journal
from models.burst import Rhythm
from models.connection import Details
from models.database import Cursor

LOOKED_AT = 2_000  # newest entries of a list; what they cannot tell is not told
ENTRA_ASKS_EVERY = timedelta(minutes=40)
QUIET_AFTER = timedelta(hours=24)
LATE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence of the log, and when it was written."""

    at: datetime
    detail: str
    entry_id: int


@dataclass(frozen=True, slots=True)
class Facts:
    """Each is None or 0 where nothing of the kind was seen lately."""

    refused_token: Told | None  # a revoked or expired token
    refused: Told | None  # any other refusal
    misfit: Told | None  # a value that did not fit its field
    elsewhere: Told | None  # a token of this list on another one's Base URL
    uid_change: Told | None
    waiting: int  # users who are not in the list yet, for a reason of their own
    unapplied: int  # accepted, and waiting for a worker
    longest_gap: timedelta | None  # between two entries
    rhythm: Rhythm | None  # of the bursts


_LATELY = (
    "select id, at, operation, result, detail, changes from log_entry where list_id = %s order by at desc limit %s"
)
# One look over the newest entries; the newest one of each kind.
_KINDS = {
    "refused_token": "operation = 'request' and detail like '%%token%%' and detail not like '%%another list%%'",
    "elsewhere": "operation = 'request' and detail like '%%another list%%'",
    "refused": "result = 'rejected' and operation <> 'request'",
    "misfit": "result = 'partly_applied'",
    "uid_change": "operation = 'update' and changes @> '[{\"field\": \"UID\"}]'",
}


def facts(cursor: Cursor, list_id: str) -> Facts:
    """What the newest entries of a list tell."""
    parts = " union all ".join(
        f"(select '{kind}', at, coalesce(detail, changes::text), id from lately"
        f" where {condition} order by at desc limit 1)"
        for kind, condition in _KINDS.items()
    )
    cursor.execute(f"with lately as materialized ({_LATELY}) {parts}", (list_id, LOOKED_AT))
    found = {row[0]: Told(*row[1:]) for row in cursor.fetchall()}
    cursor.execute("select count(*) from identity where list_id = %s and waiting_reason is not null", (list_id,))
    row = cursor.fetchone()
    assert row
    return Facts(
        **{kind: found.get(kind) for kind in _KINDS},
        waiting=row[0],
        unapplied=journal.unapplied(cursor, list_id).operations,
        longest_gap=longest_gap(cursor, list_id),
        rhythm=burst.rhythm(cursor, list_id),
    )


def longest_gap(cursor: Cursor, list_id: str) -> timedelta | None:
    """The longest time between two of the newest entries."""
    cursor.execute(
        "select max(gap) from (select at - lag(at) over (order by at) as gap from"
        " (select at from log_entry where list_id = %s order by at desc limit %s) e) g",
        (list_id, LOOKED_AT),
    )
    row = cursor.fetchone()
    return row[0] if row else None


def quiet_for(
    details: Details, longest: timedelta | None, rhythm: Rhythm | None = None, now: datetime | None = None
) -> timedelta | None:
    """How long nothing came, if that is longer than usual.

    Usual is the rhythm that was learned of the connection, with half a period for being late. Where there is none,
    Entra asks every 40 minutes whether or not something changed; another provider is quiet after a day, and after
    twice the longest gap of late.
    """
    if details.last_request_at is None:
        return None
    passed = (now or datetime.now(UTC)) - details.last_request_at
    if rhythm is not None:
        usual = rhythm.period + max(rhythm.period / 2, LATE)
    elif details.idp == "entra":
        usual = ENTRA_ASKS_EVERY * 2
    else:
        usual = max(QUIET_AFTER, (longest or QUIET_AFTER) * 2)
    return passed if passed > usual else None
