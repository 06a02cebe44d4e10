"""Stories that no recording tells: who becomes whom in the list, operation by operation (V1–V5)."""

import pytest

from models import connection, person
from tests.factories import replace, user
from tests.journeys.idp import Idp
from tests.journeys.system import Muster
from tests.journeys.waiting import eventually

pytestmark = pytest.mark.journey


def test_a_put_without_active_leaves_an_inactive_user_inactive(muster: Muster, staff: Idp) -> None:
    ada = staff.create(user("ada@north.example"))
    staff.set(ada, "active", False)
    answer = staff.put(ada, user("ada@north.example", active=None, title="Registrar"))
    muster.settled(staff.list_id)

    assert answer.status_code == 200
    assert answer.json()["active"] is False
    [ada_] = muster.people(staff.list_id)
    assert (ada_["active"], ada_["fields"]["Job Title"]) == (False, "Registrar")
    assert muster.story(staff.list_id) == ["create applied", "deactivate applied", "update applied"]


def test_a_post_after_deactivation_reactivates_the_same_user(muster: Muster, staff: Idp) -> None:
    ada = staff.create(user("ada@north.example", externalId="00u1"))
    staff.set(ada, "active", False)
    again = staff.post(user("ADA@north.example", externalId="00u1", title="Registrar"))
    muster.settled(staff.list_id)

    assert (again.status_code, again.json()["id"]) == (201, ada)
    [person_] = muster.people(staff.list_id)
    assert (person_["active"], person_["fields"]["Job Title"]) == (True, "Registrar")
    assert muster.story(staff.list_id) == ["create applied", "deactivate applied", "reactivate applied"]


def test_a_post_for_another_users_inactive_name_says_who_is_in_the_way(muster: Muster, staff: Idp) -> None:
    ada = staff.create(user("ada@north.example", externalId="00u1"))
    staff.set(ada, "active", False)
    other = staff.post(user("ada@north.example", externalId="00u2"))

    assert (other.status_code, other.json()["scimType"]) == (409, "uniqueness")
    assert "ada@north.example" in other.json()["detail"]
    assert "inactive" in other.json()["detail"]


def test_a_user_without_the_unique_identifier_waits_until_it_comes(muster: Muster, numbered: Idp) -> None:
    ada = numbered.create(user("ada@north.example"))
    muster.settled(numbered.list_id)
    [waiting] = muster.log(numbered.list_id)
    assert (waiting["result"], muster.people(numbered.list_id)) == ("waiting", [])
    assert "employeeNumber" in waiting["detail"]
    assert numbered.get(ada).status_code == 200

    numbered.put(ada, user("ada@north.example", employee_number="E-1"))
    muster.settled(numbered.list_id)

    created, updated = muster.log(numbered.list_id)
    assert (created["result"], created["detail"]) == ("no_change", f"Superseded by {updated['request_id']}")
    assert updated["result"] == "applied"
    assert [(each["uid"], each["active"]) for each in muster.people(numbered.list_id)] == [("E-1", True)]


def test_a_rehire_takes_the_person_over_from_the_leaver(muster: Muster, numbered: Idp) -> None:
    former = numbered.create(user("a.old@north.example", employee_number="E-1", externalId="old"))
    numbered.set(former, "active", False)
    rehired = numbered.create(user("a.new@north.example", employee_number="E-1", externalId="new"))
    muster.settled(numbered.list_id)
    numbered.set(former, "title", "Ghost")
    muster.settled(numbered.list_id)

    [one] = muster.people(numbered.list_id)
    assert (one["identity_id"], one["active"], one["anchor"]) == (rehired, True, "new")
    assert one["fields"]["Email"] == "a.new@north.example"
    assert "Job Title" not in one["fields"]
    last = muster.log(numbered.list_id)[-1]
    assert (last["identity_id"], last["result"]) == (former, "no_change")
    assert last["detail"].startswith("Taken over by")


def test_two_people_with_one_external_id_stay_two_people(muster: Muster, staff: Idp) -> None:
    staff.create(user("kim@east.example", externalId="kim"))
    staff.create(user("kim@west.example", externalId="kim"))
    muster.settled(staff.list_id)

    assert [(each["uid"], each["anchor"], each["active"]) for each in muster.people(staff.list_id)] == [
        ("kim@east.example", "kim", True),
        ("kim@west.example", "kim", True),
    ]
    assert muster.story(staff.list_id) == ["create applied", "create applied"]


def test_a_second_active_claim_on_a_uid_is_refused_by_name_and_value(muster: Muster, numbered: Idp) -> None:
    numbered.create(user("ada@north.example", employee_number="E-1"))
    bob = numbered.create(user("bob@north.example", employee_number="E-2"))
    created = numbered.post(user("eve@north.example", employee_number=" e-1 "))
    path = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber"
    changed = numbered.patch(bob, replace(path, "E-1"))

    for answer in (created, changed):
        assert (answer.status_code, answer.json()["scimType"]) == (409, "uniqueness")
        assert "employeeNumber" in answer.json()["detail"]
        assert "e-1" in answer.json()["detail"].lower()
    muster.settled(numbered.list_id)
    assert [each["uid"] for each in muster.people(numbered.list_id)] == ["E-1", "E-2"]


def test_a_value_that_does_not_fit_its_field_stops_only_itself(muster: Muster, staff: Idp) -> None:
    ada = staff.create(user("ada@north.example"))
    staff.patch(ada, replace('emails[type eq "work"].value', "not an address"), replace("title", "Dean"))
    muster.settled(staff.list_id)

    fields = muster.person(staff.list_id, "ada@north.example")["fields"]
    assert (fields["Email"], fields["Job Title"]) == ("ada@north.example", "Dean")
    last = muster.log(staff.list_id)[-1]
    assert last["result"] == "partly_applied"
    assert "Email" in last["detail"]
    assert "not an address" in last["detail"]
    assert last["changes"] == [{"field": "Job Title", "before": None, "after": "Dean"}]


def test_a_person_added_by_hand_is_adopted_with_their_local_fields(muster: Muster, staff: Idp) -> None:
    by_hand = muster.in_transaction(
        lambda cursor: person.add(cursor, staff.list_id, "Ada@North.example", {"locker": "17"}), staff.list_id
    )
    ada = staff.create(user("ada@north.example"))
    muster.settled(staff.list_id)

    [one] = muster.people(staff.list_id)
    assert (one["id"], one["identity_id"]) == (str(by_hand), ada)
    assert one["fields"]["locker"] == "17"
    assert one["fields"]["First Name"] == "Ada"


def test_a_deleted_user_comes_back_as_the_same_person(muster: Muster, staff: Idp) -> None:
    first = staff.create(user("ada@north.example", externalId="00u1"))
    muster.settled(staff.list_id)
    before = muster.person(staff.list_id, "ada@north.example")
    assert staff.delete(first).status_code == 204
    assert staff.delete(first).status_code == 404
    muster.settled(staff.list_id)
    assert muster.person(staff.list_id, "ada@north.example")["active"] is False

    second = staff.create(user("ada@north.example", externalId="00u1"))
    muster.settled(staff.list_id)

    [after] = muster.people(staff.list_id)
    assert second != first
    assert (after["id"], after["active"], after["identity_id"]) == (before["id"], True, second)
    assert muster.story(staff.list_id) == ["create applied", "delete applied", "create applied"]


def test_a_list_that_reconnects_adopts_its_people(muster: Muster, staff: Idp) -> None:
    ada = user("ada@north.example", externalId="00u1")
    bob = user("bob@north.example", externalId="00u2")
    staff.create(ada)
    staff.set(staff.create(bob), "active", False)
    muster.settled(staff.list_id)
    before = muster.people(staff.list_id)

    muster.cli("list", "disconnect", staff.list_id)
    assert staff.lookup("ada@north.example").status_code == 401
    eventually(
        lambda: not muster.rows("select 1 from connection where list_id = %s", staff.list_id),
        20,
        "the end of forgetting",
    )
    assert [(each["id"], each["identity_id"]) for each in muster.people(staff.list_id)] == [
        (each["id"], None) for each in before
    ]

    def reconnect() -> str:
        muster.in_transaction(
            lambda cursor: connection.connect(cursor, staff.list_id, "userName", "operator"), staff.list_id
        )
        return muster.new_token(staff.list_id)

    with Idp(staff.list_id, staff.base_url, reconnect()) as again:
        assert again.total() == 0
        new = [again.create(ada), again.create(bob)]
        muster.settled(staff.list_id)

    after = muster.people(staff.list_id)
    assert [(each["id"], each["active"]) for each in after] == [(each["id"], True) for each in before]
    assert [each["identity_id"] for each in after] == new


def test_the_command_line_tells_what_the_list_holds(muster: Muster, staff: Idp) -> None:
    ada = staff.create(user("ada@north.example", title="Dean"))
    staff.set(ada, "active", False)
    muster.settled(staff.list_id)

    [person_] = muster.cli("people", staff.list_id, "--status", "inactive")
    newest, oldest = muster.cli("log", staff.list_id)

    assert set(person_) == {"id", "uid", "anchor", "identity_id", "active", "fields"}
    assert (person_["uid"], person_["identity_id"], person_["fields"]["Job Title"]) == (
        "ada@north.example",
        ada,
        "Dean",
    )
    assert muster.cli("people", staff.list_id, "--status", "active") == []
    assert (newest["operation"], oldest["operation"]) == ("deactivate", "create")
    assert {"field": "Job Title", "before": None, "after": "Dean"} in oldest["changes"]
    assert muster.cli("backlog")["set_aside"] == 0
