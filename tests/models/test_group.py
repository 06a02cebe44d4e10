"""Groups: what becomes of members, as sets and as rows."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from models import acceptance, database, group
from models.change import Accepted, Change, Outcome, Request
from models.database import Connection
from models.errors import Refused
from models.group import SAME, Members
from models.resource import GROUP, USER, Document
from models.text import new_id

LIST, OTHER = "abcdefghij", "zyxwvutsrq"
NAMES = st.frozensets(st.sampled_from("abcde"), max_size=5)
STEPS = st.lists(st.tuples(st.sampled_from(["add", "remove", "keep"]), NAMES), max_size=6)


def carried_out(members: Members, present: frozenset[str]) -> frozenset[str]:
    """What a change of members means, read plainly."""
    stay = present - members.without if members.only is None else present & members.only
    return stay | members.plus


@given(STEPS, NAMES)
def test_any_sequence_of_steps_comes_to_one_change_of_sets(
    steps: list[tuple[str, frozenset[str]]], present: frozenset[str]
) -> None:
    members, expected = SAME, present
    for step, names in steps:
        members = getattr(members, step)(names)
        expected = {"add": expected | names, "remove": expected - names, "keep": expected & names}[step]

    assert carried_out(members, present) == expected


def change(verb: str, resource_id: str | None = None, *, list_id: str = LIST, **document: Any) -> Change:
    """A change to a group that sets these attributes; `members` is a `Members`."""

    def apply(present: Document | None) -> Document:
        return {"schemas": ["urn"], **(present or {}), **document}

    return Change(list_id, verb, Request("r"), apply, resource_id, GROUP, most_members=10)


def create_users(connection: Connection, *names: str, list_id: str = LIST) -> list[str]:
    def made(name: str) -> Change:
        return Change(list_id, "create", Request("r"), lambda _: {"userName": name, "active": True})

    asked = [made(name) for name in names]
    return [one.id for one in accept(connection, *asked) if isinstance(one, Accepted)]


def accept(connection: Connection, *changes: Change) -> list[Outcome]:
    with database.transaction(connection, [LIST, OTHER]) as cursor:
        outcomes, _ = acceptance.accept(cursor, changes, {LIST: "userName", OTHER: "userName"})
    return outcomes


def one(connection: Connection, asked: Change) -> Accepted:
    """What a change that must be accepted came to."""
    (outcome,) = accept(connection, asked)
    assert isinstance(outcome, Accepted), outcome
    return outcome


def members_of(connection: Connection, group_id: str) -> set[str]:
    with database.transaction(connection, [LIST, OTHER]) as cursor:
        return set(group.members_of(cursor, {(LIST, group_id)}).get(group_id, []))


def test_members_come_and_go_and_are_counted(connection: Connection) -> None:
    ada, bob, eve = create_users(connection, "ada", "bob", "eve")
    staff = one(connection, change("create", displayName="Staff", members=SAME.add([ada, bob])))

    moved = one(connection, change("update", staff.id, members=SAME.remove([ada]).add([eve])))
    again = one(connection, change("update", staff.id, members=SAME.remove([ada]).add([eve])))

    assert (staff.member_count, staff.members) == (2, sorted([ada, bob]))
    assert (moved.member_count, moved.version, moved.members) == (2, 2, sorted([bob, eve]))
    assert again.version == 2
    assert members_of(connection, staff.id) == {bob, eve}


def test_a_replacement_leaves_whom_it_names(connection: Connection) -> None:
    ada, bob, eve = create_users(connection, "ada", "bob", "eve")
    staff = one(connection, change("create", displayName="Staff", members=SAME.add([ada, bob])))

    one(connection, change("update", staff.id, members=SAME.keep([]).add([bob, eve])))

    assert members_of(connection, staff.id) == {bob, eve}


def test_an_unknown_member_is_refused_by_name_and_nothing_of_the_change_is_kept(connection: Connection) -> None:
    [ada] = create_users(connection, "ada")
    [elsewhere] = create_users(connection, "eve", list_id=OTHER)
    staff = one(connection, change("create", displayName="Staff", members=SAME.add([ada])))

    for stranger in (new_id(), elsewhere, staff.id):
        asked = change("update", staff.id, displayName="Crew", members=SAME.keep([]).add([stranger]))
        (refused,) = accept(connection, asked)

        assert isinstance(refused, group.UnknownMember)
        assert stranger in refused.detail
    assert members_of(connection, staff.id) == {ada}
    assert one(connection, change("update", staff.id)).document["displayName"] == "Staff"


def test_a_group_may_have_members_that_are_made_beside_it(connection: Connection) -> None:
    made = new_id()
    user = Change(LIST, "create", Request("r"), lambda _: {"userName": "ada", "active": True}, made, USER)

    group_, user_ = accept(connection, change("create", displayName="Staff", members=SAME.add([made])), user)

    assert isinstance(group_, Accepted)
    assert isinstance(user_, Accepted)
    assert members_of(connection, group_.id) == {made}


def test_a_deleted_user_leaves_every_group_and_the_groups_are_others_from_then_on(connection: Connection) -> None:
    ada, bob = create_users(connection, "ada", "bob")
    staff = one(connection, change("create", displayName="Staff", members=SAME.add([ada, bob])))

    accept(connection, Change(LIST, "delete", Request("r"), lambda present: present or {}, ada))

    after = one(connection, change("update", staff.id))
    assert (after.member_count, after.version) == (1, 2)
    assert members_of(connection, staff.id) == {bob}


def test_a_name_is_unique_in_any_case_among_the_groups_of_a_list(connection: Connection) -> None:
    staff = one(connection, change("create", displayName="Staff"))
    crew = one(connection, change("create", displayName="Crew"))
    one(connection, change("create", displayName="STAFF", list_id=OTHER))

    (created,) = accept(connection, change("create", displayName="staff "))
    (renamed,) = accept(connection, change("update", crew.id, displayName="STAFF"))
    own = one(connection, change("update", staff.id, displayName="STAFF"))

    for refused in (created, renamed):
        assert isinstance(refused, Refused)
        assert (refused.status, refused.scim_type) == (409, "uniqueness")
        assert staff.id in refused.detail
    assert own.document["displayName"] == "STAFF"


def test_groups_and_their_members_end_with_the_group(connection: Connection) -> None:
    [ada] = create_users(connection, "ada")
    staff = one(connection, change("create", displayName="Staff", members=SAME.add([ada])))

    one(connection, change("delete", staff.id))

    assert members_of(connection, staff.id) == set()
    with database.transaction(connection, [LIST, OTHER]) as cursor:
        assert group.of_users(cursor, {(LIST, ada)}) == {}


def test_a_change_for_another_version_is_refused(connection: Connection) -> None:
    staff = one(connection, change("create", displayName="Staff"))
    late = replace(change("update", staff.id, displayName="Crew"), expects=frozenset({"7"}))

    (refused,) = accept(connection, late)

    assert isinstance(refused, Refused)
    assert refused.status == 412
    assert 'is for version W/"7", and this group is at W/"1"' in refused.detail


def test_members_are_written_in_slices(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "SLICE", 3)
    users = create_users(connection, *(f"u{n}" for n in range(7)))

    staff = one(connection, change("create", displayName="Staff", members=SAME.add(users)))

    assert staff.member_count == 7
    assert members_of(connection, staff.id) == set(users)


def test_times_are_kept_in_milliseconds(connection: Connection) -> None:
    staff = one(connection, change("create", displayName="Staff"))

    assert staff.created.microsecond % 1000 == 0
    assert staff.created <= datetime.now(UTC)
