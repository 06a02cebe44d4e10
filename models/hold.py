"""Held deactivations (product rule V9): people who stay active until an operator has looked.

A hold belongs to the person: `held_seq` and `held_at` are the key of the log entry that waits. A
person is locked before their entry is written, by drains and operators alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from models import identity
from models.database import Cursor
from models.errors import Taken
from models.journal import Lane

PAGE = 50
# How the entry of a held deactivation begins; what else it has to say stays when the hold ends.
HELD = (
    "Held: more people were deactivated within an hour than the list's guard allows;"
    " release or discard it on the list's Sync tab"
)
STATUS_CHANGE = {"field": "Status", "before": "Active", "after": "Inactive"}
DISCONNECTED = "The list was disconnected before this could be applied"


@dataclass(frozen=True, slots=True)
class Ended:
    """A hold that an operation ends: the key of its entry, and the sentence that tells why."""

    list_id: str
    at: datetime
    seq: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Held:
    """A person whose deactivation is held, and what their entry says of it."""

    id: str
    uid: str
    fields: Mapping[str, Any]
    gone: bool  # the IdP has deleted the user meanwhile, or did so in the first place
    seq: int
    at: datetime
    operation: str | None
    idp: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some of them, oldest first; `before` and `after` are the seqs that the pages around them begin at."""

    rows: Sequence[Held]
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Summary:
    """All the holds of a list: how many, since when, and the newest one's seq."""

    count: int
    oldest: datetime | None
    newest_seq: int | None


def summary(cursor: Cursor, list_id: str) -> Summary:
    """What a list's holds come to."""
    cursor.execute(
        "select count(*), (select held_at from person where list_id = %(list)s and held_seq is not null"
        " order by held_seq limit 1), max(held_seq) from person where list_id = %(list)s and held_seq is not null",
        {"list": list_id},
    )
    row = cursor.fetchone()
    assert row
    return Summary(*row)


def page(cursor: Cursor, list_id: str, after: int | None, before: int | None, count: int = PAGE) -> Page:
    """The holds after a seq, or before one, oldest first."""
    backwards = before is not None
    edge = before if backwards else after
    cursor.execute(
        "select p.id, p.uid, p.fields, p.identity_id is null, p.held_seq, p.held_at, e.operation, e.idp from"
        " (select id, uid, fields, identity_id, list_id, held_seq, held_at from person where list_id = %(list)s"
        f" and held_seq {'<' if backwards else '>'} %(edge)s order by held_seq {'desc' if backwards else 'asc'}"
        " limit %(count)s) p left join lateral (select operation, idp from log_entry e where e.list_id = p.list_id"
        " and e.at = p.held_at and e.id = p.held_seq offset 0) e on true order by p.held_seq",
        {"list": list_id, "edge": edge if edge is not None else 0, "count": count + 1},
    )
    found = [Held(str(row[0]), *row[1:]) for row in cursor.fetchall()]
    more = len(found) > count
    shown = found[-count:] if backwards else found[:count]
    return Page(
        shown,
        shown[0].seq if shown and (more if backwards else after is not None) else None,
        shown[-1].seq if shown and (backwards or more) else None,
    )


@dataclass(frozen=True, slots=True)
class Chosen:
    """Whose holds to end: these people's, or all that the operator was told of.

    Those are the ones up to the newest seq that they saw, and no more of them than they saw: lanes are
    applied in any order, so that an older operation may be held after a newer one.
    """

    people: Sequence[str] | None = None
    up_to: int | None = None
    at_most: int | None = None


def release(cursor: Cursor, list_id: str, chosen: Chosen, by: str) -> tuple[int, list[Lane]]:
    """Deactivate these people after all; returns how many, and the lanes to ring after COMMIT."""
    held = _lock(cursor, list_id, chosen)
    _let_go(cursor, list_id, held, active=False)
    _finish(cursor, list_id, held, f"Released by {by}", "applied", [STATUS_CHANGE])
    # Whoever waits for the UID of one who is inactive now, as after a drain.
    return len(held), identity.reapply_waiting(cursor, {(list_id, one.uid_key) for one in held})


def discard(cursor: Cursor, list_id: str, chosen: Chosen, by: str) -> int:
    """Leave these people active, until the IdP's next push for them; returns how many."""
    held = _lock(cursor, list_id, chosen)
    _let_go(cursor, list_id, held, active=True)
    _finish(cursor, list_id, held, f"Discarded by {by}", "no_change", [])
    return len(held)


def forget(cursor: Cursor, list_id: str) -> None:
    """End all holds of a list that is being disconnected."""
    held = _held(cursor, list_id, Chosen())
    if held:
        _let_go(cursor, list_id, held, active=True)
        _finish(cursor, list_id, held, DISCONNECTED, "no_change", [])
    cursor.execute("delete from deactivation where list_id = %s", (list_id,))


@dataclass(frozen=True, slots=True)
class _Row:
    id: str
    uid_key: str
    seq: int
    at: datetime


def _lock(cursor: Cursor, list_id: str, chosen: Chosen) -> list[_Row]:
    held = _held(cursor, list_id, chosen)
    if not held:
        raise Taken("no deactivation of these people is held any more: look at the list again")
    if chosen.at_most is not None and len(held) > chosen.at_most:
        raise Taken(f"{len(held):,} are held by now, and not {chosen.at_most:,} any more: look at the list again")
    return held


def _held(cursor: Cursor, list_id: str, chosen: Chosen) -> list[_Row]:
    """The chosen holds, their people locked in the order in which drains lock them."""
    condition, parameters = "", list[Any]()
    if chosen.people is not None:
        condition = " and id = any(%b::uuid[])"
        parameters.append(list(chosen.people))
    if chosen.up_to is not None:
        condition += " and held_seq <= %s"
        parameters.append(chosen.up_to)
    cursor.execute(
        "select id, uid_key, held_seq, held_at from person where list_id = %s and held_seq is not null"
        f"{condition} order by list_id, id for no key update",
        (list_id, *parameters),
    )
    return [_Row(str(row[0]), *row[1:]) for row in cursor.fetchall()]


def _let_go(cursor: Cursor, list_id: str, held: Sequence[_Row], active: bool) -> None:
    cursor.execute(
        "update person set active = %s, held_seq = null, held_at = null, version = version + 1,"
        " modified_at = clock_timestamp() where list_id = %s and id = any(%b::uuid[])",
        (active, list_id, [one.id for one in held]),
    )


def _finish(
    cursor: Cursor, list_id: str, held: Sequence[_Row], sentence: str, result: str, changes: list[dict[str, str]]
) -> None:
    """Turn waiting entries into what became of them; one with complaints stays partly applied."""
    cursor.execute(
        "update log_entry e set result = case when %(result)s = 'applied' and e.detail <> %(held)s"
        " then 'partly_applied' else %(result)s end, detail = replace(e.detail, %(held)s, %(sentence)s),"
        " changes = e.changes || %(changes)s, applied_at = clock_timestamp()"
        " from unnest(%(at)b::timestamptz[], %(seq)b::int8[]) v (at, seq)"
        " where e.list_id = %(list)s and e.at = v.at and e.id = v.seq",
        {
            "result": result,
            "held": HELD,
            "sentence": sentence,
            "changes": Jsonb(changes),
            "at": [one.at for one in held],
            "seq": [one.seq for one in held],
            "list": list_id,
        },
    )


def end(cursor: Cursor, ended: Sequence[Ended]) -> None:
    """The entries of holds that an activation or a takeover has cancelled."""
    cursor.execute(
        "update log_entry e set result = 'no_change', detail = replace(e.detail, %b, v.sentence),"
        " applied_at = clock_timestamp() from unnest(%b::text[], %b::timestamptz[], %b::int8[], %b::text[])"
        " v (list_id, at, seq, sentence) where e.list_id = v.list_id and e.at = v.at and e.id = v.seq",
        (
            HELD,
            [one.list_id for one in ended],
            [one.at for one in ended],
            [one.seq for one in ended],
            [one.sentence for one in ended],
        ),
    )
