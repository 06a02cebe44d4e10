"""Waves of deactivations (V9): how many reach the list, which are held, and what ends a hold."""

import threading
import time
from typing import Any

import pytest

from models import connection as connections
from models import database, guard, hold, journal
from models.database import Cursor
from models.errors import Taken
from models.guard import Guard
from models.hold import HELD, Chosen, Page, Summary
from models.journal import Event, Lane
from tests.workers.conftest import MakeRoster, Roster
from workers import sweep
from workers.guarding import KEPT
from workers.provision import provision

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
OPERATOR = "ada@muster.example"


def guarded(staff: Roster, percent: int = 20, at_least: int = 2, enabled: bool = True) -> Roster:
    """The list with its guard set."""
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        guard.save(cursor, staff.list_id, Guard(enabled, percent, at_least))
    return staff


def fill(staff: Roster, count: int) -> list[str]:
    """People of the list, by user names of two digits."""
    users = [staff.create(f"user{number:02}", title="Nurse") for number in range(count)]
    staff.drain()
    return users


def deactivate(staff: Roster, users: list[str]) -> None:
    """A wave, applied."""
    for user in users:
        staff.update(user, active=False)
    staff.drain()


def holding(staff: Roster) -> tuple[Roster, str, str]:
    """A list of two with a hold on the second, and both users."""
    users = fill(guarded(staff), 2)
    deactivate(staff, users)
    return staff, users[0], users[1]


def active(staff: Roster) -> list[str]:
    return [one["uid"] for one in staff.people() if one["active"]]


def results(staff: Roster, operation: str) -> list[tuple[str, str | None]]:
    return [entry[1:] for entry in staff.log() if entry[0] == operation]


def held(staff: Roster) -> tuple[Summary, Page]:
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        return hold.summary(cursor, staff.list_id), hold.page(cursor, staff.list_id, None, None)


def counted(staff: Roster) -> int:
    row = staff.connection.execute("select count(*) from deactivation").fetchone()
    assert row
    return int(row[0])


def release(staff: Roster, chosen: Chosen | None = None) -> tuple[int, list[Lane]]:
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        return hold.release(cursor, staff.list_id, chosen or Chosen(), OPERATOR)


def discard(staff: Roster, chosen: Chosen | None = None) -> int:
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        return hold.discard(cursor, staff.list_id, chosen or Chosen(), OPERATOR)


@pytest.mark.parametrize(
    ("people", "leavers", "settings", "let_through"),
    [
        pytest.param(20, 4, Guard(True, 20, 2), 4, id="the share itself is no wave"),
        pytest.param(20, 6, Guard(True, 20, 2), 4, id="beyond the share"),
        pytest.param(20, 6, Guard(True, 20, 7), 6, id="fewer than the least are no wave"),
        pytest.param(20, 9, Guard(True, 20, 7), 6, id="beyond the least"),
        pytest.param(20, 9, Guard(True, 100, 1), 9, id="every one of them"),
        pytest.param(20, 9, Guard(False, 1, 1), 9, id="the guard is off"),
    ],
)
def test_a_wave_is_let_through_up_to_its_threshold(
    staff: Roster, people: int, leavers: int, settings: Guard, let_through: int
) -> None:
    guarded(staff, settings.percent, settings.at_least, settings.enabled)
    users = fill(staff, people)

    deactivate(staff, users[:leavers])

    expected = [("applied", None)] * let_through + [("waiting", HELD)] * (leavers - let_through)
    assert sorted(results(staff, "deactivate")) == expected
    assert len(active(staff)) == people - let_through
    assert held(staff)[0].count == leavers - let_through
    assert counted(staff) == (let_through if settings.enabled else 0)


def test_a_wave_counts_as_one_however_many_drains_it_takes(staff: Roster) -> None:
    users = fill(guarded(staff), 20)

    for user in users[:8]:
        deactivate(staff, [user])

    assert active(staff) == [f"user{number:02}" for number in range(4, 20)]
    assert [one.uid for one in held(staff)[1].rows] == ["user04", "user05", "user06", "user07"]


def test_what_left_the_hour_counts_no_more(staff: Roster) -> None:
    users = fill(guarded(staff), 20)
    deactivate(staff, users[:4])
    staff.connection.execute("update deactivation set at = at - interval '61 minutes'")

    deactivate(staff, users[4:8])

    # Of 16 people, who are 20 no longer.
    assert [result for result, _ in results(staff, "deactivate")] == ["applied"] * 7 + ["waiting"]
    assert counted(staff) == 3


def test_people_who_were_inactive_already_are_no_wave(staff: Roster) -> None:
    users = fill(guarded(staff), 10)
    deactivate(staff, users[:2])

    for user in users[:2]:
        staff.update(user, title="Porter")
        staff.delete(user)
    staff.drain()

    assert (counted(staff), held(staff)[0].count) == (2, 0)


def test_another_lists_wave_does_not_count(make_roster: MakeRoster) -> None:
    staff, students = guarded(make_roster("userName")), guarded(make_roster("userName"))
    users, others = fill(staff, 10), fill(students, 10)
    deactivate(staff, users[:5])

    deactivate(students, others[:2])

    assert (held(staff)[0].count, held(students)[0].count) == (3, 0)


def test_two_drains_at_once_do_not_overshoot(staff: Roster, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second drain counts only after the first has written: it waits for the guard."""
    users = fill(guarded(staff, at_least=5), 20)
    for user in users[:12]:
        staff.update(user, active=False)
    lanes = sorted({staff.lane(user) for user in users[:12]})
    second: list[threading.Thread] = []
    waited: list[bool] = []
    settle = journal.settle

    def drain_the_rest() -> None:
        with database.connect(database_url, "second") as other:
            provision(other, lanes[1::2], {})

    def settle_while_another_counts(cursor: Cursor, events: list[Event]) -> None:
        settle(cursor, events)
        if not second:
            second.append(threading.Thread(target=drain_the_rest))
            second[0].start()
            waited.append(_waits_for_a_lock(database_url, "second"))

    monkeypatch.setattr(journal, "settle", settle_while_another_counts)
    staff.drain(*lanes[0::2])
    second[0].join()

    assert waited == [True]  # here: a drain that fails is tried again, whatever failed
    assert not staff.pending()
    assert (len(active(staff)), held(staff)[0].count) == (16, 8)


def _waits_for_a_lock(database_url: str, application: str) -> bool:
    """Whether it comes to that. Not asked by the drain's connection: a transaction sees one state of the activity."""
    query = "select 1 from pg_stat_activity where application_name = %s and wait_event_type = 'Lock'"
    end = time.monotonic() + 10
    with database.connect(database_url, "watching") as watching:
        while time.monotonic() < end:
            if watching.execute(query, (application,)).fetchone():
                return True
            time.sleep(0.005)
    return False


def test_a_hold_keeps_its_person_active_and_lets_fields_through(staff: Roster) -> None:
    _, _, user = holding(staff)

    staff.update(user, title="Doctor")
    staff.drain()

    assert active(staff) == ["user01"]
    assert staff.people()[1]["fields"]["Job Title"] == "Doctor"
    assert staff.log()[-2:] == [("deactivate", "waiting", HELD), ("update", "applied", KEPT)]


def test_a_deleted_users_hold_stays_and_is_told_apart(staff: Roster) -> None:
    _, _, user = holding(staff)

    staff.delete(user)
    staff.drain()

    summary, page = held(staff)
    assert (summary.count, page.rows[0].gone, page.rows[0].operation) == (1, True, "deactivate")
    assert active(staff) == ["user01"]
    assert staff.log()[-2:] == [("deactivate", "waiting", HELD), ("delete", "no_change", KEPT)]


def test_a_delete_beyond_the_threshold_is_held(staff: Roster) -> None:
    users = fill(guarded(staff), 2)
    deactivate(staff, users[:1])

    staff.delete(users[1])
    staff.drain()

    assert staff.log()[-1] == ("delete", "waiting", HELD)
    assert (active(staff), staff.people()[1]["identity_id"]) == (["user01"], None)
    assert release(staff) == (1, [])
    assert (active(staff), staff.log()[-1]) == ([], ("delete", "applied", f"Released by {OPERATOR}"))


@pytest.mark.parametrize("same_batch", [True, False])
def test_an_activation_cancels_the_hold(staff: Roster, same_batch: bool) -> None:
    users = fill(guarded(staff), 2)
    deactivate(staff, users[:1])
    staff.update(users[1], active=False)
    if not same_batch:
        staff.drain()

    staff.update(users[1], active=True, title="Doctor")
    staff.drain()

    assert (active(staff), held(staff)[0].count) == (["user01"], 0)
    (operation, result, detail), last = staff.log()[-2:]
    assert (operation, result) == ("deactivate", "no_change")
    assert (detail or "").startswith("Cancelled: active again by request-")
    assert last == ("reactivate", "applied", None)


def test_a_takeover_cancels_the_hold(make_roster: MakeRoster) -> None:
    staff = guarded(make_roster("employeeNumber"))
    for name in ("ada", "bo"):
        user = staff.create(name, **{ENTERPRISE: {"employeeNumber": name}})
        staff.drain()
        staff.update(user, active=False)
        staff.drain()
    assert held(staff)[0].count == 1

    rehire = staff.create("bo.second", **{ENTERPRISE: {"employeeNumber": "bo"}})
    staff.drain()

    assert {one["uid"]: one["active"] for one in staff.people()} == {"ada": False, "bo": True}
    assert str(staff.people()[1]["identity_id"]) == rehire
    assert held(staff)[0].count == 0
    assert results(staff, "deactivate")[-1] == ("no_change", "Taken over by bo.second")
    staff.update(user, title="Porter")
    staff.drain()
    assert staff.log()[-1] == ("update", "no_change", "Taken over by bo.second")


def test_a_released_person_is_inactive_and_the_entry_applied(staff: Roster) -> None:
    holding(staff)
    before = staff.connection.execute("select version from person where held_seq is not null").fetchone()

    assert release(staff) == (1, [])

    assert (active(staff), held(staff)[0].count) == ([], 0)
    assert results(staff, "deactivate")[-1] == ("applied", f"Released by {OPERATOR}")
    changes, version = staff.connection.execute(
        "select e.changes, p.version from log_entry e join person p on p.id = e.person_id order by e.id desc limit 1"
    ).fetchone() or ([], 0)
    assert changes == [{"field": "Status", "before": "Active", "after": "Inactive"}]
    assert before is not None
    assert version == before[0] + 1
    with pytest.raises(Taken, match="held any more"):
        release(staff)


def test_a_released_entry_with_complaints_is_partly_applied(staff: Roster) -> None:
    _, _, user = holding(staff)
    discard(staff)
    staff.update(user, active=True)
    staff.update(user, active=False, title="Doctor", emails=[{"type": "work", "value": "no address"}])
    staff.drain()
    waiting = staff.log()[-1]

    release(staff)

    assert (waiting[1], (waiting[2] or "").startswith(f"{HELD}; Email")) == ("waiting", True)
    operation, result, detail = staff.log()[-1]
    assert (operation, result) == ("deactivate", "partly_applied")
    assert (detail or "").startswith(f"Released by {OPERATOR}; Email")


def test_a_discarded_person_stays_active_until_the_next_push(staff: Roster) -> None:
    _, _, user = holding(staff)

    assert discard(staff) == 1

    assert (active(staff), held(staff)[0].count) == (["user01"], 0)
    assert results(staff, "deactivate")[-1] == ("no_change", f"Discarded by {OPERATOR}")
    guarded(staff, enabled=False)
    staff.update(user, title="Doctor")
    staff.drain()
    assert active(staff) == []


def test_operators_choose_whom_to_release(staff: Roster) -> None:
    deactivate(staff, fill(guarded(staff), 5))
    rows = held(staff)[1].rows

    release(staff, Chosen([rows[1].id]))
    discard(staff, Chosen(up_to=rows[2].seq))

    assert [one.uid for one in held(staff)[1].rows] == [rows[3].uid]
    assert sorted(active(staff)) == sorted([rows[0].uid, rows[2].uid, rows[3].uid])


def test_a_release_reaches_who_waits_for_the_uid(make_roster: MakeRoster) -> None:
    staff = guarded(make_roster("employeeNumber"), at_least=1, percent=1)
    leaver = staff.create("ada", **{ENTERPRISE: {"employeeNumber": "E1"}})
    staff.drain()
    deactivate(staff, [leaver])
    rehire = staff.create("ada.second", **{ENTERPRISE: {"employeeNumber": "E1"}})
    # As if its row had been applied at a moment when the UID was not free yet.
    staff.connection.execute("delete from journal")
    staff.connection.execute("update identity set waiting_reason = 'uid_held' where id = %s", (rehire,))

    count, lanes = release(staff)
    staff.drain(*lanes)

    assert (count, lanes) == (1, [staff.lane(rehire)])
    (one,) = staff.people()
    assert (str(one["identity_id"]), one["active"]) == (rehire, True)


def test_disconnecting_ends_the_holds(staff: Roster) -> None:
    holding(staff)
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        connections.disconnect(cursor, staff.list_id)

    sweep.forget(staff.connection, staff.list_id)

    assert (active(staff), held(staff)[0].count, counted(staff)) == (["user01"], 0, 0)
    assert results(staff, "deactivate")[-1] == ("no_change", hold.DISCONNECTED)


def test_a_hold_is_part_of_the_backlog(staff: Roster) -> None:
    holding(staff)

    with database.transaction(staff.connection) as cursor:
        assert journal.backlog(cursor).waiting == 1


def test_a_held_persons_entry_is_not_superseded(make_roster: MakeRoster) -> None:
    """An operation that also waits for a UID: what ends that wait must not end the hold."""
    staff = guarded(make_roster("employeeNumber"))
    ada, bo = (staff.create(name, **{ENTERPRISE: {"employeeNumber": name}}) for name in ("ada", "bo"))
    staff.drain()
    staff.connection.execute("update person set uid = 'spare', uid_key = 'spare', identity_id = null where uid = 'ada'")
    staff.connection.execute("update identity set active = false where id = %s", (ada,))
    guarded(staff, at_least=1, percent=1)
    staff.update(bo, active=False, **{ENTERPRISE: {"employeeNumber": "spare"}})
    staff.drain()
    waiting = staff.log()[-1]

    staff.update(bo, **{ENTERPRISE: {"employeeNumber": "bo"}})
    staff.drain()

    assert (waiting[1], HELD in (waiting[2] or "")) == ("waiting", True)
    assert [entry[:2] for entry in staff.log()[-2:]] == [("deactivate", "waiting"), ("update", "applied")]
    assert held(staff)[0].count == 1


def test_settings_outside_their_range_are_refused(staff: Roster) -> None:
    for refused in (Guard(True, 0, 50), Guard(True, 101, 50), Guard(True, 20, 0), Guard(True, 20, 1_000_001)):
        with database.transaction(staff.connection, [staff.list_id]) as cursor, pytest.raises(Exception, match="whole"):
            guard.save(cursor, staff.list_id, refused)


def test_settings_are_kept(staff: Roster) -> None:
    chosen: Any = Guard(True, 35, 12)
    guarded(staff, 35, 12)

    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        assert guard.of_list(cursor, staff.list_id) == chosen
        assert guard.of_list(cursor, "nolistatall") == Guard(False, 20, 50)
