"""Mapping a list's people again after its mappings changed (product rule M4): whom, and from which documents."""

from collections.abc import Mapping, Sequence
from typing import Any

from models import job
from models.database import Cursor, lock_key
from models.journal import Lane
from models.mapping import Value
from models.resource import Document

PAGE = 2_000  # people; a lane's share of them is what one transaction holds


def begin(cursor: Cursor, list_id: str, version: int) -> str:
    """A job that maps everybody again, by the mappings of this version; returns its id. An older one ends."""
    progress = {"version": version, "total": count(cursor, list_id), "done": 0, "changed": 0}
    return job.create(cursor, list_id, job.REMAP, progress)


def begin_for_field(cursor: Cursor, list_id: str, key: str) -> str | None:
    """The same after a field was changed; None where no mapping fills it."""
    cursor.execute(
        "select c.mapping_version from connection c join field_mapping m on m.list_id = c.list_id"
        " where c.list_id = %s and c.state = 'connected' and m.enabled and m.field = %s",
        (list_id, key),
    )
    row = cursor.fetchone()
    return begin(cursor, list_id, row[0]) if row else None


def count(cursor: Cursor, list_id: str) -> int:
    """How many people of a list follow a user of its IdP."""
    cursor.execute("select count(*) from person where list_id = %s and identity_id is not null", (list_id,))
    row = cursor.fetchone()
    assert row
    return int(row[0])


def page(cursor: Cursor, list_id: str, after: str | None) -> list[str]:
    """The next users whom people follow, in order of id."""
    cursor.execute(
        "select identity_id::text from person where list_id = %s and identity_id is not null"
        " and identity_id > coalesce(%s::uuid, '00000000-0000-0000-0000-000000000000') order by identity_id limit %s",
        (list_id, after, PAGE),
    )
    return [row[0] for row in cursor.fetchall()]


def lock(cursor: Cursor, lane: Lane) -> None:
    """Hold a lane until the transaction ends, as drains do; one that is being drained is waited for."""
    cursor.execute("select pg_advisory_xact_lock_shared(%s)", (lock_key("roster", lane.list_id),))
    cursor.execute("select pg_advisory_xact_lock(%s)", (lock_key("lane", *lane),))


def documents(cursor: Cursor, lane: Lane, ids: Sequence[str]) -> dict[str, Document]:
    """What the IdP said last of these users of a locked lane. Those with operations that are not applied yet are
    left out: their drain follows, and maps by the new mappings."""
    cursor.execute(
        "select i.id::text, i.document from unnest(%b::uuid[]) k (id) cross join lateral"
        " (select id, document from identity where list_id = %s and id = k.id offset 0) i"
        # Read once, into a hash: a lane's backlog may be thousands of rows.
        " where i.id not in (select resource_id from journal where list_id = %s and lane = %s)",
        (list(ids), lane.list_id, *lane),
    )
    return {row[0]: row[1] for row in cursor.fetchall()}


def newest(cursor: Cursor, list_id: str, most: int) -> list[tuple[Document, str, dict[str, Any]]]:
    """The users whom the IdP added last and the people who follow them: (document, UID, fields) each."""
    cursor.execute(
        "select i.document, p.uid, p.fields from (select id, document from identity where list_id = %s"
        " order by list_id desc, created desc, id desc limit %s) i"
        " join person p on p.list_id = %s and p.identity_id = i.id",
        (list_id, most, list_id),
    )
    return [(row[0], row[1], row[2]) for row in cursor.fetchall()]


def differences(fields: Mapping[str, Any], values: Mapping[str, Value]) -> dict[str, Value]:
    """What a projection would change in a person's fields; None clears."""
    return {key: value for key, value in values.items() if fields.get(key) != value}
