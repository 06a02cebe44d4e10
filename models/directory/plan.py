"""What a run would do to a list before it does it, and the changes that it then applies, slice by slice."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from models import guard
from models.database import Cursor

SAMPLE = 8  # people of each kind who are shown
# Whom each change is about: the identity that Graph's user has (`i`) and the person who follows it (`h`), or for a user
# who is new the person who would be taken (`p`): by anchor, else by UID, as drains match them (V2).
_WHOM = (
    "select c.object_id, c.uid_key, c.document, c.active, c.kind, c.error, i.id as identity_id, i.active as was_active,"
    " i.document as was, case when i.id is null then p.active else h.active end as person_active,"
    " case when c.error is not null then 'failed' when c.kind <> 'user' then 'deactivated'"
    " when i.id is null and c.uid_key is null then 'waiting'"
    " when i.id is null then case when p.id is null then 'created' else 'adopted' end"
    " when c.active and not i.active then 'reactivated' when i.active and not c.active then 'deactivated'"
    " else 'updated' end as act from directory_change c"
    " left join identity i on i.list_id = c.list_id and i.external_id = c.object_id"
    " left join person h on h.list_id = c.list_id and h.identity_id = i.id"
    " left join lateral (select id, active from (select id, active from person"
    " where list_id = c.list_id and anchor = c.object_id union all"
    " select id, active from person where list_id = c.list_id and uid_key = c.uid_key) k limit 1) p"
    " on i.id is null and c.kind = 'user' where c.list_id = %(list)s"
)
_LEAVES = "(kind <> 'user' or not active) and error is null and person_active"


@dataclass(frozen=True, slots=True)
class Plan:
    """How many people a run creates, adopts, updates, reactivates and deactivates; `waiting` have no unique
    identifier, `shared` have one that another has as well, and `failed` could not be used."""

    created: int = 0
    adopted: int = 0
    updated: int = 0
    reactivated: int = 0
    deactivated: int = 0
    waiting: int = 0
    failed: int = 0
    shared: int = 0
    leaving: int = 0  # active people who become inactive, whatever else happens to them
    active: int = 0  # people who are active before it
    held: bool = False

    @property
    def changes(self) -> int:
        """How many users are changed at all."""
        return self.created + self.adopted + self.updated + self.reactivated + self.deactivated + self.waiting


class Sampled(NamedTuple):
    """One whom a run changes: what is done, whom the directory calls so, and their user name."""

    act: str
    name: str
    user_name: str


def plan(cursor: Cursor, list_id: str) -> Plan:
    """What applying would do now."""
    cursor.execute(f"select act, count(*) from ({_WHOM}) w group by act", {"list": list_id})
    counts: dict[str, int] = {act: number for act, number in cursor.fetchall()}
    cursor.execute(
        "select count(uid_key) - count(distinct uid_key) from directory_change"
        " where list_id = %(list)s and kind = 'user' and active",
        {"list": list_id},
    )
    shared = _number(cursor)
    cursor.execute(f"select count(*) from ({_WHOM}) w where {_LEAVES}", {"list": list_id})
    leaving = _number(cursor)
    active = guard.active(cursor, [list_id])[list_id]
    return Plan(
        **counts, shared=shared, leaving=leaving, active=active, held=_is_wave(cursor, list_id, leaving, active)
    )


def _is_wave(cursor: Cursor, list_id: str, leaving: int, active: int) -> bool:
    """Whether so many deactivations are held (V9): more than the guard allows, or everybody's, of however few, or
    those that are left of a wave whose run did not come to its end."""
    present = guard.of_list(cursor, list_id)
    if not present.enabled or not leaving:
        return False
    if present.holding is not None:
        return True
    lately = guard.lately(cursor, [list_id])[list_id]
    return lately + leaving > present.allowed(active + lately) or (lately + leaving > 1 and leaving >= active)


def samples(cursor: Cursor, list_id: str) -> list[Sampled]:
    """Some of those whom a run would change, of each kind."""
    cursor.execute(
        "select act, coalesce(name, object_id), coalesce(user_name, '') from (select act, object_id,"
        " coalesce(document, was)->>'displayName' as name, coalesce(document, was)->>'userName' as user_name,"
        f" row_number() over (partition by act order by object_id) as n from ({_WHOM}) w) r where n <= %(most)s"
        " order by act, n",
        {"list": list_id, "most": SAMPLE},
    )
    return [Sampled(*row) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Pending:
    """A change to be applied: `identity_id` is the user's of now, None for a new one. `squatter_id` is the id of an
    inactive user who has the user name still, and no change of their own that may give it up: Entra gave it to this
    one."""

    object_id: str
    kind: str
    document: str | None
    body: str | None
    identity_id: str | None
    was_active: bool
    squatter_id: str | None


def take(cursor: Cursor, list_id: str, limit: int) -> list[Pending]:
    """The next changes: who leaves first, then who is inactive, so that names and UIDs are free when others come."""
    cursor.execute(
        "select c.object_id, c.kind, c.document::text, c.body, i.id::text, coalesce(i.active, false), s.id::text"
        " from (select * from directory_change where list_id = %(list)s and failed = 0"
        " order by list_id, failed, kind, active, object_id limit %(limit)s) c"
        " left join identity i on i.list_id = c.list_id and i.external_id = c.object_id"
        " left join identity s on s.list_id = c.list_id and s.user_name_key = c.user_name_key and not s.active"
        " and s.external_id is distinct from c.object_id and not exists (select from directory_change d"
        " where d.list_id = s.list_id and d.object_id = s.external_id and d.failed = 0)"
        " order by c.kind, c.active, c.object_id",
        {"list": list_id, "limit": limit},
    )
    return [Pending(*row) for row in cursor.fetchall()]


def applied(cursor: Cursor, list_id: str, object_ids: Sequence[str]) -> None:
    """These changes are in `identity` now."""
    cursor.execute(
        "delete from directory_change where list_id = %s and object_id = any(%b::text[])", (list_id, list(object_ids))
    )


def refused(cursor: Cursor, list_id: str, sentences: Mapping[str, str]) -> None:
    """These could not be applied, and wait for the next try."""
    ids = sorted(sentences)
    cursor.execute(
        "update directory_change c set failed = 1, error = v.error from unnest(%b::text[], %b::text[])"
        " v (object_id, error) where c.list_id = %s and c.object_id = v.object_id",
        (ids, [sentences[one] for one in ids], list_id),
    )


def try_again(cursor: Cursor, list_id: str) -> int:
    """Let the refused ones be taken again: what stood in their way may be gone. Those that Graph sent in a form
    that cannot be kept wait for another form. Returns how many they are."""
    cursor.execute(
        "update directory_change set failed = 0, error = null where list_id = %s and failed > 0"
        " and (kind <> 'user' or document is not null)",
        (list_id,),
    )
    return cursor.rowcount


class Standing(NamedTuple):
    """A user who stands in the way of one that was refused, and was refused as well: two have swapped."""

    identity_id: str
    object_id: str
    has_name: bool  # has the user name that the other one is to get
    has_uid: bool


# Look-ups for each, in this order: joined, and without statistics, lists and changes were read whole for every one.
STANDING = (
    "select o.id::text, o.external_id, bool_or(o.by_name), not bool_and(o.by_name) from directory_change c"
    " cross join lateral (select id, external_id, true as by_name from identity"
    " where list_id = c.list_id and user_name_key = c.user_name_key"
    " union all select id, external_id, false from identity"
    " where list_id = c.list_id and uid_key = c.uid_key and active offset 0) o"
    " cross join lateral (select kind, failed, document is not null as told from directory_change"
    " where list_id = c.list_id and object_id = o.external_id offset 0) own"
    " where c.list_id = %s and c.failed > 0 and c.kind = 'user' and own.failed > 0 and own.kind = 'user'"
    " and o.external_id <> c.object_id and own.told group by o.id, o.external_id"
)


def in_each_others_way(cursor: Cursor, list_id: str) -> list[Standing]:
    """Users of refused changes who have what others of refused changes are to get."""
    cursor.execute(STANDING, (list_id,))
    return [Standing(*row) for row in cursor.fetchall()]


def count(cursor: Cursor, list_id: str) -> int:
    """How many changes are to be applied."""
    cursor.execute("select count(*) from directory_change where list_id = %s", (list_id,))
    return _number(cursor)


class Failure(NamedTuple):
    """A user whose change was refused, and why."""

    object_id: str
    name: str
    error: str


def failures(cursor: Cursor, list_id: str, limit: int) -> list[Failure]:
    """Some of those whose change was refused."""
    cursor.execute(
        "select object_id, coalesce(document->>'userName', object_id), error from directory_change"
        " where list_id = %s and error is not null order by object_id limit %s",
        (list_id, limit),
    )
    return [Failure(*row) for row in cursor.fetchall()]


def _number(cursor: Cursor) -> int:
    row = cursor.fetchone()
    assert row
    return int(row[0])


def ids(pending: Iterable[Pending]) -> list[str]:
    """The object ids of changes."""
    return [one.object_id for one in pending]
