"""Bulk requests: an outcome for each operation, references whichever way they point, one transaction."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from ingress.scim.errors import InvalidValue
from models import bulk, database, group
from models.bulk import Bulk, Operation
from models.change import Accepted, Change, Outcome, Request
from models.database import Connection
from models.errors import Refused
from models.group import SAME
from models.resource import GROUP, USER
from tests.factories import ENTERPRISE

LIST = "abcdefghij"


def user(name: str, manager: str | None = None, *, active: bool = True) -> Operation:
    """A POST of a user whose bulkId is the name; `manager` is another one's."""

    def build(ids: Mapping[str, str]) -> Change:
        document: dict[str, Any] = {"userName": name, "active": active}
        if manager is not None:
            document[ENTERPRISE] = {"manager": {"value": ids[manager]}}
        return Change(LIST, "create", Request("r"), lambda _: document)

    return Operation(name, (manager,) if manager is not None else (), build)


def staff(*members: str) -> Operation:
    """A POST of a group with these users, by bulkId."""

    def build(ids: Mapping[str, str]) -> Change:
        added = SAME.add(ids[one] for one in members)
        return Change(LIST, "create", Request("r"), lambda _: {"displayName": "Staff", "members": added}, None, GROUP)

    return Operation("staff", members, build)


def rename(bulk_id: str, name: str) -> Operation:
    """A PATCH of a user that is made in the same request."""

    def build(ids: Mapping[str, str]) -> Change:
        change = lambda present: {**(present or {}), "userName": name}  # noqa: E731
        return Change(LIST, "update", Request("r"), change, ids[bulk_id], USER)

    return Operation(None, (bulk_id,), build)


def delete(bulk_id: str) -> Operation:
    def build(ids: Mapping[str, str]) -> Change:
        return Change(LIST, "delete", Request("r"), lambda present: present or {}, ids[bulk_id], USER)

    return Operation(None, (bulk_id,), build)


def unreadable(bulk_id: str | None = None) -> Operation:
    """One that was refused before it came to a change."""

    def build(ids: Mapping[str, str]) -> Change:
        raise Refused("not readable")

    return Operation(bulk_id, (), build)


def accept(connection: Connection, *operations: Operation, most_errors: int | None = None) -> list[Outcome | None]:
    with database.transaction(connection, [LIST]) as cursor:
        outcomes, _ = bulk.accept(cursor, Bulk(operations, most_errors), {LIST: "userName"})
    return outcomes


def accepted(outcome: Outcome | None) -> Accepted:
    assert isinstance(outcome, Accepted), outcome
    return outcome


def status(outcome: Outcome | None) -> int | None:
    return outcome.status if isinstance(outcome, Refused) else None if outcome is None else 200


def manager_of(one: Accepted) -> str:
    manager: str = one.document[ENTERPRISE]["manager"]["value"]
    return manager


def test_a_reference_points_back_or_ahead(connection: Connection) -> None:
    boss, group_, ada = map(accepted, accept(connection, user("boss"), staff("ada", "boss"), user("ada", "boss")))

    assert manager_of(ada) == boss.id
    assert group_.member_count == 2


def test_users_may_refer_to_each_other_in_a_circle(connection: Connection) -> None:
    one, two, three = map(accepted, accept(connection, user("a", "b"), user("b", "c"), user("c", "a")))

    assert (manager_of(one), manager_of(two), manager_of(three)) == (two.id, three.id, one.id)


@pytest.mark.parametrize("taken", ["a", "b", "c"])
def test_who_stands_on_a_failure_fails_in_a_circle_too(connection: Connection, taken: str) -> None:
    accepted(accept(connection, user(taken))[0])

    outcomes = accept(connection, user("a", "b"), user("b", "c"), user("c", "a"), user("d"))

    assert [status(one) for one in outcomes] == [409, 409, 409, 200]
    assert sum("whose operation failed" in str(one) for one in outcomes) == 2
    rows = connection.execute("select user_name_key from identity order by 1").fetchall()
    assert rows == [(taken,), ("d",)]


@pytest.mark.parametrize("back", ["a", "b"])
def test_a_circle_through_a_user_that_comes_back_has_the_id_of_old(connection: Connection, back: str) -> None:
    old = accepted(accept(connection, user(back, active=False))[0])

    one, two = map(accepted, accept(connection, user("a", "b"), user("b", "a")))

    assert old.id in (one.id, two.id)
    assert (manager_of(one), manager_of(two)) == (two.id, one.id)


def test_who_refers_to_what_could_not_be_read_fails_as_well(connection: Connection) -> None:
    outcomes = accept(connection, user("a", "b"), unreadable("b"), staff("b"))

    assert [status(one) for one in outcomes] == [409, 400, 409]


def test_a_failure_reaches_everyone_behind_it_however_many(connection: Connection) -> None:
    names = [f"u{n}" for n in range(60)]
    chain = [user(name, ahead) for name, ahead in pairwise(names)] + [user(names[-1])]
    # Each refers to the one before it too: a failure comes back through as many circles as there are users.
    both = [replace(one, needs=(*one.needs, before)) for before, one in zip(names, chain[1:], strict=False)]
    failing = replace(user("u0", "u1"), build=_taken)

    outcomes = accept(connection, failing, *both)

    assert [status(one) for one in outcomes] == [400] + [409] * 59


def _taken(ids: Mapping[str, str]) -> Change:
    def refuse(_: Any) -> Any:
        raise InvalidValue("userName is missing")

    return Change(LIST, "create", Request("r"), refuse)


def test_each_operation_has_an_outcome_of_its_own(connection: Connection) -> None:
    outcomes = accept(connection, user("a"), unreadable(), user("A"), user("b"))

    assert [status(one) for one in outcomes] == [200, 400, 409, 200]


def test_operations_see_what_came_before_them(connection: Connection) -> None:
    made, renamed, group_, gone = accept(connection, user("a"), rename("a", "b"), staff("a"), delete("a"))

    assert accepted(made).id == accepted(renamed).id
    assert accepted(renamed).document["userName"] == "b"
    assert accepted(group_).member_count == 1
    assert accepted(gone).operation == "delete"
    with database.transaction(connection, [LIST]) as cursor:
        found = group.find(cursor, LIST, accepted(group_).id)
    assert found is not None
    assert found.member_count == 0


@pytest.mark.parametrize(("most_errors", "statuses"), [(1, [200, 409, None, None]), (2, [200, 409, 409, None])])
def test_nothing_is_tried_after_so_many_errors(
    connection: Connection, most_errors: int, statuses: list[int | None]
) -> None:
    outcomes = accept(connection, user("a"), user("A"), user(" a"), user("b"), most_errors=most_errors)

    assert [status(one) for one in outcomes] == statuses


def test_every_accepted_operation_is_journaled_once(connection: Connection) -> None:
    accept(connection, user("c"))
    accept(connection, user("a", "b"), user("b", "c"), user("c", "a"), user("d"), staff("d"), rename("d", "e"))

    rows = connection.execute("select resource, operation from journal order by seq").fetchall()
    assert rows == [("user", "create")] * 2 + [("group", "create"), ("user", "update")]


def test_circles_that_fail_one_after_the_other_come_to_an_end(connection: Connection) -> None:
    # Where a circle failed, its names are free for a user whose number makes the next circle fail.
    def numbered(name: str, number: str, manager: str | None = None) -> Operation:
        def build(ids: Mapping[str, str]) -> Change:
            held = {"manager": {"value": ids[manager]}} if manager else {}
            return Change(
                LIST,
                "create",
                Request("r"),
                lambda _: {"userName": name, "active": True, ENTERPRISE: {"employeeNumber": number, **held}},
            )

        return Operation(f"{name} {number}", (manager,) if manager else (), build)

    operations = []
    for n in range(bulk.MOST_ATTEMPTS + 5):
        operations += [
            numbered(f"y{n}", f"x{n}", f"p{n} p{n}"),
            numbered(f"p{n}", f"p{n}", f"y{n} x{n}"),  # first in order, for the other one needs it
            numbered(f"p{n}", f"x{n + 1}"),
        ]
    with database.transaction(connection, [LIST]) as cursor:
        bulk.accept(cursor, Bulk((numbered("first", "x0"),)), {LIST: "employeeNumber"})
        outcomes, _ = bulk.accept(cursor, Bulk(tuple(operations)), {LIST: "employeeNumber"})

    assert {status(one) for one in outcomes} == {200, 409}
    pairs = zip(outcomes[::3], outcomes[1::3], strict=True)
    assert all(status(one) == status(other) for one, other in pairs)
    kept = connection.execute("select count(*) from identity").fetchone()
    assert kept == (1 + sum(status(one) == 200 for one in outcomes),)
