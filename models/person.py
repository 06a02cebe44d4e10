"""People: the rows of a Master List. IdPs write mapped fields, operators the others."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from models import master_list
from models.database import Connection, Cursor, transaction
from models.errors import Refused, Taken, Unknown
from models.text import equality_key, fold, is_line, new_id

_encode = msgspec.json.Encoder().encode
SEPARATOR = "\x1f"
LONGEST_UID = 250  # characters, of one that is typed


class Person(msgspec.Struct):
    """A person, in memory while a drain changes them.

    `put` and `cleared` gather what is to be merged into the stored fields; the row is never
    replaced whole, since an operator may be editing its local fields at this moment.
    """

    list_id: str
    id: str
    uid: str
    uid_key: str
    anchor: str | None
    identity_id: str | None
    active: bool
    fields: dict[str, Any]
    stored_uid_key: str | None = None  # None: not stored yet
    stored_holder: str | None = None
    # A held deactivation (V9): the seq of the operation that asked for it, and when that was accepted.
    held_seq: int | None = None
    held_at: datetime | None = None
    put: dict[str, Any] = {}
    cleared: set[str] = set()


_COLUMNS = "list_id, id::text, uid, uid_key, anchor, identity_id::text, active, fields, held_seq, held_at"


def lock_matching(
    cursor: Cursor,
    holders: Sequence[tuple[str, str]],
    anchors: Sequence[tuple[str, str]],
    uid_keys: Sequence[tuple[str, str]],
) -> list[Person]:
    """The people whom these identities hold, or who have these anchors or UIDs: locked, in order of id.

    Each argument is (list id, key) pairs.
    """
    # The plan is pinned as in `identity.lock`.
    cursor.execute(
        "select p.* from (select distinct list_id, id from ("
        "select v.list_id, p.id from unnest(%b::text[], %b::uuid[]) v (list_id, key) cross join lateral"
        " (select id from person where list_id = v.list_id and identity_id = v.key offset 0) p"
        " union all select v.list_id, p.id from unnest(%b::text[], %b::text[]) v (list_id, key) cross join lateral"
        " (select id from person where list_id = v.list_id and anchor = v.key offset 0) p"
        " union all select v.list_id, p.id from unnest(%b::text[], %b::text[]) v (list_id, key) cross join lateral"
        " (select id from person where list_id = v.list_id and uid_key = v.key offset 0) p"
        ") k order by list_id, id offset 0) k cross join lateral"
        f" (select {_COLUMNS} from person where list_id = k.list_id and id = k.id for no key update) p",
        (*_columns(holders), *_columns(anchors), *_columns(uid_keys)),
    )
    return [_person(row) for row in cursor.fetchall()]


def of_uids(cursor: Cursor, list_id: str, uid_keys: Sequence[str]) -> list[Person]:
    """The people of a list who have these UIDs, as they are now: nobody is locked."""
    cursor.execute(
        f"select p.* from unnest(%b::text[]) v (key) cross join lateral (select {_COLUMNS} from person"
        " where list_id = %s and uid_key = v.key offset 0) p",
        (list(uid_keys), list_id),
    )
    return [_person(row) for row in cursor.fetchall()]


def _columns(pairs: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _person(row: tuple[Any, ...]) -> Person:
    return Person(*(row[:8] + (row[3], row[5]) + row[8:]))


def write(cursor: Cursor, people: Sequence[Person]) -> None:
    """Store what a drain changed: holders and UIDs that change hands are given up before they are taken."""
    known = [person for person in people if person.stored_uid_key is not None]
    fresh = [person for person in people if person.stored_uid_key is None]
    if known:
        _give_up(cursor, known)
        _update(cursor, known)
    if fresh:
        _insert(cursor, sorted(fresh, key=lambda person: (person.list_id, person.uid_key)))


def _give_up(cursor: Cursor, known: Sequence[Person]) -> None:
    moved = [one for one in known if one.uid_key != one.stored_uid_key]
    left = [one for one in known if one.stored_holder is not None and one.identity_id != one.stored_holder]
    if not moved and not left:
        return
    cursor.execute(
        "update person set uid_key = case when id = any(%b::uuid[]) then '\x01' || id::text else uid_key end,"
        " identity_id = case when id = any(%b::uuid[]) then null else identity_id end"
        " from unnest(%b::text[], %b::uuid[]) v (in_list, person_id)"
        " where list_id = v.in_list and id = v.person_id",
        (
            [one.id for one in moved],
            [one.id for one in left],
            [one.list_id for one in [*moved, *left]],
            [one.id for one in [*moved, *left]],
        ),
    )


def _update(cursor: Cursor, people: Sequence[Person]) -> None:
    cursor.execute(
        "update person p set uid = v.uid, uid_key = v.uid_key, anchor = v.anchor, identity_id = v.identity_id,"
        " active = v.active, fields = (p.fields - string_to_array(v.cleared, chr(31))) || v.put::jsonb,"
        " held_seq = v.held_seq, held_at = v.held_at, search = v.search, version = p.version + 1,"
        " modified_at = clock_timestamp()"
        " from unnest(%b::text[], %b::uuid[], %b::text[], %b::text[], %b::text[], %b::uuid[], %b::bool[],"
        " %b::text[], %b::text[], %b::text[], %b::int8[], %b::timestamptz[])"
        " v (list_id, id, uid, uid_key, anchor, identity_id, active, search, put, cleared, held_seq, held_at)"
        " where p.list_id = v.list_id and p.id = v.id",
        (
            *_parameters(people),
            [_encode(person.put).decode() for person in people],
            [SEPARATOR.join(person.cleared) for person in people],
            [person.held_seq for person in people],
            [person.held_at for person in people],
        ),
    )


def _insert(cursor: Cursor, people: Sequence[Person]) -> None:
    cursor.execute(
        "insert into person (list_id, id, uid, uid_key, anchor, identity_id, active, search, fields)"
        " select v.* from unnest(%b::text[], %b::uuid[], %b::text[], %b::text[], %b::text[], %b::uuid[],"
        " %b::bool[], %b::text[], %b::jsonb[]) v",
        (*_parameters(people), [_encode(person.fields).decode() for person in people]),
    )


def _parameters(people: Sequence[Person]) -> tuple[list[Any], ...]:
    return (
        [person.list_id for person in people],
        [person.id for person in people],
        [person.uid for person in people],
        [person.uid_key for person in people],
        [person.anchor for person in people],
        [person.identity_id for person in people],
        [person.active for person in people],
        [_words(person) for person in people],
    )


def _words(person: Person) -> str:
    """What a search for people looks through: their UID and values, folded, each word once."""
    values = [value for key, value in (person.fields | person.put).items() if key not in person.cleared]
    return " ".join(dict.fromkeys(fold(" ".join(map(str, (person.uid, *values)))).split()))


def add(cursor: Cursor, list_id: str, uid: str, values: dict[str, Any]) -> str:
    """A person added by hand; returns the id."""
    uid = uid.strip()
    if not is_line(uid, LONGEST_UID):
        raise Refused(f"a person needs a UID of 1 to {LONGEST_UID} characters, on one line")
    person_id = new_id()
    cursor.execute(
        "insert into person (list_id, id, uid, uid_key, fields) values (%s, %s, %s, %s, %s)"
        " on conflict (list_id, uid_key) do nothing",
        (list_id, person_id, uid, equality_key(uid), Jsonb(values)),
    )
    if cursor.rowcount != 1:
        raise Taken(f"UID '{uid}' belongs to another person of this list, active or inactive")
    return person_id


class ChangedMeanwhile(Taken):
    """A person is at another version than the one that was seen."""


def edit(cursor: Cursor, list_id: str, person_id: str, version: int | None, values: dict[str, Any]) -> int:
    """An operator's edit of fields (by key; None clears); returns the new version.

    Refused where a field is locked (V4), or where the person is at another version (None: any) by now.
    """
    locked = locked_fields(cursor, list_id)
    cursor.execute(
        "select version, identity_id is not null from person where list_id = %s and id = %s for no key update",
        (list_id, person_id),
    )
    row = cursor.fetchone()
    if row is None:
        raise Unknown(f"no person has the id '{person_id}' in this list")
    if version is not None and row[0] != version:
        raise ChangedMeanwhile("this person was changed in the meantime: look at the new values, then edit again")
    for key in values if row[1] else ():
        if key in locked:
            raise Refused(f"{locked[key]} is written by the identity provider: change it there, or unmap the field")
    cursor.execute(
        "update person set fields = (fields - %b::text[]) || %s, search = null, version = version + 1,"
        " modified_at = clock_timestamp() where list_id = %s and id = %s returning version",
        (
            [key for key, value in values.items() if value is None],
            Jsonb({key: value for key, value in values.items() if value is not None}),
            list_id,
            person_id,
        ),
    )
    changed = cursor.fetchone()
    assert changed
    return int(changed[0])


def reactivate(cursor: Cursor, list_id: str, person_id: str) -> None:
    """Make a person active again by hand; it holds until the IdP's next push for them (V4)."""
    cursor.execute(
        "update person set active = true, version = version + 1, modified_at = clock_timestamp()"
        " where list_id = %s and id = %s and not active",
        (list_id, person_id),
    )
    if cursor.rowcount != 1:
        raise Taken("this person is active already, or not in the list any more: look again")


def deactivate(cursor: Cursor, list_id: str, person_id: str) -> str:
    """Make a person inactive by hand, who stays in the list; it holds until the IdP's next push for them (V4).
    Returns the key of their UID."""
    cursor.execute(
        "update person set active = false, version = version + 1, modified_at = clock_timestamp()"
        " where list_id = %s and id = %s and active and held_seq is null returning uid_key",
        (list_id, person_id),
    )
    row = cursor.fetchone()
    if row is None:
        cursor.execute("select held_seq from person where list_id = %s and id = %s and active", (list_id, person_id))
        if cursor.fetchone():
            raise Taken("this person's deactivation is held: release or discard it with the other held ones")
        raise Taken("this person is inactive already, or not in the list any more: look again")
    return str(row[0])


def with_uid(cursor: Cursor, list_id: str, uid: str) -> str | None:
    """The id of the person who has a UID, in any case."""
    cursor.execute("select id::text from person where list_id = %s and uid_key = %s", (list_id, equality_key(uid)))
    row = cursor.fetchone()
    return row[0] if row else None


def locked_fields(cursor: Cursor, list_id: str) -> dict[str, str]:
    """The fields that the list's IdP writes, key to label; none where it is not connected."""
    cursor.execute(
        "select m.field from field_mapping m join connection c on c.list_id = m.list_id"
        " where m.list_id = %s and m.enabled",
        (list_id,),
    )
    keys = {row[0] for row in cursor.fetchall()}
    return {item.key: item.label for item in master_list.fields(cursor, list_id) if item.key in keys}


def people(connection: Connection, list_id: str, status: str) -> Iterator[dict[str, Any]]:
    """Everyone of a list, or the active or inactive ones, in order of UID, as `muster people --json` prints them."""
    condition = {"active": " and active", "inactive": " and not active", "all": ""}[status]
    with transaction(connection, [list_id]) as cursor:
        labels = {item.key: item.label for item in master_list.fields(cursor, list_id)}
        gone = master_list.retired(cursor, list_id)
        with connection.cursor(name="people") as stream:
            stream.itersize = 2_000
            stream.execute(
                "select id, uid, anchor, identity_id, active, fields from person"
                f" where list_id = %s{condition} order by uid_key",
                (list_id,),
            )
            for row in stream:
                yield {
                    "id": row[0],
                    "uid": row[1],
                    "anchor": row[2],
                    "identity_id": row[3],
                    "active": row[4],
                    "fields": {labels.get(key, key): value for key, value in row[5].items() if key not in gone},
                }
