"""A leaves, B joins with A's UID: whichever lane is drained first, the list ends the same."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from models.database import lock_key
from models.journal import LANES, Lane, lane_of
from ops.bell import Bell
from tests.factories import ENTERPRISE, user
from tests.journeys.idp import Idp
from tests.journeys.system import Muster
from tests.journeys.waiting import eventually

pytestmark = pytest.mark.journey
ROUNDS = 12


def deactivated(idp: Idp, leaver: str) -> None:
    idp.set(leaver, "active", False)


def deleted(idp: Idp, leaver: str) -> None:
    assert idp.delete(leaver).status_code == 204


def renumbered(idp: Idp, leaver: str) -> None:
    number = idp.get(leaver).json()[ENTERPRISE]["employeeNumber"]
    idp.set(leaver, f"{ENTERPRISE}:employeeNumber", f"{number}-was")


def before_the_joiner(leaver: Lane, lane: Lane) -> bool:
    return lane != leaver


def after_the_joiner(leaver: Lane, lane: Lane) -> bool:
    return lane == leaver


@contextmanager
def held_up(muster: Muster, lanes: list[Lane]) -> Iterator[None]:
    """Keep the workers away from these lanes by holding their locks; ring for them at the end."""
    with muster.connect() as holding:
        for lane in lanes:
            holding.execute("select pg_advisory_lock(%s)", (lock_key("lane", *lane),))
        yield
        holding.execute("select pg_advisory_unlock_all()")
    Bell(muster.ready["redis_url"]).ring(lanes, insist=True)


def drained_except(muster: Muster, lanes: list[Lane]) -> None:
    """Wait until everything is applied that does not lie in these lanes."""
    rows = "select 1 from journal where list_id = %s and lane <> all(%s)"
    numbers = [lane.number for lane in lanes]
    eventually(lambda: not muster.rows(rows, lanes[0].list_id, numbers), 20, "the other lanes' drain")


@pytest.mark.parametrize("drained", [before_the_joiner, after_the_joiner])
@pytest.mark.parametrize("leave", [deactivated, deleted, renumbered])
def test_a_uid_that_changes_hands_ends_with_the_joiner(
    muster: Muster, numbered: Idp, leave: Callable[[Idp, str], None], drained: Callable[[Lane, Lane], bool]
) -> None:
    for n in range(ROUNDS):
        leaver = numbered.create(user(f"leaver{n}@north.example", employee_number=f"E-{n}", externalId=f"old{n}"))
        muster.settled(numbered.list_id)
        every = [Lane(numbered.list_id, number) for number in range(LANES)]
        lanes = [lane for lane in every if drained(lane_of(numbered.list_id, leaver), lane)]
        with held_up(muster, lanes):
            leave(numbered, leaver)
            body = user(f"joiner{n}@north.example", employee_number=f"E-{n}", externalId=f"new{n}")
            joiner = numbered.create(body)
            drained_except(muster, lanes)
        muster.settled(numbered.list_id)

        person = muster.person(numbered.list_id, f"E-{n}")
        assert (person["identity_id"], person["active"], person["anchor"]) == (joiner, True, f"new{n}")
        assert person["fields"]["Email"] == f"joiner{n}@north.example"
        joined = [entry for entry in muster.log(numbered.list_id) if entry["identity_id"] == joiner]
        assert [(entry["operation"], entry["result"]) for entry in joined] == [("create", "applied")]
        if leave is renumbered:
            moved = muster.person(numbered.list_id, f"E-{n}-was")
            assert (moved["identity_id"], moved["active"], moved["anchor"]) == (leaver, True, f"old{n}")
    assert len(muster.people(numbered.list_id)) == ROUNDS * (2 if leave is renumbered else 1)
    waiting = "select 1 from identity where list_id = %s and waiting_reason is not null"
    assert muster.rows(waiting, numbered.list_id) == []


@pytest.mark.parametrize("drained", [before_the_joiner, after_the_joiner])
def test_a_user_deleted_created_again_and_suspended_ends_as_last_described(
    muster: Muster, staff: Idp, drained: Callable[[Lane, Lane], bool]
) -> None:
    for n in range(ROUNDS):
        name = f"ada{n}@north.example"
        first = staff.create(user(name, title="First"))
        muster.settled(staff.list_id)
        every = [Lane(staff.list_id, number) for number in range(LANES)]
        lanes = [lane for lane in every if drained(lane_of(staff.list_id, first), lane)]
        with held_up(muster, lanes):
            deleted(staff, first)
            second = staff.create(user(name, title="Second"))
            deactivated(staff, second)
            drained_except(muster, lanes)
        muster.settled(staff.list_id)

        person = muster.person(staff.list_id, name)
        assert (person["identity_id"], person["active"], person["fields"]["Job Title"]) == (second, False, "Second")
