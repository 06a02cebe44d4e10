"""What ingress accepts: uniqueness, re-creation, and several changes of one identity in one batch."""

from typing import Any

import pytest

from models import acceptance, database, identity_acceptance, journal
from models.change import Accepted, Change, Outcome, Request
from models.database import Connection
from models.errors import Refused, Taken, Unknown
from models.resource import Document

LIST = "staffstaff"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def change(verb: str, identity_id: str | None = None, **attributes: Any) -> Change:
    def apply(present: Document | None) -> Document:
        return {**(present or {}), **attributes}

    return Change(LIST, verb, Request("request"), apply, identity_id)


def create(user_name: str, **attributes: Any) -> Change:
    return change("create", None, userName=user_name, **({"active": True} | attributes))


def accept(connection: Connection, *changes: Change, uid: str = "userName") -> list[Outcome]:
    with database.transaction(connection, [LIST]) as cursor:
        outcomes, _ = acceptance.accept(cursor, changes, {LIST: uid})
    return outcomes


def accept_one(connection: Connection, one: Change, uid: str = "userName") -> Accepted:
    (outcome,) = accept(connection, one, uid=uid)
    assert isinstance(outcome, Accepted), outcome
    return outcome


def test_one_bad_change_does_not_fail_its_neighbours(connection: Connection) -> None:
    def refuse(_: Document | None) -> Document:
        raise Refused("no")

    bad = Change(LIST, "create", Request("request"), refuse)

    outcomes = accept(connection, create("ada"), bad, create("bo"))

    assert [type(outcome) for outcome in outcomes] == [Accepted, Refused, Accepted]


def test_a_user_name_is_taken_in_any_case_within_a_batch_and_across(connection: Connection) -> None:
    first, same_batch = accept(connection, create("ada@x.example"), create("ADA@X.example"))
    (later,) = accept(connection, create("Ada@x.example"))

    assert isinstance(first, Accepted)
    assert isinstance(same_batch, Taken)
    assert isinstance(later, Taken)
    assert "Ada@x.example" in later.detail
    assert later.scim_type == "uniqueness"


def test_an_inactive_user_is_revived_by_a_create(connection: Connection) -> None:
    old = accept_one(connection, create("ada", externalId="1", title="Nurse"))
    accept_one(connection, change("update", old.id, active=False))

    new = accept_one(connection, create("ada", externalId="1", title="Doctor"))

    assert (new.id, new.operation, new.document["active"]) == (old.id, "reactivate", True)
    assert new.document["title"] == "Doctor"


def test_an_inactive_user_with_another_external_id_is_not(connection: Connection) -> None:
    old = accept_one(connection, create("ada", externalId="1"))
    accept_one(connection, change("update", old.id, active=False))

    (outcome,) = accept(connection, create("ada", externalId="2"))

    assert isinstance(outcome, Taken)
    assert old.id in outcome.detail


@pytest.mark.parametrize("claim", ["create", "update", "reactivate"])
def test_two_active_users_never_claim_one_uid(connection: Connection, claim: str) -> None:
    number = {ENTERPRISE: {"employeeNumber": "E1"}}
    accept_one(connection, create("ada", **number), "employeeNumber")
    if claim == "create":
        wanted = create("bo", **number)
    elif claim == "update":
        wanted = change("update", accept_one(connection, create("bo"), "employeeNumber").id, **number)
    else:
        bo = accept_one(connection, create("bo", active=False, **number), "employeeNumber")
        wanted = change("update", bo.id, active=True)

    (outcome,) = accept(connection, wanted, uid="employeeNumber")

    assert isinstance(outcome, Taken)
    assert "employeeNumber 'E1'" in outcome.detail
    assert "ada" in outcome.detail


def test_changes_of_one_identity_in_one_batch_build_on_each_other(connection: Connection) -> None:
    ada = accept_one(connection, create("ada"))

    outcomes = accept(
        connection,
        change("update", ada.id, title="a"),
        change("update", ada.id, nickName="b"),
        change("delete", ada.id),
    )

    assert [o.version for o in outcomes if isinstance(o, Accepted)] == [2, 3, 3]
    assert isinstance(accept(connection, change("update", ada.id, title="c"))[0], Unknown)


def test_a_change_that_changes_nothing_raises_no_version_but_is_journaled(connection: Connection) -> None:
    ada = accept_one(connection, create("ada", title="Nurse"))

    again = accept_one(connection, change("update", ada.id, title="Nurse"))

    assert again.version == 1
    with database.transaction(connection, [LIST]) as cursor:
        assert journal.backlog(cursor).pending == 2


def test_a_user_name_passes_on_within_one_batch(connection: Connection) -> None:
    ada = accept_one(connection, create("ada"))

    renamed, taken = accept(connection, change("update", ada.id, userName="ada.old"), create("ada"))

    assert isinstance(renamed, Accepted)
    assert isinstance(taken, Accepted)
    assert taken.id != ada.id


def test_true_is_not_one(connection: Connection) -> None:
    ada = accept_one(connection, create("ada", **{"urn:acme:x": {"level": 1}}))

    changed = accept_one(connection, change("update", ada.id, **{"urn:acme:x": {"level": True}}))

    assert changed.version == 2
    assert changed.document["urn:acme:x"]["level"] is True


def test_a_user_that_grew_too_large_is_refused_and_stays_as_it_was(connection: Connection) -> None:
    ada = accept_one(connection, create("ada", title="Nurse"))

    (outcome,) = accept(connection, change("update", ada.id, title="x" * identity_acceptance.MOST_BYTES))

    assert isinstance(outcome, Refused)
    assert (outcome.status, outcome.identity_id, outcome.user_name) == (413, ada.id, "ada")
    assert accept_one(connection, change("update", ada.id)).document["title"] == "Nurse"


def test_a_refused_reactivation_tells_whom_it_was_about(connection: Connection) -> None:
    number = {ENTERPRISE: {"employeeNumber": "E1"}}
    accept_one(connection, create("ada", **number), "employeeNumber")
    bo = accept_one(connection, create("bo", active=False, **number), "employeeNumber")

    (outcome,) = accept(connection, change("update", bo.id, active=True), uid="employeeNumber")

    assert isinstance(outcome, Taken)
    assert (outcome.identity_id, outcome.user_name, outcome.operation) == (bo.id, "bo", "reactivate")
