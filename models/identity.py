"""Identities: users as their IdP last described them. How they change is in `acceptance`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from models import group, journal
from models.database import Cursor
from models.journal import Entry, Lane
from models.resource import Document, Stored
from models.text import equality_key


def pairs(keys: set[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Keys as two columns, in key order."""
    ordered = sorted(keys)
    return [key[0] for key in ordered], [key[1] for key in ordered]


@dataclass(slots=True)
class Identity:
    """A row of `identity`, in memory while a batch changes it."""

    list_id: str
    id: str
    external_id: str | None
    user_name_key: str
    uid_key: str | None
    active: bool
    version: int
    document: Document
    created: datetime
    modified: datetime
    fresh: bool = False
    deleted: bool = False
    text: str = ""
    stored_emails: frozenset[str] = frozenset()  # the keys of its addresses in `identity_email`


_STORED = "list_id, id::text, external_id, user_name_key, uid_key, active, version, document, created, modified"


def lock(
    cursor: Cursor, ids: set[tuple[str, str]], names: set[tuple[str, str]], uids: set[tuple[str, str]]
) -> list[Identity]:
    """The rows of these ids, user names and active UIDs, (list, key) each: locked, in key order."""
    # OFFSET 0 and LATERAL pin the plan: index lookups, one a key, whatever the statistics say. A
    # table that is filling up for the first time would be read whole for every batch.
    cursor.execute(
        f"select i.* from (select distinct list_id, id from ("
        "select v.list_id, v.id from unnest(%b::text[], %b::uuid[]) v (list_id, id)"
        " union all select v.list_id, i.id from unnest(%b::text[], %b::text[]) v (list_id, key) cross join lateral"
        " (select id from identity where list_id = v.list_id and user_name_key = v.key offset 0) i"
        " union all select v.list_id, i.id from unnest(%b::text[], %b::text[]) v (list_id, key) cross join lateral"
        " (select id from identity where list_id = v.list_id and uid_key = v.key and active offset 0) i"
        ") k order by list_id, id offset 0) k cross join lateral"
        f" (select {_STORED} from identity where list_id = k.list_id and id = k.id for no key update) i",
        (*pairs(ids), *pairs(names), *pairs(uids)),
    )
    rows = [Identity(row[0], str(row[1]), *row[2:]) for row in cursor.fetchall()]
    for row in rows:
        row.stored_emails = email_keys(row.document)
    return rows


def write(cursor: Cursor, rows: list[Identity]) -> None:
    """Store what a batch changed; inserts in the order of their unique key."""
    gone = [row for row in rows if row.deleted and not row.fresh]
    if gone:
        cursor.execute(
            "delete from identity i using unnest(%b::text[], %b::uuid[]) v (list_id, id)"
            " where i.list_id = v.list_id and i.id = v.id",
            ([row.list_id for row in gone], [row.id for row in gone]),
        )
    _write_emails(cursor, rows)
    _update_rows(cursor, [row for row in rows if not row.fresh and not row.deleted])
    _insert_rows(
        cursor,
        sorted((r for r in rows if r.fresh and not r.deleted), key=lambda r: (r.list_id, r.user_name_key)),
    )


def _write_emails(cursor: Cursor, rows: list[Identity]) -> None:
    """Keep the table that addresses are looked up in; most changes touch none."""
    gone, new = [], []
    for row in rows:
        present = NO_EMAILS if row.deleted else email_keys(row.document)
        if present != row.stored_emails:
            gone += [(row.list_id, key, row.id) for key in row.stored_emails - present]
            new += [(row.list_id, key, row.id) for key in present - row.stored_emails]
            row.stored_emails = present
    if gone:
        cursor.execute(
            "delete from identity_email e using unnest(%b::text[], %b::text[], %b::uuid[]) v (list_id, key, id)"
            " where e.list_id = v.list_id and e.key = v.key and e.identity_id = v.id",
            tuple(map(list, zip(*gone, strict=True))),
        )
    if new:
        cursor.execute(
            "insert into identity_email (list_id, key, identity_id)"
            " select v.* from unnest(%b::text[], %b::text[], %b::uuid[]) v",
            tuple(map(list, zip(*sorted(new), strict=True))),
        )


def _parameters(rows: list[Identity]) -> tuple[list[Any], ...]:
    return (
        [row.list_id for row in rows],
        [row.id for row in rows],
        [row.external_id for row in rows],
        [row.user_name_key for row in rows],
        [row.uid_key for row in rows],
        [row.active for row in rows],
        [row.version for row in rows],
        [row.text for row in rows],
        [row.created for row in rows],
        [row.modified for row in rows],
    )


_ROWS = (
    "unnest(%b::text[], %b::uuid[], %b::text[], %b::text[], %b::text[], %b::bool[], %b::int4[], %b::text[],"
    " %b::timestamptz[], %b::timestamptz[]) v (list_id, id, external_id, user_name_key, uid_key, active, version,"
    " document, created, modified)"
)


def _update_rows(cursor: Cursor, rows: list[Identity]) -> None:
    if rows:
        cursor.execute(
            "update identity i set external_id = v.external_id, user_name_key = v.user_name_key,"
            " uid_key = v.uid_key, active = v.active,"
            f" version = v.version, document = v.document::jsonb, modified = v.modified from {_ROWS}"
            " where i.list_id = v.list_id and i.id = v.id and i.version <> v.version",
            _parameters(rows),
        )


def _insert_rows(cursor: Cursor, rows: list[Identity]) -> None:
    if rows:
        cursor.execute(
            "insert into identity (list_id, id, external_id, user_name_key, uid_key, active, version, document,"
            " created, modified) select v.list_id, v.id, v.external_id, v.user_name_key, v.uid_key, v.active,"
            " v.version, v.document::jsonb, v.created, v.modified"
            f" from {_ROWS}",
            _parameters(rows),
        )


Key = tuple[str, str]


def by_keys(cursor: Cursor, column: str, keys: set[Key]) -> dict[Key, Stored]:
    """Identities with their groups by (list, key) of a unique column, `id` or `user_name_key`."""
    return asked(cursor, column, keys)()


def asked(cursor: Cursor, column: str, keys: set[Key]) -> Callable[[], dict[Key, Stored]]:
    """`by_keys`, asked now and fetched when called: for a round trip that others share."""
    kind = "uuid" if column == "id" else "text"
    sent = cursor.execute(
        f"select v.list_id, v.key::text, i.id::text, i.document::text, i.version, i.created, i.modified,"
        f" {group.OF_USER}"
        f" from unnest(%b::text[], %b::{kind}[]) v (list_id, key)"
        f" join identity i on i.list_id = v.list_id and i.{column} = v.key",
        pairs(keys),
    )
    return lambda: {(row[0], row[1]): _stored(*row[2:]) for row in sent.fetchall()}


def _stored(
    identity_id: str, text: str, version: int, created: datetime, modified: datetime, groups: list[Any] | None
) -> Stored:
    return Stored(identity_id, text, version, created, modified, tuple(map(tuple, groups or ())))


def by_ids(cursor: Cursor, list_id: str, ids: Iterable[str]) -> dict[str, Stored]:
    """Identities of a list by id."""
    keys = {(list_id, one) for one in ids}
    return {key[1]: one for key, one in by_keys(cursor, "id", keys).items()} if keys else {}


class State(msgspec.Struct, frozen=True):
    """What ingress has accepted of an identity, ahead of what is applied."""

    active: bool
    waiting_reason: str | None
    user_name: str
    uid_key: str | None


def states(cursor: Cursor, keys: set[tuple[str, str]]) -> dict[tuple[str, str], State]:
    """The present states of identities by (list, id); those that are gone are left out."""
    cursor.execute(
        "select i.list_id, i.id, i.active, i.waiting_reason, i.document->>'userName', i.uid_key"
        " from unnest(%b::text[], %b::uuid[]) v (list_id, id)"
        " join identity i on i.list_id = v.list_id and i.id = v.id",
        pairs(keys),
    )
    return {(row[0], row[1]): State(*row[2:]) for row in cursor.fetchall()}


def set_waiting(cursor: Cursor, reasons: dict[tuple[str, str], str | None]) -> None:
    """Say why identities wait, or that they do not any more (None)."""
    ordered = sorted(reasons)
    # Pinned as in `lock`: drains have sorts off, and a join in key order would walk over all identities of all lists.
    cursor.execute(
        "update identity i set waiting_reason = v.reason from (select i.list_id, i.id, k.reason from"
        " (select * from unnest(%b::text[], %b::uuid[], %b::text[]) k (list_id, id, reason)"
        " order by list_id, id offset 0) k cross join lateral"
        " (select list_id, id from identity where list_id = k.list_id and id = k.id for no key update) i) v"
        " where i.list_id = v.list_id and i.id = v.id",
        (*pairs(set(ordered)), [reasons[key] for key in ordered]),
    )


def reapply_waiting(cursor: Cursor, freed: set[tuple[str, str]]) -> list[Lane]:
    """Journal the present documents of the identities that wait for these UIDs; returns lanes to ring.

    To run after the writes to people, whose locks order it against whoever begins to wait.
    """
    cursor.execute(
        "select i.list_id, i.id, (jsonb_build_object('active', i.active) || i.document)::text"
        " from unnest(%b::text[], %b::text[]) v (list_id, key)"
        " join identity i on i.list_id = v.list_id and i.uid_key = v.key and i.waiting_reason is not null"
        " order by i.list_id, i.id for no key update of i",
        pairs(freed),
    )
    entries = [Entry(row[0], str(row[1]), "reapply", row[2], None, None, "reapply", None) for row in cursor.fetchall()]
    return journal.append(cursor, entries) if entries else []


NO_EMAILS: frozenset[str] = frozenset()


def email_keys(document: Document) -> frozenset[str]:
    """The equality keys of all of a user's e-mail addresses."""
    emails = document.get("emails")
    if not emails:
        return NO_EMAILS
    values = (element.get("value") for element in emails if isinstance(element, dict))
    return frozenset(equality_key(value) for value in values if isinstance(value, str))
