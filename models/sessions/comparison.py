"""A copy beside its list as it is now: who is only in one of them, and who differs.

Somebody of the snapshot is the same person as in the list whatever became of the UID on either side; who was added
in the copy is whoever has the same UID in the list.

Each statement looks at so many people, and finds the other side of each by an index: a million of them take seconds,
but no statement ever meets its limit, whatever PostgreSQL knows of a copy that was taken a moment ago.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.database import Cursor
from models.search import Sql
from models.sessions.people import Copied
from models.sessions.sides import Difference, Sides, sides, three
from models.sessions.taking import Session

PAGE = 50
NEAR = 2_000  # people who are looked at in order of UID, before everybody is
SLICE = 20_000  # people whom one statement looks at, in a tenth of a second
COPY, LIST, DIFFER = "copy", "list", "differ"
KINDS = (COPY, LIST, DIFFER)
FIRST = "00000000-0000-0000-0000-000000000000"  # before every id


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


# Some people of the copy, each beside the same one of the list. Who was added is found by UID, unless the copy has
# that person already.
_COPIED = (
    "select from list_session_person o where o.list_id = p.list_id and o.session_id = %s and o.id = p.id"
    " and not o.removed"
)
_OF_COPY = (
    "(select * from list_session_person where list_id = %s and session_id = %s and not removed and {some}) s"
    " left join lateral (select p.* from person p where p.list_id = s.list_id and p.id = s.id and not s.added"
    " union all select p.* from person p where p.list_id = s.list_id and p.uid_key = s.uid_key and s.added"
    f" and not exists ({_COPIED}) offset 0) p on true"
)
# Some people of the list, each beside the same one of the copy. Who was added is among the changed ones, who are few.
_OF_LIST = (
    "(select * from person where list_id = %s and {some}) p left join lateral (select o.id from list_session_person o"
    " where o.list_id = p.list_id and o.session_id = %s and o.id = p.id and not o.removed"
    " union all select o.id from list_session_person o where o.list_id = p.list_id and o.session_id = %s"
    " and o.uid_key = p.uid_key and o.added and o.changed offset 0) s on true"
)


@dataclass(frozen=True, slots=True)
class _Look:
    """How people of one side are looked at: `table` has them, `source` some of them with who is beside them, as `s`
    or `p` (`row`), and `kinds` says of which kind they are."""

    table: str
    key: tuple[str, ...]  # what a primary key begins with
    row: str
    source: str
    parameters: tuple[str, ...]  # of the source, after those of the key and of `some`
    kinds: Mapping[str, Sql]

    def some(self, condition: Sql) -> Sql:
        """The source of those of whom a condition is true."""
        return Sql(self.source.format(some=condition.text), (*self.key, *condition.parameters, *self.parameters))

    @property
    def columns(self) -> str:
        """What the index that they are read by begins with."""
        return "list_id" if len(self.key) == 1 else "list_id, session_id"


def _looks(found: Sides) -> tuple[_Look, _Look]:
    session = found.session
    differs, wanted = found.differs(), session.filter.where()
    only_list = Sql(f"s.id is null and {wanted.text}", wanted.parameters)
    kinds = {COPY: Sql("p.id is null"), DIFFER: Sql(f"p.id is not null and {differs.text}", differs.parameters)}
    return (
        _Look("list_session_person", (session.list_id, session.id), "s", _OF_COPY, (session.id,), kinds),
        _Look("person", (session.list_id,), "p", _OF_LIST, (session.id, session.id), {LIST: only_list}),
    )


def _slices(cursor: Cursor, look: _Look) -> Iterator[Sql]:
    """Everybody of a side, some at a time, in the order of their rows."""
    mine, after = " and ".join(f"{one} = %s" for one in look.columns.split(", ")), FIRST
    while True:
        cursor.execute(
            f"select max(id::text) from (select id from {look.table} where {mine} and id > %s"
            f" order by {look.columns}, id limit %s) one",
            (*look.key, after, SLICE),
        )
        row = cursor.fetchone()
        if row is None or row[0] is None:
            return
        yield Sql(f"id > %s and id <= %s order by {look.columns}, id limit %s", (after, row[0], SLICE))
        after = row[0]


def counts(cursor: Cursor, session: Session) -> Counts:
    """How many of each kind there are."""
    found = sides(cursor, session)
    total = dict.fromkeys(KINDS, 0)
    for look in _looks(found):
        columns = ", ".join(f"count(*) filter (where {kind.text})" for kind in look.kinds.values())
        parameters = [value for kind in look.kinds.values() for value in kind.parameters]
        for some in _slices(cursor, look):
            source = look.some(some)
            cursor.execute(f"select {columns} from {source.text}", (*parameters, *source.parameters))
            for kind, count in zip(look.kinds, cursor.fetchone() or (), strict=True):
                total[kind] += count
    mine, theirs = ([field.label for field in only] for only in (found.copy, found.list))
    return Counts(total[COPY], total[LIST], total[DIFFER], mine, theirs)


_COLUMNS = {
    COPY: "s.id::text, s.uid, s.uid_key, s.added, s.fields",
    DIFFER: "s.id::text, s.uid, s.uid_key, s.added, s.active, s.fields, s.was, p.uid, p.active, p.fields",
    LIST: "p.id::text, p.uid, p.uid_key, exists (select from list_session_person r where r.list_id = p.list_id"
    " and r.session_id = %s and r.id = p.id), p.fields",
}


def page(cursor: Cursor, session: Session, kind: str, after: str | None = None, count: int = PAGE) -> list[Compared]:
    """Those of a kind after a UID's key, in order of UID, and one more than `count` where there are more.

    What many are is found among the next in that order; what few are, among everybody.
    """
    found = sides(cursor, session)
    look = next(one for one in _looks(found) if kind in one.kinds)
    edge = "" if after is None else after.replace("\x00", "")
    near = Sql(f"uid_key > %s order by {look.columns}, uid_key limit %s", (edge, max(NEAR, count + 1)))
    rows = _some(cursor, session, look, kind, near, edge, count + 1)
    if len(rows) <= count:
        rows = []
        for some in _slices(cursor, look):
            rows = _first(cursor, rows + _some(cursor, session, look, kind, some, edge, count + 1), count + 1)
    return [_compared(found, kind, row) for row in rows]


def _first(cursor: Cursor, rows: list[tuple[Any, ...]], count: int) -> list[tuple[Any, ...]]:
    """The first of these by the keys of their UIDs, in the order of the database's own collation."""
    cursor.execute(
        "select n from unnest(%s::text[]) with ordinality one (uid_key, n) order by uid_key limit %s",
        ([row[2] for row in rows], count),
    )
    return [rows[number - 1] for (number,) in cursor.fetchall()]


def _some(
    cursor: Cursor, session: Session, look: _Look, kind: str, some: Sql, edge: str, count: int
) -> list[tuple[Any, ...]]:
    source, condition = look.some(some), look.kinds[kind]
    cursor.execute(
        f"select {_COLUMNS[kind]} from {source.text} where {look.row}.uid_key > %s and {condition.text}"
        f" order by {look.row}.uid_key limit %s",
        (*([session.id] if kind == LIST else []), *source.parameters, edge, *condition.parameters, count),
    )
    return cursor.fetchall()


def _compared(found: Sides, kind: str, row: tuple[Any, ...]) -> Compared:
    mark = ("removed" if kind == LIST else "added") if row[3] else ""
    if kind != DIFFER:
        return Compared(row[0], row[1], row[2], mark, row[4], [])
    copy = {"uid": row[1], "active": row[4], "fields": row[5]}
    now = {"uid": row[7], "active": row[8], "fields": row[9]}
    snapshot = None if row[3] else row[6] or copy
    return Compared(row[0], row[1], row[2], mark, row[5], three(found, copy, snapshot, now))


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
