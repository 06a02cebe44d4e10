"""`muster fill`: what it writes looks like what IdPs sent."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from models import connection as connections
from models import database, log_page, mapping_edit, mapping_preview, master_list, organisation, person
from models.database import Connection
from models.log_page import Filters
from ops import filling
from ops.cli import main


def test_a_list_is_filled_with_people_and_two_months_of_log(
    connection: Connection, database_url: str, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSTER_DATABASE_URL", database_url)
    monkeypatch.setenv("MUSTER_OWNER_URL", owner_url)
    CliRunner().invoke(main, ["list", "create", "Staff"])
    done = CliRunner().invoke(main, ["fill", "Staff", "--people", "100", "--log", "600", "--json"])
    report = json.loads(done.stdout)
    list_id = report["list_id"]

    people = list(person.people(connection, list_id, "all"))
    with database.transaction(connection, [list_id]) as cursor:
        entries = log_page.page(cursor, list_id, Filters(period="all"), count=1_000).entries
        held = cursor.execute(
            "select count(*) from person p join identity i on i.list_id = p.list_id and i.id = p.identity_id"
        ).fetchone()
    assert (report["people"], report["log"]) == (100, 600)
    assert (len(people), len(entries), held) == (100, 600, (100,))
    assert {"Ada", "Bo"} <= {one["fields"]["First Name"] for one in people}
    assert {"create", "update", "deactivate"} <= {entry.operation for entry in entries}
    assert {"applied", "rejected", "no_change"} <= {entry.result for entry in entries}
    assert timedelta(days=59) < datetime.now(UTC) - entries[-1].at < timedelta(days=61)
    assert all(entry.person_fields for entry in entries if entry.result == "applied")


def test_people_are_what_their_identity_provider_sent(connection: Connection, owner_url: str) -> None:
    with database.transaction(connection) as cursor:
        list_id = master_list.create(cursor, organisation.ensure(cursor, "North", "business"), "Staff")
        database.allow(cursor, [list_id])
        connections.connect(cursor, list_id, "userName", "test")
    filling.fill(connection, owner_url, list_id, 30, 0)

    with database.transaction(connection, [list_id]) as cursor:
        fields = master_list.fields(cursor, list_id)
        tried = mapping_preview.preview(cursor, list_id, mapping_edit.stored(cursor, list_id, fields), fields, {})

    assert (tried.looked_at, tried.changed, tried.fields) == (30, 0, {})
