"""Drains over a real database: order, conflicts, waiting, and the race for a lane."""

from typing import Any

import pytest
from psycopg import errors

from models import connection as connections
from models import database, journal, person
from models.database import Connection
from models.errors import Refused
from models.journal import LANES, Lane
from ops import metrics
from tests.workers.conftest import MakeRoster, Roster
from workers import applying, provision, sweep

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def employee(number: str | None) -> dict[str, object]:
    return {ENTERPRISE: {"employeeNumber": number} if number else {}}


def test_a_created_user_becomes_a_person(staff: Roster) -> None:
    staff.create("mila@north.example", title="Registrar", externalId="00u1")

    staff.drain()

    (one,) = staff.people()
    assert (one["uid"], one["anchor"], one["active"]) == ("mila@north.example", "00u1", True)
    assert one["fields"]["Job Title"] == "Registrar"
    assert staff.log() == [("create", "applied", None)]


@pytest.mark.parametrize("leaver_first", [True, False])
def test_a_rehire_ends_the_same_in_either_order_of_lanes(make_roster: MakeRoster, leaver_first: bool) -> None:
    staff = make_roster("employeeNumber")
    leaver = staff.create("ada", title="Nurse", **employee("E1"))
    staff.drain()
    before = staff.people()[0]["id"]
    staff.update(leaver, active=False)
    rehire = staff.create("ada.second", title="Doctor", **employee("E1"))
    order = [staff.lane(leaver), staff.lane(rehire)]

    for lane in order if leaver_first else reversed(order):
        staff.drain(lane)
    staff.drain()

    (one,) = staff.people()
    assert (one["id"], str(one["identity_id"]), one["active"]) == (before, rehire, True)
    assert one["fields"]["Job Title"] == "Doctor"


def test_later_operations_of_a_former_holder_change_nothing(make_roster: MakeRoster) -> None:
    staff = make_roster("employeeNumber")
    leaver = staff.create("ada", title="Nurse", **employee("E1"))
    staff.update(leaver, active=False)
    staff.create("ada.second", title="Doctor", **employee("E1"))
    staff.drain()

    staff.update(leaver, title="Porter")
    staff.drain()

    assert staff.people()[0]["fields"]["Job Title"] == "Doctor"
    assert staff.log()[-1] == ("update", "no_change", "Taken over by ada.second")


def test_a_user_without_the_unique_identifier_waits_until_it_comes(make_roster: MakeRoster) -> None:
    staff = make_roster("employeeNumber")
    user = staff.create("ola")
    staff.drain()
    waiting = staff.log()

    staff.update(user, **employee("E7"))
    staff.drain()

    assert [entry[:2] for entry in waiting] == [("create", "waiting")]
    assert "employeeNumber is missing" in (waiting[0][2] or "")
    assert [one["uid"] for one in staff.people()] == ["E7"]
    first, second = staff.log()
    assert first[:2] == ("create", "no_change")
    assert (first[2] or "").startswith("Superseded by request-")
    assert second[:2] == ("update", "applied")


def test_a_user_deleted_while_waiting_leaves_no_open_entry(make_roster: MakeRoster) -> None:
    staff = make_roster("employeeNumber")
    user = staff.create("ola")
    staff.drain()

    staff.delete(user)
    staff.drain()

    assert staff.people() == []
    assert [entry[:2] for entry in staff.log()] == [("create", "no_change"), ("delete", "no_change")]


def test_a_uid_that_is_given_up_later_reaches_who_waits_for_it(make_roster: MakeRoster) -> None:
    """The journal holds the giver's change while the taker is drained: it waits, then has it."""
    staff = make_roster("employeeNumber")
    giver = staff.create("ada", **employee("E1"))
    staff.drain()
    staff.update(giver, **employee("E2"))
    taker = staff.create("bo", **employee("E1"))
    while staff.lane(taker) == staff.lane(giver):
        staff.delete(taker)
        taker = staff.create("bo", **employee("E1"))
    staff.drain(staff.lane(taker))
    assert staff.log()[-1][:2] == ("create", "waiting")

    staff.drain()

    assert {one["uid"]: str(one["identity_id"]) for one in staff.people()} == {"E1": taker, "E2": giver}
    assert "waiting" not in {result for _, result, _ in staff.log()}
    assert staff.log()[-1][:2] == ("create", "applied")


def test_uids_that_are_swapped_end_where_the_idp_put_them(make_roster: MakeRoster) -> None:
    staff = make_roster("employeeNumber")
    ada, bo = staff.create("ada", **employee("E1")), staff.create("bo", **employee("E2"))
    staff.drain()
    staff.update(ada, **employee("spare"))
    staff.update(bo, **employee("E1"))
    staff.update(ada, **employee("E2"))

    for lane in {staff.lane(bo), staff.lane(ada)}:
        staff.drain(lane)
    staff.drain()

    assert {one["uid"]: str(one["identity_id"]) for one in staff.people()} == {"E2": ada, "E1": bo}


def test_a_value_that_does_not_fit_leaves_the_rest_applied(staff: Roster) -> None:
    user = staff.create("ada", title="Nurse", emails=[{"type": "work", "value": "ada@north.example"}])
    staff.drain()

    staff.update(user, title="Doctor", emails=[{"type": "work", "value": "no address"}])
    staff.drain()

    (one,) = staff.people()
    assert (one["fields"]["Job Title"], one["fields"]["Email"]) == ("Doctor", "ada@north.example")
    operation, result, detail = staff.log()[-1]
    assert (operation, result) == ("update", "partly_applied")
    assert "no address" in (detail or "")


def test_rows_that_come_while_a_lane_is_held_are_found_by_its_holder(
    staff: Roster, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race that load does not show: the ring goes to a drain that finds the lane taken."""
    user = staff.create("ada", title="Nurse")
    lane = staff.lane(user)
    other_rings: list[list[Lane]] = []
    settle = journal.settle

    def settle_while_more_comes(cursor: database.Cursor, events: list[journal.Event]) -> None:
        settle(cursor, events)
        if not other_rings:
            with database.connect(database_url) as second:
                late = Roster(second, staff.list_id)
                late.update(user, title="Doctor")
                other_rings.append(late.drain(lane).again)

    monkeypatch.setattr(journal, "settle", settle_while_more_comes)
    first = staff.drain(lane)

    assert other_rings == [[]]
    assert first.again == [lane]
    staff.drain(*first.again)
    assert staff.people()[0]["fields"]["Job Title"] == "Doctor"


def test_a_row_whose_pure_steps_fail_is_set_aside_and_its_neighbours_are_applied(
    staff: Roster, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff.create("bad")
    staff.create("good")
    apply = applying.apply

    def apply_unless_bad(*arguments: object) -> object:
        if arguments[2].document["userName"] == "bad":  # type: ignore[attr-defined]
            raise RuntimeError("a defect")
        return apply(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(applying, "apply", apply_unless_bad)
    staff.drain()

    assert [one["uid"] for one in staff.people()] == ["good"]
    assert sorted(entry[:2] for entry in staff.log()) == [("create", "applied"), ("create", "rejected")]
    with database.transaction(staff.connection) as cursor:
        assert journal.backlog(cursor).set_aside == 1


def test_a_row_that_was_applied_meanwhile_does_not_have_the_next_one_set_aside(
    staff: Roster, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = staff.create("ada")
    staff.update(user, title="Doctor")
    put_aside = provision.put_aside

    def late(*arguments: Any) -> provision.Settled:
        monkeypatch.undo()
        staff.connection.execute("select")
        provision.provision(staff.connection, [staff.lane(user)], {}, limit=1)  # another drain, which succeeds
        return put_aside(*arguments)

    monkeypatch.setattr(provision, "put_aside", late)
    people_cannot_be_written(monkeypatch, errors.NumericValueOutOfRange())
    staff.drain(staff.lane(user))
    staff.drain()

    assert [entry[:2] for entry in staff.log()] == [("create", "applied"), ("update", "applied")]


@pytest.mark.parametrize("error", [errors.InsufficientPrivilege(), errors.UndefinedColumn(), errors.InternalError_()])
def test_what_is_not_the_rows_fault_is_raised_and_costs_no_row(
    staff: Roster, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    staff.create("ada")
    with monkeypatch.context() as wrong:
        people_cannot_be_written(wrong, error)
        with pytest.raises(type(error)):
            staff.drain()

    staff.drain()
    assert [entry[:2] for entry in staff.log()] == [("create", "applied")]


def people_cannot_be_written(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """People cannot be written, for this reason, as long as the patch lasts."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(person, "write", fail)


def failed(reason: str) -> float:
    """How many drains failed for this reason so far, in this process."""
    return float(metrics.DRAINS_FAILED.labels(reason)._value.get())


def test_a_list_that_somebody_has_locked_holds_no_other_up(
    make_roster: MakeRoster, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, free = make_roster("userName"), make_roster("userName")
    for roster in (locked, free):
        users = [roster.create(f"user {number}") for number in range(8)]
        roster.drain()
        for user in users:
            roster.update(user, title="Doctor")
    tries: list[tuple[set[str], bool]] = []
    once = provision._once

    def noted(connection: Connection, lanes: list[Lane], *rest: Any) -> provision.Settled:
        tries.append(({lane.list_id for lane in lanes}, rest[-1]))
        return once(connection, lanes, *rest)

    monkeypatch.setattr(provision, "_once", noted)
    locked.connection.execute("set lock_timeout = 50")
    every = [Lane(roster.list_id, number) for number in range(journal.LANES) for roster in (locked, free)]
    with database.connect(owner_url) as other, other.transaction():
        other.execute("select from person where list_id = %s for update", (locked.list_id,))
        locked.drain(*every)

    assert tries[0] == ({locked.list_id, free.list_id}, False)
    assert [hurried for lists, hurried in tries if lists == {free.list_id}] == [True]  # once, and it was applied
    assert all(hurried for _, hurried in tries[1:])
    assert (locked.pending(), free.pending()) == (True, False)
    locked.drain()
    assert not locked.pending()


def test_a_drain_that_waits_in_vain_for_a_persons_lock_is_counted(staff: Roster, owner_url: str) -> None:
    user = staff.create("ada", title="Nurse")
    staff.drain()
    staff.update(user, title="Doctor")
    before = failed("lock")
    staff.connection.execute("set lock_timeout = 50")
    with database.connect(owner_url) as other, other.transaction():
        other.execute("select from person where uid = 'ada' for update")
        staff.drain(staff.lane(user))

    assert failed("lock") > before
    assert staff.pending()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (errors.LockNotAvailable(), "lock"),
        (errors.DeadlockDetected(), "clash"),
        (errors.UniqueViolation(), "clash"),
        (errors.QueryCanceled(), "timeout"),
        (errors.TransactionTimeout(), "timeout"),
        (errors.AdminShutdown(), "lost"),
        (KeyError("title"), "other"),
    ],
)
def test_a_failed_drain_has_one_of_few_reasons(error: Exception, reason: str) -> None:
    assert provision.reason_of(error) == reason


def test_a_delivered_ring_without_rows_changes_nothing(staff: Roster) -> None:
    user = staff.create("ada")
    staff.drain()

    settled = staff.drain(staff.lane(user))

    assert settled.entries == []
    assert len(staff.log()) == 1


def test_an_entry_is_numbered_in_the_order_of_acceptance(staff: Roster, connection: Connection) -> None:
    user = staff.create("ada", title="0")
    for number in range(1, 20):
        staff.update(user, title=str(number))
    staff.drain()

    rows = connection.execute("select changes from log_entry order by id").fetchall()
    titles = [change["after"] for (changes,) in rows for change in changes if change["field"] == "Job Title"]
    assert titles == [str(number) for number in range(20)]


def test_a_disconnected_list_is_forgotten_and_adopts_the_same_people_again(staff: Roster) -> None:
    staff.create("ada", title="Nurse", externalId="00u1")
    staff.drain()
    before = staff.people()
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        connections.disconnect(cursor, staff.list_id)

    sweep.forget(staff.connection, staff.list_id)
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        connections.connect(cursor, staff.list_id, "userName", "test")
    again = staff.create("ada", title="Doctor", externalId="00u1")
    staff.drain()

    (one,) = staff.people()
    assert (one["id"], str(one["identity_id"])) == (before[0]["id"], again)
    assert one["fields"]["Job Title"] == "Doctor"


def test_what_was_accepted_before_a_disconnect_is_applied_before_it_is_forgotten(staff: Roster) -> None:
    staff.create("ada")
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        connections.disconnect(cursor, staff.list_id)

    sweep.forget(staff.connection, staff.list_id)
    naming = database.transaction(staff.connection, [staff.list_id])
    with pytest.raises(Refused, match="still disconnecting"), naming as cursor:
        connections.connect(cursor, staff.list_id, "userName", "test")
    staff.drain()
    sweep.forget(staff.connection, staff.list_id)

    (one,) = staff.people()
    assert (one["uid"], one["identity_id"]) == ("ada", None)


def test_a_takeover_ends_the_former_holders_anchor(make_roster: MakeRoster) -> None:
    staff = make_roster("employeeNumber")
    first = staff.create("ada", externalId="EA", **employee("E1"))
    staff.update(first, active=False)
    second = staff.create("bo", **employee("E1"))
    staff.drain()
    staff.update(second, active=False)
    staff.drain()

    staff.create("cy", externalId="EA", **employee("E9"))
    staff.drain()

    assert {one["uid"]: one["active"] for one in staff.people()} == {"E1": False, "E9": True}


def test_two_people_who_have_each_others_uid_exchange_them(make_roster: MakeRoster) -> None:
    staff = make_roster("employeeNumber")
    ada, bo = staff.create("ada", **employee("E1")), staff.create("bo", **employee("E2"))
    staff.drain()

    staff.update(ada, **employee(None))
    staff.drain()
    staff.update(bo, **employee("E1"))
    staff.drain()
    staff.update(ada, **employee("E2"))
    staff.drain()

    assert {one["uid"]: str(one["identity_id"]) for one in staff.people()} == {"E2": ada, "E1": bo}
    with database.transaction(staff.connection) as cursor:
        assert journal.backlog(cursor).waiting == 0
    assert [entry[:2] for entry in staff.log()][-2:] == [("update", "applied")] * 2


def test_inactive_users_whose_numbers_move_in_a_circle_are_not_applied_without_end(make_roster: MakeRoster) -> None:
    staff = make_roster("employeeNumber")
    ids = [staff.create(one, active=False, **employee(one)) for one in "abc"]
    staff.drain()
    for identity_id, one in zip(ids, "bca", strict=True):
        staff.update(identity_id, **employee(one))

    drains = 0
    while staff.pending() and drains < 20:
        staff.drain(*(Lane(staff.list_id, number) for number in range(LANES)))
        drains += 1

    assert not staff.pending()


def test_what_may_be_left_is_rung_where_nobody_could_say_after_the_commit(
    staff: Roster, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = staff.lane(staff.create("mila@north.example"))

    def left(*_: Any) -> list[Lane]:
        raise errors.QueryCanceled

    monkeypatch.setattr(journal, "left", left)
    settled = staff.drain(lane)

    assert (settled.again, len(settled.entries)) == ([lane], 1)
    assert staff.log() == [("create", "applied", None)]
