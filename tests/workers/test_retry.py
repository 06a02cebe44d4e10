"""Retry from the log (L4): of waiting entries, of rows that were set aside, and of what cannot be retried."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from models import database, guard, hold, journal, provisioning_log, retry
from models.errors import Refused
from models.guard import Guard
from models.journal import Lane
from models.provisioning_log import Refusal
from tests.workers.conftest import MakeRoster, Roster
from workers import applying

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def employee(number: str) -> dict[str, Any]:
    return {ENTERPRISE: {"employeeNumber": number}}


def entries(staff: Roster) -> list[dict[str, Any]]:
    """Oldest first."""
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        return provisioning_log.newest(cursor, staff.list_id, 100)[::-1]


def again(staff: Roster, entry_id: int) -> list[Lane]:
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        return retry.retry(cursor, staff.list_id, entry_id)


def retriable(staff: Roster, entry: dict[str, Any]) -> bool:
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        return retry.can_be_retried(cursor, staff.list_id, entry["id"])


def set_aside(staff: Roster) -> int:
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        return journal.backlog(cursor).set_aside


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """A defect that sets every row aside for as long as it lasts."""

    @contextmanager
    def defect() -> Iterator[None]:
        def fail(*_: object) -> None:
            raise RuntimeError("a defect")

        with monkeypatch.context() as patched:
            patched.setattr(applying, "apply", fail)
            yield

    return defect


def test_a_waiting_entry_is_applied_once_its_cause_is_mended(make_roster: MakeRoster) -> None:
    staff = make_roster("employeeNumber")
    ada = staff.create("ada", **employee("E1"))
    staff.drain()
    # As if the UID had been freed without anybody noticing.
    bo = staff.create("bo", **employee("E2"))
    staff.connection.execute("update person set uid = 'E2', uid_key = 'e2' where identity_id = %s", (ada,))
    staff.drain()
    (waiting,) = [one for one in entries(staff) if one["result"] == "waiting"]
    assert retriable(staff, waiting)
    staff.connection.execute("update person set uid = 'E1', uid_key = 'e1' where identity_id = %s", (ada,))

    lanes = again(staff, waiting["id"])
    staff.drain(*lanes)

    assert lanes == [staff.lane(bo)]
    assert [one["uid"] for one in staff.people()] == ["E1", "E2"]
    assert [(one["id"], one["result"]) for one in entries(staff)][1:] == [(waiting["id"], "applied")]


def test_a_retry_whose_cause_stands_leaves_the_entry_waiting(make_roster: MakeRoster) -> None:
    staff = make_roster("employeeNumber")
    staff.create("ada")
    staff.drain()
    before = entries(staff)

    staff.drain(*again(staff, before[0]["id"]))

    assert entries(staff) == before


def test_a_row_that_was_set_aside_is_applied_and_has_one_entry(staff: Roster, failing: Callable[[], Any]) -> None:
    user = staff.create("ada", title="Nurse")
    with failing():
        staff.drain()
    (rejected,) = entries(staff)
    assert (rejected["result"], retriable(staff, rejected), set_aside(staff)) == ("rejected", True, 1)

    lanes = again(staff, rejected["id"])
    staff.drain(*lanes)

    assert lanes == [staff.lane(user)]
    (applied,) = entries(staff)
    assert (applied["id"], applied["at"], applied["result"]) == (rejected["id"], rejected["at"], "applied")
    assert applied["request_id"] == rejected["request_id"]
    assert (staff.people()[0]["fields"]["Job Title"], set_aside(staff)) == ("Nurse", 0)


def test_a_retry_brings_no_old_description_back(staff: Roster, failing: Callable[[], Any]) -> None:
    user = staff.create("ada", title="Nurse")
    staff.drain()
    staff.update(user, title="Porter")
    with failing():
        staff.drain()
    staff.update(user, title="Doctor")
    staff.drain()

    staff.drain(*again(staff, entries(staff)[1]["id"]))

    assert staff.people()[0]["fields"]["Job Title"] == "Doctor"
    assert [one["result"] for one in entries(staff)] == ["applied", "no_change", "applied"]


def test_a_delete_that_was_set_aside_deactivates(staff: Roster, failing: Callable[[], Any]) -> None:
    user = staff.create("ada")
    staff.drain()
    staff.delete(user)
    with failing():
        staff.drain()

    staff.drain(*again(staff, entries(staff)[-1]["id"]))

    (one,) = staff.people()
    assert (one["active"], one["identity_id"]) == (False, None)


def test_a_deleted_user_does_not_come_back(staff: Roster, failing: Callable[[], Any]) -> None:
    user = staff.create("ada")
    with failing():
        staff.drain()
    staff.delete(user)
    staff.drain()

    lanes = again(staff, entries(staff)[0]["id"])

    assert (lanes, staff.people(), staff.pending(), set_aside(staff)) == ([], [], False, 0)
    assert (entries(staff)[0]["result"], entries(staff)[0]["detail"]) == ("no_change", retry.DELETED)


def test_a_row_that_fails_again_is_set_aside_again(staff: Roster, failing: Callable[[], Any]) -> None:
    staff.create("ada")
    with failing():
        staff.drain()
        staff.drain(*again(staff, entries(staff)[0]["id"]))

    assert ([one["result"] for one in entries(staff)], set_aside(staff)) == (["rejected"], 1)


def test_what_was_set_aside_and_forgotten_is_not_retried(staff: Roster, failing: Callable[[], Any]) -> None:
    staff.create("ada")
    with failing():
        staff.drain()
    staff.connection.execute("delete from set_aside")  # as disconnecting does
    (rejected,) = entries(staff)

    assert not retriable(staff, rejected)
    with pytest.raises(Refused, match="not kept any more"):
        again(staff, rejected["id"])


def test_a_held_deactivation_is_released_and_not_retried(staff: Roster) -> None:
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        guard.save(cursor, staff.list_id, Guard(True, 1, 1))
    user = staff.create("ada")
    staff.drain()
    staff.update(user, active=False)
    staff.drain()
    held = entries(staff)[-1]

    assert (held["result"], held["detail"], retriable(staff, held)) == ("waiting", hold.HELD, False)
    with pytest.raises(Refused, match="release or discard"):
        again(staff, held["id"])


def test_a_refused_request_has_to_be_sent_again(staff: Roster) -> None:
    refusal = Refusal(
        staff.list_id, "sct_test0000", "user", "create", "no such thing", "r1", None, None, datetime.now(UTC)
    )
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        provisioning_log.write_refusals(cursor, [refusal])
    (refused,) = entries(staff)

    assert not retriable(staff, refused)
    with pytest.raises(Refused, match="identity provider has to send it again"):
        again(staff, refused["id"])


def test_what_was_applied_or_is_another_lists_is_not_retried(make_roster: MakeRoster) -> None:
    staff, students = make_roster("userName"), make_roster("employeeNumber")
    staff.create("ada")
    staff.drain()
    students.create("bo")
    students.drain()

    assert not retriable(staff, entries(staff)[0])
    with pytest.raises(Refused, match="waits for nothing"):
        again(staff, entries(staff)[0]["id"])
    with pytest.raises(Refused, match="not in the log"):
        again(staff, entries(students)[0]["id"])
