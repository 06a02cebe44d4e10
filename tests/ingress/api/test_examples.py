"""The requests of the docs page, pasted into a shell beside things that there are."""

import shlex
from io import BytesIO
from typing import Any

import httpx
import pytest

from ingress.api import docs
from ingress.api.samples import OTHER_ID, PERSON_ID
from models import connection as connections
from models import database, master_list, person, token
from models.database import Connection
from models.directory import connections as directories
from models.directory.connections import Wanted
from models.imports import store
from models.sessions import taking
from tests.ingress.api.conftest import Caller, Tenant
from tests.models.test_log_page import write

FILE = b"Staff ID,House\nE2,North\n"
HOUSE = master_list.new_field("House", "dropdown", ["North", "South"])
# What cannot be done to the things below as they are: the example is understood, and refused by a rule.
NOT_NOW = {
    "create_list": 409, "add_field": 409, "connect_scim": 422, "run_import": 422, "stop_import": 409,
    "retry_log_entry": 409, "delete_session": 409, "restore_session_person": 409, "test_directory": 422,
    "search_groups": 422, "get_sync": 404, "save_sync": 422, "start_run": 404, "get_run": 404, "stop_run": 404,
}  # fmt: skip


@pytest.fixture
def ids(caller: Caller, connection: Connection, north: Tenant) -> dict[str, str]:
    """What stands in the place of the examples' ids."""
    with database.transaction(connection) as cursor:
        list_id = master_list.create(cursor, north.organisation_id, "Teachers", [HOUSE])
        database.allow(cursor, [list_id])
        connections.connect(cursor, list_id, "userName", "test")
        person_id = person.add(cursor, list_id, "E1", {"house": "North"})
        cursor.execute("update person set held_seq = 1, held_at = now() where id = %s", (person_id,))
        write(cursor, list_id, id=7)
        session_id = taking.take(cursor, list_id, "Spring", "test")
        token.issue(cursor, list_id, "", None, "test")
        wanted = Wanted("Entra", "north.example", OTHER_ID)
        imported = store.stage(cursor, list_id, "some.csv", "test", BytesIO(FILE))
        return {
            "list_id": list_id, "person_id": person_id, "entry_id": "7", "session_id": session_id, "key": "house",
            "token_id": token.listing(cursor, list_id)[0].id, "import_id": imported.id, "run_id": OTHER_ID,
            "prefix": north.reads[:12],
            "connection_id": directories.add(cursor, north.organisation_id, "business", wanted, b"", "test"),
        }  # fmt: skip


def paste(caller: Caller, one: dict[str, Any], ids: dict[str, str]) -> httpx.Response:
    """What curl would send; `If-Match` with any version, as the example's is none of ours."""
    line = one["curl"].replace("\\\n", " ").replace("$(uuidgen)", "8e03978e").replace("$KEY", caller.key)
    line = (
        line.replace(PERSON_ID, ids["person_id"])
        .replace(OTHER_ID, ids["connection_id"])
        .replace("'If-Match: \"7\"'", "'If-Match: *'")
    )
    method, url, headers, body, words = "", "", {}, None, iter(shlex.split(line))
    assert next(words) == "curl"
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, headers[name] = next(words).partition(": ")
        elif word in ("-d", "--data-binary"):
            body = next(words).replace("@people.csv", FILE.decode())
        else:
            url = word
    path = f"{docs.HOST}{one['path']}"
    assert url.partition("?")[0].count("/") == path.count("/")
    url = url.replace(url.partition("?")[0], path.format(**ids))
    return caller.client.request(method or ("POST" if body else "GET"), url, headers=headers, content=body)


@pytest.mark.parametrize("one", docs.operations(), ids=lambda one: one["id"])
def test_an_example_is_done_as_it_stands(one: dict[str, Any], caller: Caller, ids: dict[str, str]) -> None:
    answer = paste(caller, one, ids)

    assert answer.status_code == NOT_NOW.get(one["id"], int(one["status"])), answer.text
