"""One drain with everything in it: every outcome at once, one user many times, and a row that breaks its batch."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from models import acceptance, database, guard, journal, person
from models.change import Change, Request
from models.guard import Guard
from models.hold import HELD
from models.journal import Event, Lane
from models.resource import GROUP
from tests.workers.conftest import MakeRoster, Roster
from workers import applying

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def employee(number: str | None) -> dict[str, object]:
    return {ENTERPRISE: {"employeeNumber": number} if number else {}}


def drain_once(staff: Roster) -> None:
    """All lanes in one transaction, which empties the journal."""
    staff.drain(*(Lane(staff.list_id, number) for number in range(journal.LANES)))
    assert not staff.pending()


def create_group(staff: Roster, name: str) -> None:
    change = Change(
        staff.list_id, "create", Request("r", None, None, None), lambda _: {"displayName": name}, None, GROUP
    )
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        acceptance.accept(cursor, [change], {staff.list_id: staff.unique_identifier})


def by_uid(staff: Roster) -> dict[str, dict[str, Any]]:
    return {one["uid"]: one for one in staff.people()}


def break_on(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the pure steps fail for one user name."""
    apply = applying.apply

    def apply_unless(involved: Any, roster: Any, event: Event) -> Any:
        if (event.document or {}).get("userName") == name:
            raise RuntimeError("a defect")
        return apply(involved, roster, event)

    monkeypatch.setattr(applying, "apply", apply_unless)


def test_every_outcome_in_one_drain(make_roster: MakeRoster, monkeypatch: pytest.MonkeyPatch) -> None:
    staff = make_roster("employeeNumber")
    ids = {name: staff.create(name, title="Nurse", **employee(f"E-{name}")) for name in (
        "changed", "same", "misfit", "leaver", "gone", "first", "second", "third", "silent",
    )}  # fmt: skip
    staff.create("returns", externalId="00u4", **employee("E4"))
    returning = staff.create("came back", externalId="00u5", **employee("E5"))
    staff.drain()
    staff.update(ids["leaver"], active=False)
    staff.update(ids["silent"], **employee(None))  # an active holder who claims their UID no more
    staff.delete(returning)
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        by_hand = person.add(cursor, staff.list_id, "E3", {})
    staff.drain()
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        guard.save(cursor, staff.list_id, Guard(True, 1, 3))  # two may go within the hour
    earlier, known = len(staff.log()), by_uid(staff)
    break_on("broken", monkeypatch)

    staff.create("new", title="Doctor", **employee("E1"))
    staff.update(ids["changed"], title="Doctor")
    staff.create("by uid", **employee("E3"))
    staff.create("by anchor", externalId="00u5", **employee("E6"))
    staff.create("rehired", **employee("E-leaver"))
    staff.update(ids["leaver"], title="Doctor")
    staff.create("kept out", **employee("E-silent"))
    staff.create("no number")
    staff.update(ids["misfit"], title="Doctor", emails=[{"type": "work", "value": "no address"}])
    staff.update(ids["same"], title="Nurse")
    staff.update(ids["first"], active=False)
    staff.delete(ids["gone"])
    staff.update(ids["third"], active=False)
    create_group(staff, "Staff")
    staff.create("broken", **employee("E9"))
    drain_once(staff)

    settled = staff.log()[earlier:]
    assert [entry[:2] for entry in settled] == [
        ("create", "applied"), ("update", "applied"), ("create", "applied"), ("create", "applied"),
        ("create", "applied"), ("update", "no_change"), ("create", "waiting"), ("create", "waiting"),
        ("update", "partly_applied"), ("update", "no_change"), ("deactivate", "applied"), ("delete", "applied"),
        ("deactivate", "waiting"), ("create", "applied"), ("create", "rejected"),
    ]  # fmt: skip
    details = [entry[2] or "" for entry in settled]
    assert details[5] == "Taken over by rehired"
    assert "belongs to silent" in details[6]
    assert "employeeNumber is missing" in details[7]
    assert "no address" in details[8]
    assert details[12] == HELD
    assert "RuntimeError" in details[14]
    people = by_uid(staff)
    assert set(people) == (set(known) - {"E5"}) | {"E1", "E6"}
    assert (people["E3"]["id"], people["E6"]["id"]) == (by_hand, known["E5"]["id"])
    assert people["E-leaver"]["id"] == known["E-leaver"]["id"]
    assert {uid for uid, one in people.items() if not one["active"]} == {"E-first", "E-gone"}
    assert {uid for uid, one in people.items() if one["fields"].get("Job Title") == "Doctor"} == {
        "E1", "E-changed", "E-misfit",
    }  # fmt: skip
    with database.transaction(staff.connection) as cursor:
        backlog = journal.backlog(cursor)
    assert (backlog.waiting, backlog.set_aside) == (3, 1)  # two identities and a hold


def test_one_user_many_times_in_one_drain(staff: Roster) -> None:
    user = staff.create("ada", title="Nurse")
    staff.update(user, title="Doctor")
    staff.update(user, active=False)
    staff.update(user, title="Surgeon", active=True)
    staff.update(user, userName="ada.okafor")
    staff.update(user, title="")
    drain_once(staff)
    (between,) = staff.people()
    staff.update(user, title="Nurse")
    staff.delete(user)
    staff.create("ada.okafor", title="Dean")
    drain_once(staff)

    (one,) = staff.people()
    assert (between["uid"], between["active"], "Job Title" in between["fields"]) == ("ada.okafor", True, False)
    assert (one["id"], one["active"], one["fields"]["Job Title"]) == (between["id"], True, "Dean")
    assert [entry[:2] for entry in staff.log()] == [
        ("create", "applied"), ("update", "applied"), ("deactivate", "applied"), ("reactivate", "applied"),
        ("update", "applied"), ("update", "applied"), ("update", "applied"), ("delete", "applied"),
        ("create", "applied"),
    ]  # fmt: skip


@pytest.fixture
def refusing(owner_url: str) -> Iterator[str]:
    """A UID that the table itself refuses."""
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("alter table person add constraint person_refused check (uid <> 'refused') not valid")
        yield "refused"
        owner.execute("alter table person drop constraint person_refused")


def test_a_drain_that_fails_is_split_until_its_neighbours_are_applied_once(staff: Roster, refusing: str) -> None:
    users = {f"user{number:02}": staff.create(f"user{number:02}", title="Nurse") for number in range(40)}
    staff.create(refusing)
    for user in users.values():
        staff.update(user, title="Doctor")

    staff.drain()

    assert {uid: (one["fields"]["Job Title"]) for uid, one in by_uid(staff).items()} == dict.fromkeys(users, "Doctor")
    log = [entry[:2] for entry in staff.log()]
    assert [log.count(kind) for kind in (("create", "applied"), ("update", "applied"), ("create", "rejected"))] == [
        40, 40, 1,
    ]  # fmt: skip
    assert len(log) == 81
    (told,) = [entry[2] or "" for entry in staff.log() if entry[1] == "rejected"]
    assert "person_refused" in told
    with database.transaction(staff.connection) as cursor:
        assert journal.backlog(cursor)[:4:3] == (0, 1)
