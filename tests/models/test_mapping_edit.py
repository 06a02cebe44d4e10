"""An operator's choices for the 27 attributes: what is wrong with them, what changes, and how they are stored."""

from dataclasses import replace
from typing import Any

import pytest
from psycopg.errors import LockNotAvailable
from psycopg.types.json import Jsonb

from models import connection as connections
from models import database, extension, job, mapping_choice, mapping_edit, mapping_preview, master_list, organisation
from models.attributes import ATTRIBUTES
from models.database import Connection
from models.errors import Refused
from models.extension import Seen
from models.mapping import Field
from models.mapping_choice import DEFAULT, NEW, Choice
from models.mapping_edit import Conflicts, SavedElsewhere

URN = "urn:ietf:params:scim:schemas:extension:Custom:2.0:User"
NUMBER = {attribute.label: number for number, attribute in enumerate(ATTRIBUTES)}
FIELDS = [master_list.UID_FIELD, Field("first_name", "First Name", "text"), Field("locker", "Locker", "number")]


def choice(attribute: str, field: str = DEFAULT, on: bool = True, **more: Any) -> Choice:
    return Choice(NUMBER[attribute], more.pop("path", ATTRIBUTES[NUMBER[attribute]].path), on, field, **more)


def faults(*choices: Choice, types: dict[str, str] | None = None) -> dict[int, tuple[str, bool]]:
    _, found = mapping_choice.targets(choices, FIELDS, types or {})
    return {number: (fault.sentence, fault.clash) for number, fault in found.items()}


def test_the_later_of_two_that_want_one_field_is_told_who_has_it() -> None:
    assert faults(choice("Given name"), choice("Display name", "first_name")) == {
        NUMBER["Display name"]: ("First Name already receives Given name. Each field can take one attribute.", True)
    }
    assert faults(choice("Given name"), choice("Display name", "first_name", on=False)) == {}


def test_two_new_fields_of_one_label_are_one_field() -> None:
    clashing = faults(choice("Title", NEW, label="Role"), choice("Department", NEW, label=" role "))

    assert [clash for _, clash in clashing.values()] == [True]


def test_an_attributes_own_field_is_made_only_where_the_list_has_none_of_its_name() -> None:
    fields = [*FIELDS, Field("t", "job TITLE", "text")]
    found, _ = mapping_choice.targets([choice("Title"), choice("Work e-mail")], fields, {})

    assert found == {NUMBER["Title"]: fields[-1], NUMBER["Work e-mail"]: Field("", "Email", "email")}


def test_the_uid_is_no_field_to_be_mapped_to() -> None:
    assert list(faults(choice("Title", "uid"), choice("Department", NEW, label="uid"))) == [
        NUMBER["Title"], NUMBER["Department"],
    ]  # fmt: skip


def test_extension_attributes_with_one_plain_value_are_offered() -> None:
    seen = [
        Seen("user", URN, "badge", "integer", False),
        Seen("user", URN, "desk", "complex", False),
        Seen("user", URN, "desk.floor", "string", False),
        Seen("user", URN, "skills", "string", True),
        Seen("user", URN, "cars", "complex", True),
        Seen("user", URN, "cars.plate", "string", False),
        Seen("user", "acme:user", "odd", "string", False),
        Seen("group", URN, "purpose", "string", False),
    ]
    mapped = choice("Custom attribute B", "locker", path=f"{URN}:earlier")

    assert mapping_choice.offered(seen, [mapped, choice("Title")]) == {
        f"{URN}:badge": "number", f"{URN}:desk.floor": "text", f"{URN}:earlier": "text",
    }  # fmt: skip


def test_only_what_differs_where_it_is_on_counts_as_a_change() -> None:
    before = [choice("Title", "locker"), choice("Department", on=False), choice("Given name", "first_name")]
    after = [
        replace(before[0], transform="trim"),
        replace(before[1], field="locker", transform="uppercase"),
        replace(before[2], on=False),
    ]

    assert mapping_choice.changes(before, before, FIELDS, {}) == []
    assert mapping_choice.changes(before, after, FIELDS, {}) == ["Title to Locker (trim)", "Given name off"]


@pytest.fixture
def list_id(connection: Connection) -> str:
    with database.transaction(connection) as cursor:
        made = master_list.create(cursor, organisation.ensure(cursor, "North"), "Staff", [FIELDS[2]])
        connections.connect(cursor, made, "userName", "test")
    return made


def present(connection: Connection, list_id: str) -> list[Choice]:
    with database.transaction(connection, [list_id]) as cursor:
        return mapping_edit.stored(cursor, list_id, master_list.fields(cursor, list_id))


def save(connection: Connection, list_id: str, version: int, *changed: Choice) -> mapping_edit.Saved | None:
    choices = present(connection, list_id)
    for one in changed:
        choices[one.number] = one
    with database.transaction(connection, [list_id]) as cursor:
        types = {f"{URN}:badge": "number", f"{URN}:desk": "text"}
        return mapping_edit.save(cursor, list_id, version, choices, types)


def rows(connection: Connection) -> dict[str, tuple[Any, ...]]:
    found = connection.execute("select attribute, field, enabled, transform from field_mapping").fetchall()
    return {row[0]: row[1:] for row in found}


def test_a_save_stores_what_is_on_and_remembers_the_field_of_what_is_off(connection: Connection, list_id: str) -> None:
    save(connection, list_id, 1, choice("Title", "job_title", on=False), choice("Middle name", transform="trim"))

    stored = rows(connection)
    assert stored["title"] == ("job_title", False, "copy")
    assert stored["name.middleName"] == ("middle_name", True, "trim")
    assert present(connection, list_id)[NUMBER["Title"]] == choice("Title", "job_title", on=False)


def test_one_that_is_off_leaves_its_field_to_one_that_is_on(connection: Connection, list_id: str) -> None:
    save(connection, list_id, 1, choice("Title", "job_title", on=False), choice("Middle name", "job_title"))

    assert "title" not in rows(connection)
    assert rows(connection)["name.middleName"] == ("job_title", True, "copy")


def test_mappings_that_swap_fields_are_saved_in_one_go(connection: Connection, list_id: str) -> None:
    save(connection, list_id, 1, choice("Given name", "last_name"), choice("Family name", "first_name"))

    assert [rows(connection)[path][0] for path in ("name.givenName", "name.familyName")] == ["last_name", "first_name"]


def test_the_slots_keep_their_extension_attributes(connection: Connection, list_id: str) -> None:
    save(
        connection, list_id, 1,
        choice("Custom attribute A", "locker", path=f"{URN}:badge"),
        choice("Custom attribute B", NEW, label="Desk", path=f"{URN}:desk"),
    )  # fmt: skip

    slots = [one.path for one in present(connection, list_id) if one.attribute.path is None]
    assert slots == [f"{URN}:badge", f"{URN}:desk"]
    assert save(connection, list_id, 2) is None


def test_a_conflict_leaves_everything_as_it_was(connection: Connection, list_id: str) -> None:
    before = rows(connection)

    with pytest.raises(Conflicts) as refusal:
        save(connection, list_id, 1, choice("Title", "first_name"))

    assert "already receives Given name" in refusal.value.detail
    assert rows(connection) == before
    assert connection.execute("select mapping_version from connection").fetchone() == (1,)


def test_of_two_who_saw_one_version_the_first_saves(connection: Connection, list_id: str) -> None:
    assert save(connection, list_id, 1, choice("Title", "job_title", on=False)) is not None

    with pytest.raises(SavedElsewhere):
        save(connection, list_id, 1, choice("Department", "department", on=False))
    assert rows(connection)["title"][1] is False


def test_a_list_that_is_being_disconnected_takes_no_mappings(connection: Connection, list_id: str) -> None:
    with database.transaction(connection, [list_id]) as cursor:
        connections.disconnect(cursor, list_id)

    with pytest.raises(Refused, match="not connected"):
        save(connection, list_id, 1, choice("Title", "job_title", on=False))


def test_a_save_waits_for_the_drains_that_have_begun(connection: Connection, list_id: str, database_url: str) -> None:
    connection.execute("set lock_timeout = 50")
    with database.connect(database_url) as drain, drain.transaction():
        drain.execute("select pg_advisory_xact_lock_shared(%s)", (database.lock_key("roster", list_id),))

        with pytest.raises(LockNotAvailable):
            save(connection, list_id, 1, choice("Title", "job_title", on=False))
    assert save(connection, list_id, 1, choice("Title", "job_title", on=False)) is not None


def test_versions_go_on_after_a_new_connection(connection: Connection, list_id: str) -> None:
    save(connection, list_id, 1, choice("Title", "job_title", transform="uppercase"))
    with database.transaction(connection, [list_id]) as cursor:
        connections.disconnect(cursor, list_id)
        while connections.forget(cursor, list_id):
            pass
        connections.connect(cursor, list_id, "userName", "test")
        present = mapping_edit.version(cursor, list_id)

    # Whoever opened the editor before all that saw other mappings.
    with pytest.raises(SavedElsewhere):
        save(connection, list_id, 1, choice("Title", "job_title"))
    assert present == 3


def test_a_saved_change_takes_the_place_of_an_older_job(connection: Connection, list_id: str) -> None:
    first = save(connection, list_id, 1, choice("Title", "job_title", on=False))
    second = save(connection, list_id, 2, choice("Title", "job_title"))
    assert first is not None
    assert second is not None

    with database.transaction(connection, [list_id]) as cursor:
        claims = [job.claim(cursor, list_id, one.job_id) for one in (first, second, second)]
    assert [one is not None for one in claims] == [False, True, False]


def test_the_last_values_are_those_of_whoever_changed_last(connection: Connection, list_id: str) -> None:
    for number, (uid, title) in enumerate((("ada", "Nurse"), ("bo", None), ("cy", "Cook"))):
        document = {"userName": uid, URN: {"badge": number}} | ({"title": title} if title else {})
        connection.execute(
            "insert into identity (list_id, id, user_name_key, active, document, created, modified) values"
            " (%s, gen_random_uuid(), %s, true, %s, now(), now() - make_interval(mins => %s))",
            (list_id, uid, Jsonb(document), 10 - (number + 1) % 3),
        )

    with database.transaction(connection, [list_id]) as cursor:
        paths = ["userName", "title", f"{URN}:badge", "displayName"]
        last = mapping_preview.last_values(cursor, list_id, paths)
        nothing = mapping_preview.last_values(cursor, "aaaaaaaaaa", paths)

    assert last == {"userName": "bo", "title": "Nurse", f"{URN}:badge": "1"}
    assert nothing == {}


def test_another_lists_extension_attributes_are_not_offered(connection: Connection, list_id: str) -> None:
    with database.transaction(connection, [list_id, "bbbbbbbbbb"]) as cursor:
        extension.note(cursor, [("bbbbbbbbbb", "user", {URN: {"secret": "x"}})])
        assert mapping_choice.offered(extension.listing(cursor, list_id), []) == {}
