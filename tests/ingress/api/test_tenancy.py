"""Whose things a key reaches: every operation, read from the table, so that a new one cannot be forgotten."""

from typing import Any

import pytest

from ingress.api.operation import Operation
from ingress.api.table import OPERATIONS
from models.database import Connection
from tests.ingress.api.conftest import Caller, Tenant, answered
from tests.ingress.others import everything, furnish

OWN = [one for one in OPERATIONS if "{" not in one.path]  # of the key's own organisation, by what they are
NAMED = [one for one in OPERATIONS if one not in OWN]


def name_of(operation: Operation) -> str:
    return operation.name


@pytest.fixture
def theirs(connection: Connection, south: Tenant) -> dict[str, str]:
    """An id of South's for each parameter of a path."""
    made = furnish(connection, south.organisation_id, south.list_id)
    return {name: value for name, value in made.items() if name not in ("key_id", "user_id", "group_id")}


def ask(caller: Caller, operation: Operation, ids: dict[str, str]) -> Any:
    headers = {"If_Match": "*"} if operation.takes_version else {}
    if operation.takes:
        return caller.send(operation.path.format(**ids), operation.given, operation.takes)
    return caller.ask(operation.method, operation.path.format(**ids), operation.given, **headers)


@pytest.mark.parametrize("operation", NAMED, ids=name_of)
def test_what_another_organisation_has_is_unknown(
    caller: Caller, theirs: dict[str, str], operation: Operation, connection: Connection
) -> None:
    before = everything(connection)

    answered(ask(caller, operation, theirs), 404)
    if operation.ids[0] == "list_id" and len(operation.ids) > 1:
        # Another's id below a list of one's own.
        answered(ask(caller, operation, theirs | {"list_id": caller.tenant.list_id}), 404)

    assert everything(connection) == before


@pytest.mark.parametrize("operation", OWN, ids=name_of)
def test_what_is_listed_and_made_is_the_key_s_own(
    caller: Caller, theirs: dict[str, str], south: Tenant, operation: Operation
) -> None:
    answer = ask(caller, operation, theirs)

    assert answer.status_code < 500
    assert all(value not in answer.text for value in (*theirs.values(), south.organisation_id) if value != "7")


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.changes], ids=name_of)
def test_a_key_that_reads_changes_nothing(
    reader: Caller, theirs: dict[str, str], operation: Operation, connection: Connection
) -> None:
    before = everything(connection)

    told = answered(ask(reader, operation, theirs | {"list_id": reader.tenant.list_id}), 403)

    assert told["type"] == "/api/v1/docs#problem-forbidden"
    assert everything(connection) == before


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if not one.changes], ids=name_of)
def test_reading_changes_nothing(
    stranger: Caller, theirs: dict[str, str], operation: Operation, connection: Connection
) -> None:
    before = everything(connection)

    assert ask(stranger, operation, theirs).status_code in (200, 404)

    after = everything(connection)
    # That people were taken away as a file is written down.
    exports = (",people.export,", ",session.export,")
    after["audit_entry"] = [row for row in after["audit_entry"] if not any(one in str(row) for one in exports)]
    assert after == before


def test_a_key_of_a_plan_that_was_lowered_reads_on_and_is_refused_what_the_plan_lacks(
    caller: Caller, connection: Connection
) -> None:
    connection.execute("update organisation set plan = 'free'")
    caller.delete("/lists/L/connection")
    connection.execute("delete from connection")

    told = caller.post("/lists/L/connection", {"unique_identifier": "userName"}, 403)

    assert told["type"] == "/api/v1/docs#problem-plan"
    assert caller.get("/organisation")["includes"] == {"scim": False, "directory": False}
    assert caller.get("/lists/L/people")["items"] == []


def test_the_tests_have_an_id_for_each_parameter(theirs: dict[str, str]) -> None:
    assert {name for one in OPERATIONS for name in one.ids} == set(theirs)
