"""People as an operator looks through them: searched, page by page, counted; and one person whole."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.database import Cursor
from models.errors import Unknown
from models.search import TRUE, Sql, join
from models.text import fold, literal

PAGE = 50
NEAR = 5_000  # people that a search looks at one by one, before it asks the index
LONGEST_SEARCH = 100
SHORTEST = 3  # letters that the index on text finds anywhere
LARGE, COUNTED_EVERY = 20_000, 10.0
STATUS = {"active": " and p.active", "inactive": " and not p.active", "all": ""}
ACTIVE = {"active": True, "inactive": False, "all": None}


@dataclass(frozen=True, slots=True)
class Row:
    """One person of a list."""

    id: str
    uid: str
    uid_key: str
    active: bool
    synced: bool  # whether an IdP's user is behind them
    held: bool  # whether their deactivation waits for an operator (V9)
    fields: Mapping[str, Any]
    version: int
    modified_at: datetime
    anchor: str | None
    identity_id: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some people in order of UID; `before` and `after` are the keys that the pages around them begin at."""

    rows: Sequence[Row]
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many people a list has."""

    total: int
    inactive: int
    synced: int

    @property
    def active(self) -> int:
        """Those who are not inactive."""
        return self.total - self.inactive


_counted: dict[str, tuple[float, Counts]] = {}  # of large lists, and until when

_COLUMNS = (
    "p.id, p.uid, p.uid_key, p.active, p.identity_id is not null, p.held_seq is not null, p.fields, p.version,"
    " p.modified_at, p.anchor, p.identity_id"
)


def page(
    cursor: Cursor, list_id: str, status: str, search: str, after: str | None, before: str | None, count: int = PAGE
) -> Page:
    """The people after a key, or before one, in order of UID.

    What many have is found among the first in that order. What fewer have is collected by the index on text and
    sorted, since a walk in order would look at everybody: 77 ms against 10 for 8 % of 100,000 people.
    """
    backwards = before is not None
    edge = before if backwards else after
    edge = edge.replace("\x00", "") if edge is not None else None
    condition, parameters = f"p.list_id = %s{STATUS[status]}", [list_id]
    if edge is not None:
        condition += f" and p.uid_key {'<' if backwards else '>'} %s"
        parameters.append(edge)
    order = f"order by p.list_id, p.uid_key {'desc' if backwards else 'asc'} limit %s"
    found_by = matching(search)
    near = f"(select * from person p where {condition} {order})"
    cursor.execute(
        f"select {_COLUMNS} from {near} p where {found_by.text} {order}",
        (*parameters, NEAR if found_by.parameters else count + 1, *found_by.parameters, count + 1),
    )
    found = [_row(row) for row in cursor.fetchall()]
    if found_by.parameters and len(found) <= count:
        long = [word for word in words(search) if len(word) >= SHORTEST]
        anywhere = (
            saying(list_id, long, ACTIVE[status], *((None, edge) if backwards else (edge, None)))
            if long
            else Sql(f"(select * from person p where {condition} offset 0)", tuple(parameters))
        )
        cursor.execute(
            f"select {_COLUMNS} from {anywhere.text} p where {found_by.text} {order}",
            (*anywhere.parameters, *found_by.parameters, count + 1),
        )
        found = [_row(row) for row in cursor.fetchall()]
    more, shown = len(found) > count, found[:count]
    if backwards:
        shown.reverse()
    return Page(
        shown,
        shown[0].uid_key if shown and (more if backwards else after is not None) else None,
        shown[-1].uid_key if shown and (backwards or more) else None,
    )


def matching(search: str) -> Sql:
    """The condition on people `p` that every word of a search is theirs."""
    return join("and", [TRUE, *map(_contains, words(search))])


def words(search: str) -> list[str]:
    """What a search looks for, folded."""
    return fold(search[:LONGEST_SEARCH]).replace("\x00", "").split()


def saying(
    list_id: str, words: Sequence[str], active: bool | None = None, after: str | None = None,
    before: str | None = None, most: int | None = None,
) -> Sql:  # fmt: skip
    """People with all of these words, by the index on text: a table to select from.

    Row-level security would forbid the index to the serving role (LIKE is not leakproof), so that the tables' owner
    looks; of a list that the transaction has not named there is nobody.
    """
    pairs = [_patterns(word) for word in words]
    besides = [whole for _, whole in pairs if whole is not None]
    return Sql(
        "muster_people_like(%s, %s::text[], %s::text[], %s::boolean, %s::text, %s::text, %s::bigint)",
        (list_id, [indexed for indexed, _ in pairs], besides, active, after, before, most),
    )


def _contains(word: str) -> Sql:
    """Any part of a value; of one or two letters, which no index finds, the beginning of a word."""
    if len(word) >= SHORTEST:
        return contains(word)
    return Sql("(p.search like %s or p.search like %s)", (f"{literal(word)}%", f"% {literal(word)}%"))


def contains(word: str) -> Sql:
    """Text of people `p` with this word in it."""
    return Sql("p.search like %s", (f"%{literal(word)}%",))


def _patterns(word: str) -> tuple[str, str | None]:
    """What the index is asked for, and what has to be so besides. Of an e-mail address it is asked for what stands
    before the @: everybody has the rest, and each piece of three letters is looked up (8,829 pages for 1,000,000
    people, 1,486 so)."""
    rare, at, _ = word.partition("@")
    whole = f"%{literal(word)}%"
    return (f"%{literal(rare)}@%", whole) if at and len(rare) >= SHORTEST else (whole, None)


def _row(row: tuple[Any, ...]) -> Row:
    identity_id = str(row[-1]) if row[-1] is not None else None
    return Row(*(str(row[0]), *row[1:-1], identity_id))


def find(cursor: Cursor, list_id: str, person_id: str, lock: bool = False) -> Row:
    """One person; with `lock`, whom nobody else changes until the transaction ends."""
    locked = " for no key update" if lock else ""
    cursor.execute(f"select {_COLUMNS} from person p where p.list_id = %s and p.id = %s{locked}", (list_id, person_id))
    row = cursor.fetchone()
    if row is None:
        raise Unknown("this person is not in the list (any more)")
    return _row(row)


def counts(cursor: Cursor, list_id: str) -> Counts:
    """How many there are: three counts, each along an index.

    A large list's, which take 10 ms for 100,000 people, are counted at most every `COUNTED_EVERY` seconds a process.
    """
    known = _counted.get(list_id)
    if known is None or known[0] < time.monotonic():
        found = _count(cursor, list_id)
        if found.total < LARGE:
            return found
        known = _counted[list_id] = time.monotonic() + COUNTED_EVERY, found
    return known[1]


def _count(cursor: Cursor, list_id: str) -> Counts:
    cursor.execute(
        "select (select count(*) from person where list_id = %(list)s),"
        " (select count(*) from person where list_id = %(list)s and not active),"
        " (select count(*) from person where list_id = %(list)s and identity_id is not null)",
        {"list": list_id},
    )
    row = cursor.fetchone()
    assert row
    return Counts(*row)


def groups_of(cursor: Cursor, list_id: str, identity_id: str) -> list[str]:
    """The names of the groups that the IdP put a user into."""
    cursor.execute(
        "select g.display_name from group_member m join scim_group g on g.list_id = m.list_id and g.id = m.group_id"
        " where m.list_id = %s and m.identity_id = %s order by g.display_name_key limit 200",
        (list_id, identity_id),
    )
    return [row[0] for row in cursor.fetchall()]
