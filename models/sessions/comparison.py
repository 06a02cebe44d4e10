"""A copy beside its list as it is now: who is only in one of them, and who differs, in SQL over whole sets.

Somebody of the snapshot is the same person as in the list whatever became of the UID on either side; who was added
in the copy is whoever has the same UID in the list. Fields that only one side has (any more) are named once, not for
each person; values of a field that was given another type meanwhile are compared as text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models import master_list
from models.database import Cursor
from models.mapping import Field
from models.search import Sql
from models.sessions.people import Copied
from models.sessions.taking import Session

PAGE = 50
COPY, LIST, DIFFER = "copy", "list", "differ"
KINDS = (COPY, LIST, DIFFER)


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one person: the copy's value, the snapshot's, and the list's now."""

    label: str
    copy: Any
    snapshot: Any
    list: Any


@dataclass(frozen=True, slots=True)
class Compared:
    """Somebody who is not the same on both sides; `id` is theirs in the copy, or else in the list."""

    id: str
    uid: str
    uid_key: str
    mark: str  # added or removed, in the copy
    fields: Mapping[str, Any]
    differences: Sequence[Difference]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many people are only in the copy, only in the list, differ; and the fields that only one side has."""

    copy: int
    list: int
    differ: int
    fields_of_copy: Sequence[str]
    fields_of_list: Sequence[str]


@dataclass(frozen=True, slots=True)
class Sides:
    """The fields of both sides, by whom they are on."""

    session: Session
    common: Sequence[Field]  # as the copy calls them
    retyped: Sequence[str]
    copy: Sequence[Field]
    list: Sequence[Field]
    retired: Sequence[str]  # keys of fields that the list had, of which values may be left

    def differs(self) -> Sql:
        """Whether a person of the copy `s` is another than in the list `p`."""
        # What only one side has, or had, is taken out of its values; what remains is compared at one go.
        mine = [field.key for field in self.copy] + list(self.retyped)
        theirs = [field.key for field in self.list] + [*self.retyped, *self.retired]
        text = "s.uid <> p.uid or s.active <> p.active or s.fields - %s::text[] <> p.fields - %s::text[]"
        text += "".join(" or s.fields ->> %s is distinct from p.fields ->> %s" for _ in self.retyped)
        return Sql(f"({text})", (mine, theirs, *(key for key in self.retyped for _ in range(2))))


def sides(cursor: Cursor, session: Session) -> Sides:
    """Which fields can be compared."""
    now = {field.key: field for field in master_list.fields(cursor, session.list_id) if not field.uid}
    mine = {field.key: field for field in session.fields if not field.uid}
    common = [field for key, field in mine.items() if key in now]
    return Sides(
        session,
        common,
        [field.key for field in common if field.type != now[field.key].type],
        [field for key, field in mine.items() if key not in now],
        [field for key, field in now.items() if key not in mine],
        sorted(master_list.retired(cursor, session.list_id)),
    )


# Each person of the copy beside the same one of the list. Who was added is found by UID, unless the copy has that
# person already.
_PAIRED = (
    "(select s.*, p.id as p_id, p.uid as p_uid, p.active as p_active, p.fields as p_fields"
    " from list_session_person s join person p on p.list_id = s.list_id and p.id = s.id"
    " where s.list_id = %s and s.session_id = %s and not s.removed and not s.added and {differs}"
    " union all select s.*, p.id, p.uid, p.active, p.fields"
    " from list_session_person s join person p on p.list_id = s.list_id and p.uid_key = s.uid_key"
    " where s.list_id = %s and s.session_id = %s and s.added and {differs} and not exists ({copied}))"
)
_COPIED = (
    "select from list_session_person o where o.list_id = p.list_id and o.session_id = s.session_id and o.id = p.id"
    " and not o.removed"
)
_ONLY_COPY = (
    "from list_session_person s where s.list_id = %s and s.session_id = %s and not s.removed and case when s.added"
    " then not exists (select from person p where p.list_id = s.list_id and p.uid_key = s.uid_key"
    f" and not exists ({_COPIED}))"
    " else not exists (select from person p where p.list_id = s.list_id and p.id = s.id) end"
)
_ONLY_LIST = (
    "from person p where p.list_id = %s and {where}"
    " and not exists (select from list_session_person s where s.list_id = p.list_id and s.session_id = %s"
    " and s.id = p.id and not s.removed)"
    " and not exists (select from list_session_person s where s.list_id = p.list_id and s.session_id = %s"
    " and s.uid_key = p.uid_key and s.added)"
)


def _paired(found: Sides) -> Sql:
    differs, session = found.differs(), found.session
    key = (session.list_id, session.id)
    text = _PAIRED.format(differs=differs.text, copied=_COPIED)
    return Sql(text, (*key, *differs.parameters, *key, *differs.parameters))


def _only_list(session: Session) -> Sql:
    where = session.filter.where()
    return Sql(_ONLY_LIST.format(where=where.text), (session.list_id, *where.parameters, session.id, session.id))


def counts(cursor: Cursor, session: Session) -> Counts:
    """How many of each kind there are; 100,000 people take about a second."""
    found = sides(cursor, session)
    paired, only_list = _paired(found), _only_list(session)
    cursor.execute(
        f"select (select count(*) {_ONLY_COPY}), (select count(*) {only_list.text}),"
        f" (select count(*) from {paired.text} d)",
        (session.list_id, session.id, *only_list.parameters, *paired.parameters),
    )
    row = cursor.fetchone()
    assert row
    return Counts(row[0], row[1], row[2], [field.label for field in found.copy], [field.label for field in found.list])


def page(cursor: Cursor, session: Session, kind: str, after: str | None = None, count: int = PAGE) -> list[Compared]:
    """Those of a kind after a UID's key, in order of UID, and one more than `count` where there are more."""
    edge = "" if after is None else after.replace("\x00", "")
    if kind == LIST:
        return _page_of_list(cursor, session, edge, count)
    found = sides(cursor, session)
    if kind == COPY:
        columns = "s.id::text, s.uid, s.uid_key, s.added, s.fields"
        cursor.execute(
            f"select {columns} {_ONLY_COPY} and s.uid_key > %s order by s.uid_key limit %s",
            (session.list_id, session.id, edge, count + 1),
        )
        return [Compared(row[0], row[1], row[2], "added" if row[3] else "", row[4], []) for row in cursor.fetchall()]
    paired = _paired(found)
    cursor.execute(
        "select d.id::text, d.uid, d.uid_key, d.added, d.active, d.fields, d.was, d.p_uid, d.p_active, d.p_fields"
        f" from {paired.text} d where d.uid_key > %s order by d.uid_key limit %s",
        (*paired.parameters, edge, count + 1),
    )
    return [_differing(found, row) for row in cursor.fetchall()]


def _page_of_list(cursor: Cursor, session: Session, edge: str, count: int) -> list[Compared]:
    only = _only_list(session)
    removed = (
        "exists (select from list_session_person r where r.list_id = p.list_id and r.session_id = %s and r.id = p.id)"
    )
    cursor.execute(
        f"select p.id::text, p.uid, p.uid_key, {removed}, p.fields {only.text} and p.uid_key > %s"
        " order by p.uid_key limit %s",
        (session.id, *only.parameters, edge, count + 1),
    )
    return [Compared(row[0], row[1], row[2], "removed" if row[3] else "", row[4], []) for row in cursor.fetchall()]


def _differing(found: Sides, row: tuple[Any, ...]) -> Compared:
    copy = {"uid": row[1], "active": row[4], "fields": row[5]}
    now = {"uid": row[7], "active": row[8], "fields": row[9]}
    snapshot = None if row[3] else row[6] or copy
    return Compared(row[0], row[1], row[2], "added" if row[3] else "", row[5], three(found, copy, snapshot, now))


def of_person(cursor: Cursor, session: Session, one: Copied) -> list[Difference]:
    """Where copy, snapshot and list do not say the same of somebody in the copy."""
    cursor.execute(
        "select uid, active, fields from person where list_id = %s and " + ("uid_key = %s" if one.added else "id = %s"),
        (session.list_id, one.uid_key if one.added else one.id),
    )
    row = cursor.fetchone()
    now = {"uid": row[0], "active": row[1], "fields": row[2]} if row else None
    copy = {"uid": one.uid, "active": one.active, "fields": one.fields}
    return three(sides(cursor, session), copy, one.original, now)


def three(
    found: Sides, copy: Mapping[str, Any], snapshot: Mapping[str, Any] | None, now: Mapping[str, Any] | None
) -> list[Difference]:
    """Where copy, snapshot and list do not say the same of one person; of each: uid, active and fields."""
    rows = [Difference("UID", *(one and one["uid"] for one in (copy, snapshot, now)))]
    rows.append(Difference("Status", *(one and _status(one["active"]) for one in (copy, snapshot, now))))
    rows += [
        Difference(field.label, *(one and one["fields"].get(field.key) for one in (copy, snapshot, now)))
        for field in found.common
    ]
    return [one for one in rows if not _same(one, snapshot is None, now is None)]


def _status(active: bool) -> str:
    return "Active" if active else "Inactive"


def _same(one: Difference, no_snapshot: bool, no_list: bool) -> bool:
    others = [*([] if no_snapshot else [one.snapshot]), *([] if no_list else [one.list])]
    return all(_text(other) == _text(one.copy) for other in others)


def _text(value: Any) -> str:
    return "" if value is None else str(value)
