"""Taking a session, and what becomes of it: open, closed, archived, opened again, deleted."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from models import job, person_page
from models.database import Cursor
from models.errors import Refused, Taken, Unknown
from models.fields import rewriting, schema
from models.fields.schema import Schema
from models.mapping import LONGEST_TYPED, Field
from models.search import Sql, join
from models.text import equality_key, is_line, new_id

OPEN, CLOSED, ARCHIVED, DELETING = "open", "closed", "archived", "deleting"
LONGEST_NAME = 100  # characters
SECONDS = 300  # that a snapshot may take: 1,000,000 people need about 20
SLICE = 2_000  # people who are deleted at a time


@dataclass(frozen=True, slots=True)
class Filter:
    """Whom a session is of: by status, by words of a search, by the value of a field (its key; None: whatever).

    The value is empty for those who have none.
    """

    status: str = "all"
    search: str = ""
    field: str | None = None
    value: str = ""

    def where(self) -> Sql:
        """The condition on people `p`."""
        parts = [person_page.matching(self.search)]
        if self.status != "all":
            parts.append(Sql("p.active" if self.status == "active" else "not p.active"))
        if self.field is not None:
            parts.append(Sql("coalesce(p.fields ->> %s, '') = %s", (self.field, self.value)))
        return join("and", parts)

    def as_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {"status": self.status, "search": self.search, "field": self.field, "value": self.value}


@dataclass(frozen=True, slots=True)
class Session:
    """A copy. `fields` is the list's schema of that moment; `changed` counts the people who were changed in it."""

    list_id: str
    id: str
    name: str
    state: str
    fields: tuple[Field, ...]
    filter: Filter
    taken: int
    taken_by: str
    taken_at: datetime
    state_by: str | None
    state_at: datetime | None
    changed: int

    @property
    def is_open(self) -> bool:
        """Whether it may be edited."""
        return self.state == OPEN


_SESSIONS = (
    "select s.list_id, s.id::text, s.name, s.state, s.fields, s.filter, s.taken, s.taken_by, s.taken_at, s.state_by,"
    " s.state_at, (select count(*) from list_session_person p where p.list_id = s.list_id and p.session_id = s.id"
    " and p.changed) from list_session s where s.list_id = %s"
)


def take(cursor: Cursor, list_id: str, name: str, by: str, wanted: Filter | None = None) -> str:
    """Copy the people of a list, and its schema, as they are at this moment; returns the session's id.

    One statement, hence one moment; nobody is held up by it. Refused where the fields are changed meanwhile.
    """
    wanted, name = wanted or Filter(), name.strip()
    if not is_line(name, LONGEST_NAME):
        raise Refused(f"a session needs a name of 1 to {LONGEST_NAME} characters, on one line")
    present = schema.read(cursor, list_id)
    rewriting.require_idle(cursor, list_id)
    wanted = _checked(wanted, present)
    session_id = new_id()
    cursor.execute(
        "insert into list_session (list_id, id, name, name_key, state, fields, filter, taken, taken_by)"
        " values (%s, %s, %s, %s, %s, %s, %s, 0, %s) on conflict (list_id, name_key) do nothing",
        (
            list_id, session_id, name, equality_key(name), OPEN, Jsonb([field.as_json() for field in present.fields]),
            Jsonb(wanted.as_json()), by,
        ),
    )  # fmt: skip
    if cursor.rowcount != 1:
        raise Taken(f"the list has a session called '{name}', maybe an archived one: choose another name")
    _copy(cursor, list_id, session_id, wanted)
    if schema.read(cursor, list_id).version != present.version:
        raise Taken("the fields of this list were changed at this moment: take the session again")
    return session_id


def _checked(wanted: Filter, present: Schema) -> Filter:
    if wanted.status not in person_page.STATUS:
        raise Refused(f"status '{wanted.status}' does not exist: choose one of {', '.join(person_page.STATUS)}")
    if "\x00" in wanted.search + wanted.value:
        raise Refused("what to choose people by holds a character that cannot be stored: remove it")
    if len(wanted.search) > person_page.LONGEST_SEARCH or len(wanted.value) > LONGEST_TYPED:
        raise Refused(
            f"a search to choose people by has {person_page.LONGEST_SEARCH} characters at most, and a value"
            f" {LONGEST_TYPED:,}: shorten it"
        )
    if wanted.field is None:
        if wanted.value:
            raise Refused(f"say which field is to have the value '{wanted.value[:60]}' to choose people by it")
        return wanted
    field = present.changeable(wanted.field)
    # In any case, as a value finds its option.
    option = next((one for one in field.options if one.casefold() == wanted.value.casefold()), wanted.value)
    return replace(wanted, value=option)


def _copy(cursor: Cursor, list_id: str, session_id: str, wanted: Filter) -> None:
    where = wanted.where()
    cursor.execute("select set_config('statement_timeout', %s, true)", (f"{SECONDS}s",))
    cursor.execute(
        "insert into list_session_person (list_id, session_id, id, uid, uid_key, active, fields, search)"
        " select p.list_id, %s, p.id, p.uid, p.uid_key, p.active, p.fields - l.retired_fields, coalesce(p.search, '')"
        f" from person p join master_list l on l.id = p.list_id where p.list_id = %s and {where.text}",
        (session_id, list_id, *where.parameters),
    )
    cursor.execute(
        "update list_session set taken = %s where list_id = %s and id = %s", (cursor.rowcount, list_id, session_id)
    )


def _session(row: tuple[Any, ...]) -> Session:
    fields = tuple(Field.from_json(field) for field in row[4])
    return Session(*(*row[:4], fields, Filter(**row[5]), *row[6:]))


def listing(cursor: Cursor, list_id: str, archived: bool = False) -> list[Session]:
    """A list's sessions, newest first; archived ones only where they are asked for."""
    states = [OPEN, CLOSED, *((ARCHIVED, DELETING) if archived else ())]
    cursor.execute(f"{_SESSIONS} and s.state = any(%s) order by s.taken_at desc, s.id", (list_id, states))
    return [_session(row) for row in cursor.fetchall()]


def find(cursor: Cursor, list_id: str, wanted: str, lock: bool = False) -> Session:
    """One session by its id or its name; `lock` keeps its state until the transaction ends."""
    cursor.execute(
        f"{_SESSIONS} and (s.id::text = %s or s.name_key = %s) order by s.id::text = %s desc limit 1"
        + (" for share of s" if lock else ""),
        (list_id, wanted, equality_key(wanted), wanted),
    )
    row = cursor.fetchone()
    if row is None:
        raise Unknown(f"this list has no session '{wanted}' (any more)")
    return _session(row)


def opened(cursor: Cursor, list_id: str, session_id: str) -> Session:
    """A session that may be edited, and stays so until the transaction ends."""
    found = find(cursor, list_id, session_id, lock=True)
    if not found.is_open:
        raise Taken(f"session '{found.name}' is {found.state}: open it again to change it")
    return found


_FROM: Mapping[str, tuple[str, ...]] = {CLOSED: (OPEN,), ARCHIVED: (OPEN, CLOSED), OPEN: (CLOSED, ARCHIVED)}


def change_state(cursor: Cursor, list_id: str, session_id: str, state: str, by: str) -> None:
    """Close (read-only), archive (out of sight) or open again."""
    _move(cursor, list_id, session_id, state, by, _FROM[state])


def _move(cursor: Cursor, list_id: str, session_id: str, state: str, by: str, before: tuple[str, ...]) -> None:
    cursor.execute(
        "update list_session set state = %s, state_by = %s, state_at = clock_timestamp()"
        " where list_id = %s and id = %s and state = any(%s)",
        (state, by, list_id, session_id, list(before)),
    )
    if cursor.rowcount != 1:
        found = find(cursor, list_id, session_id)
        raise Taken(f"session '{found.name}' is {found.state}: it cannot become {state}")


def delete(cursor: Cursor, list_id: str, session_id: str, by: str) -> str:
    """Have an archived session deleted for good; returns the job's id."""
    _move(cursor, list_id, session_id, DELETING, by, (ARCHIVED,))
    job_id = job.begin(cursor, list_id, job.SESSION, {"session": session_id})
    assert job_id
    return job_id


def purge(cursor: Cursor, list_id: str, session_id: str) -> bool:
    """Delete one slice of a session that is to go; False when it is gone."""
    cursor.execute(
        "delete from list_session_person where list_id = %s and session_id = %s and id in"
        " (select id from list_session_person where list_id = %s and session_id = %s limit %s)",
        (list_id, session_id, list_id, session_id, SLICE),
    )
    if cursor.rowcount:
        return True
    cursor.execute(
        "delete from list_session where list_id = %s and id = %s and state = %s", (list_id, session_id, DELETING)
    )
    return False


def using(cursor: Cursor, list_id: str, key: str) -> list[str]:
    """The names of the sessions that have a field; they keep it, whatever becomes of the list's."""
    cursor.execute(
        "select name from list_session where list_id = %s and state <> %s and fields @> %s order by taken_at desc",
        (list_id, DELETING, Jsonb([{"key": key}])),
    )
    return [row[0] for row in cursor.fetchall()]
