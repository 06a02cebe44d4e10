"""A copy beside its list after any history of both: against an oracle that holds them in two dictionaries."""

import contextlib
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import Taken, Unknown
from models.sessions import comparison, people
from models.sessions.taking import Session
from tests.models.sessions.conftest import School

UIDS = [f"u{number}" for number in range(7)]
ACTS = ("edit", "rename", "remove", "restore", "add", "list edit", "list rename", "list add", "list gone")
History = list[tuple[str, str, str]]


@dataclass
class Both:
    """The copy and the list, a row by id each: UID, value, and of the copy whether they were added."""

    copy: dict[str, tuple[str, str, bool]] = field(default_factory=dict)
    roster: dict[str, tuple[str, str]] = field(default_factory=dict)

    def kinds(self) -> dict[str, list[str]]:
        """The UIDs of each kind, in order."""
        beside = {id_: self._beside(id_) for id_ in self.copy}
        differ = [id_ for id_, other in beside.items() if other and self.copy[id_][:2] != self.roster[other]]
        return {
            "copy": sorted(self.copy[id_][0] for id_, other in beside.items() if other is None),
            "differ": sorted(self.copy[id_][0] for id_ in differ),
            "list": sorted(one[0] for id_, one in self.roster.items() if id_ not in beside.values()),
        }

    def _beside(self, id_: str) -> str | None:
        uid, _, added = self.copy[id_]
        if not added:
            return id_ if id_ in self.roster else None
        found = next((other for other, one in self.roster.items() if one[0] == uid), None)
        return found if found not in self.copy else None


def look(school: School, session: Session) -> Both:
    """Both sides as they are stored."""
    both = Both()
    rows = school.connection.execute(
        "select id::text, uid, coalesce(fields ->> 'locker', ''), added from list_session_person"
        " where list_id = %s and session_id = %s and not removed",
        (school.id, session.id),
    )
    both.copy = {row[0]: (row[1], row[2], row[3]) for row in rows.fetchall()}
    rows = school.connection.execute(
        "select id::text, uid, coalesce(fields ->> 'locker', '') from person where list_id = %s", (school.id,)
    )
    both.roster = {row[0]: (row[1], row[2]) for row in rows.fetchall()}
    return both


def act(school: School, session: Session, what: str, one: str, other: str) -> None:
    """One step of a history; what cannot be done is left."""
    where = {"list_id": school.id, "one": one, "other": other}
    with school.cursor() as cursor:
        if what == "add":
            people.add(cursor, school.id, session.id, "ruth", {"uid": one, "locker": other})
        elif what == "list edit":
            cursor.execute(
                "update person set fields = jsonb_build_object('locker', %(other)s::text)"
                " where list_id = %(list_id)s and uid = %(one)s", where,
            )  # fmt: skip
        elif what == "list rename":
            cursor.execute(
                "update person p set uid = %(other)s, uid_key = %(other)s where list_id = %(list_id)s and uid = %(one)s"
                " and not exists (select from person o where o.list_id = p.list_id and o.uid = %(other)s)", where,
            )  # fmt: skip
        elif what == "list gone":
            cursor.execute("delete from person where list_id = %(list_id)s and uid = %(one)s", where)
        elif what != "list add":
            in_copy(school, session, cursor, what, one, other)
    if what == "list add" and one not in {uid for uid, _ in look(school, session).roster.values()}:
        school.add(one, locker=other)


def in_copy(school: School, session: Session, cursor: Any, what: str, one: str, other: str) -> None:
    who = people.known(cursor, session, one)
    if what == "remove":
        people.remove(cursor, school.id, session.id, who.id, who.version, "ruth")
    elif what == "restore":
        people.restore(cursor, school.id, session.id, who.id, "ruth")
    else:
        typed = {"uid": other} if what == "rename" else {"locker": other}
        people.edit(cursor, school.id, session.id, who.id, who.version, "ruth", typed)


steps = st.lists(st.tuples(st.sampled_from(ACTS), st.sampled_from(UIDS), st.sampled_from(UIDS)), max_size=14)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=steps, size=st.integers(1, 3))
def test_whatever_happened_each_kind_is_counted_and_paged_as_it_is(
    school: School, monkeypatch: pytest.MonkeyPatch, history: History, size: int
) -> None:
    monkeypatch.setattr(comparison, "SLICE", size)
    monkeypatch.setattr(comparison, "NEAR", size)
    school.connection.execute("delete from list_session_person where list_id = %s", (school.id,))
    school.connection.execute("delete from list_session where list_id = %s", (school.id,))
    school.connection.execute("delete from person where list_id = %s", (school.id,))
    for uid in UIDS[:4]:
        school.add(uid, locker="1")
    session = school.take()
    for step in history:
        with contextlib.suppress(Taken, Unknown):
            act(school, session, *step)

    wanted = look(school, session).kinds()
    with school.cursor() as cursor:
        counted = comparison.counts(cursor, session)
        paged = {kind: everybody(cursor, session, kind, size) for kind in comparison.KINDS}
    assert paged == wanted
    assert (counted.copy, counted.list, counted.differ) == tuple(len(wanted[kind]) for kind in comparison.KINDS)


def everybody(cursor: Any, session: Session, kind: str, size: int) -> list[str]:
    found, after = list[str](), None
    while True:
        page = comparison.page(cursor, session, kind, after, size)
        found += [one.uid for one in page[:size]]
        if len(page) <= size:
            return found
        after = page[size - 1].uid_key
