"""Whose things a key reaches: every operation, read from the table, so that a new one cannot be forgotten."""

from io import BytesIO
from typing import Any

import pytest

from ingress.api.operation import Operation
from ingress.api.samples import OTHER_ID
from ingress.api.table import OPERATIONS
from models import database, master_list, person, token
from models.database import Connection
from models.directory import connections
from models.directory.connections import Wanted
from models.fields import schema
from models.imports import store
from models.sessions import taking
from tests.ingress.api.conftest import Caller, Tenant, answered
from tests.models.test_log_page import write

OWN = [one for one in OPERATIONS if "{" not in one.path]  # of the key's own organisation, by what they are
NAMED = [one for one in OPERATIONS if one not in OWN]


def name_of(operation: Operation) -> str:
    return operation.name


@pytest.fixture
def theirs(connection: Connection, south: Tenant) -> dict[str, str]:
    """An id of South's for each parameter of a path."""
    with database.transaction(connection, [south.list_id]) as cursor:
        person_id = person.add(cursor, south.list_id, "E1", {})
        token.issue(cursor, south.list_id, "", None, "test")
        [issued] = token.listing(cursor, south.list_id)
        write(cursor, south.list_id, id=7)
        key = schema.add(cursor, south.list_id, master_list.new_field("South Wing", "text")).key
        session_id = taking.take(cursor, south.list_id, "Spring", "test")
        wanted = Wanted("North", "north.example", OTHER_ID)
        connection_id = connections.add(cursor, south.organisation_id, "business", wanted, b"", "test")
        cursor.execute(
            "insert into job (id, list_id, kind, state, progress) values (%s, %s, 'directory', 'waiting', %s)",
            (OTHER_ID, south.list_id, '{"by": "test"}'),
        )
        imported = store.stage(cursor, south.list_id, "theirs.csv", "test", BytesIO(b"UID\n1\n"))
    return {
        "list_id": south.list_id, "person_id": person_id, "token_id": issued.id, "entry_id": "7",
        "connection_id": connection_id, "run_id": OTHER_ID, "prefix": south.reads[: token.PREFIX_LENGTH],
        "import_id": imported.id, "key": key, "session_id": session_id,
    }  # fmt: skip


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
    after["audit_entry"] = [row for row in after["audit_entry"] if row[5] not in ("people.export", "session.export")]
    assert after == before


def everything(connection: Connection) -> dict[str, Any]:
    """All rows that an operation could change, but for when a key was used."""
    tables = (
        "organisation", "master_list", "person", "connection", "field_mapping", "bearer_token", "log_entry", "guard",
        "directory_connection", "directory_sync", "job", "import", "import_row", "audit_entry", "api_replay",
        "list_session", "list_session_person",
    )  # fmt: skip
    rows = {name: connection.execute(f"select * from {name} order by 1, 2").fetchall() for name in tables}
    keys = connection.execute("select id, revoked_at from api_key order by id").fetchall()
    return rows | {"api_key": keys}


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
