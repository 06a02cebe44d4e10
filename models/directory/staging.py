"""What was pulled from a directory and is not applied yet: the last word about each user, and who is in which group.

A user is recognised by Graph's object id, which is the identity's `external_id`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from models.database import Cursor

# Kinds of changes, in the order in which they are applied.
GONE, LEAVE, USER = "gone", "leave", "user"  # deleted for good; out of scope or of the directory; properties


@dataclass(frozen=True, slots=True)
class Pulled:
    """One user as a page tells of them. `document` and `body` are JSON texts: ours, and what Graph sent."""

    object_id: str
    kind: str
    document: str | None = None
    body: str | None = None
    uid_key: str | None = None
    user_name_key: str | None = None
    active: bool = False
    manager_due: bool = False
    error: str | None = None


class Member(NamedTuple):
    """A membership as a page tells of it."""

    group_id: str
    object_id: str
    removed: bool


def stage(cursor: Cursor, list_id: str, round: int, pulled: Iterable[Pulled]) -> None:
    """Keep a page; of one that comes twice, the last word."""
    once = {one.object_id: one for one in pulled}
    rows = [once[key] for key in sorted(once)]
    if not rows:
        return
    cursor.execute(
        "insert into directory_change (list_id, object_id, round, kind, document, body, uid_key, user_name_key, active,"
        " manager_due, failed, error) select %s, v.object_id, %s, v.kind, v.document::jsonb, v.body, v.uid_key,"
        " v.user_name_key, v.active, v.manager_due, case when v.error is null then 0 else 1 end, v.error from"
        " unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::bool[], %b::bool[],"
        " %b::text[]) v (object_id, kind, document, body, uid_key, user_name_key, active, manager_due, error)"
        " on conflict (list_id, object_id) do update set round = excluded.round, kind = excluded.kind,"
        " document = excluded.document, body = excluded.body, uid_key = excluded.uid_key,"
        " user_name_key = excluded.user_name_key, active = excluded.active, manager_due = excluded.manager_due,"
        " failed = excluded.failed, error = excluded.error",
        (
            list_id,
            round,
            [one.object_id for one in rows],
            [one.kind for one in rows],
            [one.document for one in rows],
            [one.body for one in rows],
            [one.uid_key for one in rows],
            [one.user_name_key for one in rows],
            [one.active for one in rows],
            [one.manager_due for one in rows],
            [one.error for one in rows],
        ),
    )


def members(cursor: Cursor, list_id: str, object_ids: Sequence[str]) -> set[str]:
    """Those of these users who are in a chosen group."""
    cursor.execute(
        "select distinct object_id from directory_member where list_id = %s and object_id = any(%b::text[])",
        (list_id, list(object_ids)),
    )
    return {row[0] for row in cursor.fetchall()}


def note_read(cursor: Cursor, list_id: str, object_ids: Sequence[str]) -> None:
    """These users' properties were read."""
    cursor.execute(
        "update directory_member set fetched = true where list_id = %s and object_id = any(%b::text[]) and not fetched",
        (list_id, list(object_ids)),
    )


def forget_read(cursor: Cursor, list_id: str) -> None:
    """Everybody's properties are to be read anew."""
    cursor.execute("update directory_member set fetched = false where list_id = %s and fetched", (list_id,))


def unread(cursor: Cursor, list_id: str, limit: int) -> list[str]:
    """Members whose properties are to be read."""
    cursor.execute(
        "select distinct object_id from directory_member where list_id = %s and not fetched"
        " order by object_id limit %s",
        (list_id, limit),
    )
    return [row[0] for row in cursor.fetchall()]


def note_members(cursor: Cursor, list_id: str, round: int, told: Iterable[Member]) -> None:
    """Keep what a page tells of groups. Who is in another chosen group is known already."""
    last = {(one.group_id, one.object_id): one.removed for one in told}
    gone = sorted(key for key, removed in last.items() if removed)
    there = sorted(key for key, removed in last.items() if not removed)
    if gone:
        cursor.execute(
            "delete from directory_member m using unnest(%b::text[], %b::text[]) v (group_id, object_id)"
            " where m.list_id = %s and m.group_id = v.group_id and m.object_id = v.object_id",
            ([group for group, _ in gone], [member for _, member in gone], list_id),
        )
    if there:
        cursor.execute(
            "insert into directory_member as m (list_id, group_id, object_id, round, fetched)"
            " select %s, v.group_id, v.object_id, %s, exists (select from directory_member k where k.list_id = %s"
            " and k.object_id = v.object_id and k.fetched) from unnest(%b::text[], %b::text[]) v (group_id, object_id)"
            " on conflict (list_id, group_id, object_id) do update set round = excluded.round"
            " where m.round <> excluded.round",
            (list_id, round, list_id, [group for group, _ in there], [member for _, member in there]),
        )


def forget_group(cursor: Cursor, list_id: str, group_id: str) -> None:
    """A group was deleted: nobody is in it any more."""
    cursor.execute("delete from directory_member where list_id = %s and group_id = %s", (list_id, group_id))


def forget_absent_members(cursor: Cursor, list_id: str, round: int, group_ids: Sequence[str]) -> None:
    """Of groups that were read anew, forget whom the new round did not name."""
    cursor.execute(
        "delete from directory_member where list_id = %s and group_id = any(%b::text[]) and round < %s",
        (list_id, list(group_ids), round),
    )


def count_members(cursor: Cursor, list_id: str) -> int:
    """How many users are in the chosen groups."""
    return _count(cursor, "select count(distinct object_id) from directory_member where list_id = %s", list_id)


def managers_due(cursor: Cursor, list_id: str, limit: int) -> list[str]:
    """Whose manager is to be asked for."""
    cursor.execute(
        "select object_id from directory_change where list_id = %s and manager_due order by object_id limit %s",
        (list_id, limit),
    )
    return [row[0] for row in cursor.fetchall()]


def set_managers(cursor: Cursor, list_id: str, path: Sequence[str], managers: dict[str, str | None]) -> None:
    """Add managers (JSON texts, None: there is none) to documents, at a path of members."""
    ids = sorted(managers)
    cursor.execute(
        "update directory_change c set manager_due = false, document = case when v.manager is null then c.document"
        " else jsonb_set(jsonb_set(c.document, %b::text[], coalesce(c.document #> %b::text[], '{}')), %b::text[],"
        " v.manager::jsonb) end from unnest(%b::text[], %b::text[]) v (object_id, manager)"
        " where c.list_id = %s and c.object_id = v.object_id",
        (list(path[:-1]), list(path[:-1]), list(path), ids, [managers[one] for one in ids], list_id),
    )


def settle(cursor: Cursor, list_id: str, round: int, scoped: bool, complete: bool) -> int:
    """Compare what was pulled with what is known, and keep the differences; returns how many users were as before.

    `scoped`: the list holds members of groups, otherwise everybody. `complete`: everybody was read anew, so that
    whom Graph did not name is not there any more. Nobody is deleted for it: who is missing leaves.
    """
    parameters = {"list": list_id, "round": round}
    if scoped:
        outside = "not exists (select from directory_member m where m.list_id = %(list)s and m.object_id = {})"
        _leave(cursor, outside.format("c.object_id"), outside.format("i.external_id"), parameters)
    elif complete:
        # No look into the table that is written: joined with itself, without statistics, it was read whole for each.
        unseen = (
            "not exists (select from directory_change k where k.list_id = %(list)s and k.object_id = i.external_id)"
        )
        _leave(cursor, "c.round < %(round)s", unseen, parameters)
    cursor.execute(
        "delete from directory_change c where c.list_id = %(list)s and c.kind <> 'user' and not exists"
        " (select from identity i where i.list_id = %(list)s and i.external_id = c.object_id"
        " and (i.active or c.kind = 'gone'))",
        parameters,
    )
    cursor.execute(
        "delete from directory_change c using identity i where c.list_id = %(list)s and c.kind = 'user'"
        " and i.list_id = %(list)s and i.external_id = c.object_id and i.document = c.document",
        parameters,
    )
    return cursor.rowcount


def _leave(cursor: Cursor, staged: str, known: str, parameters: dict[str, Any]) -> None:
    """Have everybody leave who meets a condition: of what is staged, or of who is known and active."""
    cursor.execute(
        "update directory_change c set kind = 'leave', document = null, active = false, manager_due = false,"
        f" failed = 0, error = null where c.list_id = %(list)s and c.kind = 'user' and {staged}",
        parameters,
    )
    cursor.execute(
        "insert into directory_change (list_id, object_id, round, kind, active)"
        " select %(list)s, i.external_id, %(round)s, 'leave', false from identity i where i.list_id = %(list)s"
        f" and i.active and i.external_id is not null and {known} on conflict (list_id, object_id) do nothing",
        parameters,
    )


def _count(cursor: Cursor, question: str, list_id: str) -> int:
    cursor.execute(question, (list_id,))
    row = cursor.fetchone()
    assert row
    return int(row[0])
