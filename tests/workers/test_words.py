"""What a search for people finds, whoever wrote the person."""

import pytest

from models import database, person, person_page
from tests.workers.conftest import Roster


def found(staff: Roster, search: str) -> list[str]:
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        return [row.uid for row in person_page.page(cursor, staff.list_id, "all", search, None, None).rows]


@pytest.mark.parametrize(
    ("search", "finds"),
    [
        ("okafor", True), ("KAFO", True), ("straße", True), ("STRASSE", True), ("cafe\u0301", True),
        ("ada nurse", True), ("nu", True), ("rse", True), ("se", False), ("doctor", False), ("none", False),
    ],
)  # fmt: skip
def test_any_part_of_what_a_drain_wrote_is_found(staff: Roster, search: str, finds: bool) -> None:
    user = staff.create("ada", title="Doctor", displayName="Ada Okafor  Hauptstraße", name={"familyName": "Café"})
    staff.update(user, title="Nurse nurse")
    staff.create("bo")
    staff.drain()
    staff.update(user, active=False)
    staff.drain()

    assert found(staff, search) == (["ada"] if finds else [])


def test_what_an_operator_typed_is_found_and_what_it_replaced_is_not(staff: Roster) -> None:
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        ada = person.add(cursor, staff.list_id, "ada", {"locker": "seventeen"})
    added = found(staff, "seventeen")

    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        person.edit(cursor, staff.list_id, ada, 1, {"locker": "eighteen"})

    assert added == ["ada"]
    assert (found(staff, "seventeen"), found(staff, "eighteen")) == ([], ["ada"])


def test_who_changes_fields_and_knows_of_no_words_has_them_gathered(staff: Roster) -> None:
    staff.create("ada", title="Doctor")
    staff.drain()

    staff.connection.execute("update person set fields = replace(fields::text, 'Doctor', 'Nurse')::jsonb")

    assert (found(staff, "doctor"), found(staff, "nurse")) == ([], ["ada"])
