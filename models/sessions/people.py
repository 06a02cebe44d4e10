"""The people of a copy: found, edited, added, removed. Every field is editable, the UID and the status included."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from models import mapping, person, person_page
from models.database import Cursor
from models.errors import Refused, Taken, Unknown
from models.mapping import Field
from models.sessions import taking
from models.sessions.taking import Session
from models.text import equality_key, is_line, new_id

PAGE = 50
APART = "\x1f"  # which stands between a UID's key and an id
SHOWN = ("all", "changed")
UID = "uid"  # the key of its field


@dataclass(frozen=True, slots=True)
class Copied:
    """Somebody in a copy. `was`: uid, active and fields as the snapshot had them, where they were changed."""

    id: str
    uid: str
    uid_key: str
    active: bool
    fields: Mapping[str, Any]
    was: Mapping[str, Any] | None
    added: bool
    removed: bool
    changed: bool
    version: int
    changed_by: str | None
    changed_at: datetime | None

    @property
    def original(self) -> Mapping[str, Any] | None:
        """As they were in the snapshot; None where they were added afterwards."""
        return None if self.added else self.was or {"uid": self.uid, "active": self.active, "fields": self.fields}

    @property
    def place(self) -> str:
        """Where a page may end: a UID's key and an id."""
        return f"{self.uid_key}{APART}{self.id}"

    @property
    def mark(self) -> str:
        """What was done to them, in a word; empty for nothing."""
        return "added" if self.added else "removed" if self.removed else "changed" if self.changed else ""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a copy's people in order of UID; `before` and `after` are the places that the pages around begin at."""

    rows: Sequence[Copied]
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many people are in a copy now, and what was done to it."""

    people: int
    added: int
    removed: int
    changed: int


COLUMNS = (
    "p.id::text, p.uid, p.uid_key, p.active, p.fields, p.was, p.added, p.removed, p.changed, p.version, p.changed_by,"
    " p.changed_at"
)


def page(
    cursor: Cursor, session: Session, shown: str, search: str, after: str | None, before: str | None, count: int = PAGE
) -> Page:
    """The people after a place, or before one; all who are in the copy, or all who were changed, removed ones too: of
    those one may have the UID of somebody who was added."""
    backwards = before is not None
    edge, direction = (before, "desc") if backwards else (after, "asc")
    match = person_page.matching(search)
    condition, parameters = f"p.{'changed' if shown == 'changed' else 'removed = false'} and {match.text}", list[str]()
    if edge is not None:
        sign = "<" if backwards else ">"
        uid_key, _, person_id = edge.replace("\x00", "").rpartition(APART)
        # The first comparison is the index's.
        condition += f" and p.uid_key {sign}= %s and (p.uid_key, p.id::text) {sign} (%s, %s)"
        parameters += [uid_key, uid_key, person_id]
    cursor.execute(
        f"select {COLUMNS} from list_session_person p where p.list_id = %s and p.session_id = %s and {condition}"
        f" order by p.uid_key {direction}, p.id::text {direction} limit %s",
        (session.list_id, session.id, *match.parameters, *parameters, count + 1),
    )
    found = [Copied(*row) for row in cursor.fetchall()]
    more, rows = len(found) > count, found[:count]
    if backwards:
        rows.reverse()
    return Page(
        rows,
        rows[0].place if rows and (more if backwards else after is not None) else None,
        rows[-1].place if rows and (backwards or more) else None,
    )


def counts(cursor: Cursor, session: Session) -> Counts:
    """How many there are in the copy now, and how many were added, removed and changed."""
    cursor.execute(
        "select (select count(*) from list_session_person where list_id = %(list)s and session_id = %(id)s"
        " and not removed), count(*) filter (where added), count(*) filter (where removed),"
        " count(*) filter (where not added and not removed)"
        " from list_session_person where list_id = %(list)s and session_id = %(id)s and changed",
        {"list": session.list_id, "id": session.id},
    )
    row = cursor.fetchone()
    assert row
    return Counts(*row)


def find(cursor: Cursor, list_id: str, session_id: str, person_id: str, lock: bool = False) -> Copied:
    """One of them."""
    cursor.execute(
        f"select {COLUMNS} from list_session_person p where p.list_id = %s and p.session_id = %s and p.id = %s"
        + (" for update" if lock else ""),
        (list_id, session_id, person_id),
    )
    row = cursor.fetchone()
    if row is None:
        raise Unknown("this person is not in the session (any more)")
    return Copied(*row)


def fitted(fields: Sequence[Field], typed: Mapping[str, str], present: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed, by key, as the fields keep it; None clears. What is as it was is left out."""
    sent = [
        field for field in fields if not field.uid and field.key in typed and typed[field.key] != present.get(field.key)
    ]
    values = {field.key: mapping.fit(field, typed[field.key]) for field in sent}
    return {key: value for key, value in values.items() if present.get(key) != value}


def edit(
    cursor: Cursor,
    list_id: str,
    session_id: str,
    person_id: str,
    version: int,
    by: str,
    typed: Mapping[str, str],
    active: bool | None = None,
) -> list[str]:
    """Change somebody in the copy: what was typed, by field key, the UID's among them, and the status.

    Refused where the session is not open, or the person is at another version by now. Returns the labels of what
    changed.
    """
    session = taking.opened(cursor, list_id, session_id)
    one = find(cursor, list_id, session_id, person_id, lock=True)
    if one.version != version:
        raise Taken("this person was changed in the meantime: look at the new values, then edit again")
    if one.removed:
        raise Taken("this person was removed from the session: restore them first")
    uid = _uid(typed[UID]) if UID in typed else one.uid
    active = one.active if active is None else active
    changed = fitted(session.fields, typed, one.fields)
    fields = {key: value for key, value in {**one.fields, **changed}.items() if value is not None}
    touched = [field.label for field in session.fields if field.key in changed or (field.uid and uid != one.uid)]
    touched += ["Status"] if active != one.active else []
    if touched:
        _write(cursor, session, one, uid, active, fields, by)
    return touched


def _uid(text: str) -> str:
    if not is_line(text.strip(), person.LONGEST_UID):
        raise Refused(f"a person needs a UID of 1 to {person.LONGEST_UID} characters, on one line")
    return text.strip()


def _write(
    cursor: Cursor, session: Session, one: Copied, uid: str, active: bool, fields: Mapping[str, Any], by: str
) -> None:
    new = {"uid": uid, "active": active, "fields": fields}
    was = None if one.added or new == one.original else one.original
    _update(
        cursor, session, one.id, uid,
        "uid = %s, uid_key = %s, active = %s, fields = %s, search = muster_person_text(%s, %s), was = %s, changed = %s,"
        " changed_by = %s",
        uid, equality_key(uid), active, Jsonb(dict(fields)), uid, Jsonb(dict(fields)),
        None if was is None else Jsonb(dict(was)), one.added or was is not None, by,
    )  # fmt: skip


def _update(cursor: Cursor, session: Session, person_id: str, uid: str, changes: str, *parameters: Any) -> None:
    try:
        with cursor.connection.transaction():
            cursor.execute(
                f"update list_session_person set {changes}, version = version + 1, changed_at = clock_timestamp()"
                " where list_id = %s and session_id = %s and id = %s",
                (*parameters, session.list_id, session.id, person_id),
            )
    except UniqueViolation:
        raise Taken(f"UID '{uid}' belongs to another person of this session") from None


def add(cursor: Cursor, list_id: str, session_id: str, by: str, typed: Mapping[str, str], active: bool = True) -> str:
    """Somebody who is in the copy alone; returns their id."""
    session = taking.opened(cursor, list_id, session_id)
    uid, person_id = _uid(typed.get(UID, "")), new_id()
    wanted = {field.key: typed.get(field.key, "") for field in session.fields if not field.uid}
    fields = {key: value for key, value in fitted(session.fields, wanted, {}).items() if value is not None}
    cursor.execute(
        "insert into list_session_person (list_id, session_id, id, uid, uid_key, active, fields, search, added,"
        " changed, changed_by, changed_at) values (%s, %s, %s, %s, %s, %s, %s, muster_person_text(%s, %s), true,"
        " true, %s, clock_timestamp()) on conflict do nothing",
        (
            list_id, session_id, person_id, uid, equality_key(uid), active, Jsonb(fields), uid,
            Jsonb(fields), by,
        ),
    )  # fmt: skip
    if cursor.rowcount != 1:
        raise Taken(f"UID '{uid}' belongs to another person of this session")
    return person_id


def remove(cursor: Cursor, list_id: str, session_id: str, person_id: str, version: int, by: str) -> Copied:
    """Take somebody out of the copy. Who was in the snapshot is marked, and can be restored."""
    session = taking.opened(cursor, list_id, session_id)
    one = find(cursor, list_id, session_id, person_id, lock=True)
    if one.version != version or one.removed:
        raise Taken("this person was changed in the meantime: look again")
    if one.added:
        cursor.execute(
            "delete from list_session_person where list_id = %s and session_id = %s and id = %s",
            (list_id, session_id, person_id),
        )
    else:
        _update(cursor, session, one.id, one.uid, "removed = true, changed = true, changed_by = %s", by)
    return one


def restore(cursor: Cursor, list_id: str, session_id: str, person_id: str, by: str) -> Copied:
    """Put somebody who was removed back, as they were then."""
    session = taking.opened(cursor, list_id, session_id)
    one = find(cursor, list_id, session_id, person_id, lock=True)
    if not one.removed:
        raise Taken("this person is in the session: look again")
    _update(cursor, session, one.id, one.uid, "removed = false, changed = was is not null, changed_by = %s", by)
    return one


def known(cursor: Cursor, session: Session, uid: str) -> Copied:
    """Whoever has a UID in the copy, or had it when they were removed from it."""
    cursor.execute(
        f"select {COLUMNS} from list_session_person p where p.list_id = %s and p.session_id = %s and p.uid_key = %s"
        " order by p.removed, p.id limit 1",
        (session.list_id, session.id, equality_key(uid)),
    )
    row = cursor.fetchone()
    if row is None:
        raise Unknown(f"nobody in session '{session.name}' has the UID '{uid}'")
    return Copied(*row)
