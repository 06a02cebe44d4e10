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


def test_people_are_what_their_identity_provider_sent(
    connection: Connection, database_url: str, owner_url: str
) -> None:
    with database.transaction(connection) as cursor:
        list_id = master_list.create(cursor, organisation.ensure(cursor, "North", "business"), "Staff")
        database.allow(cursor, [list_id])
        connections.connect(cursor, list_id, "userName", "test")
    filling.fill(database_url, owner_url, list_id, 30, 0)

    with database.transaction(connection, [list_id]) as cursor:
        fields = master_list.fields(cursor, list_id)
        tried = mapping_preview.preview(cursor, list_id, mapping_edit.stored(cursor, list_id, fields), fields, {})

    assert (tried.looked_at, tried.changed, tried.fields) == (30, 0, {})


def test_what_is_written_does_not_follow_from_how_many_streams_write(
    connection: Connection, database_url: str, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "STRETCH", 7)
    written = {}
    for streams in (1, 3):
        with database.transaction(connection) as cursor:
            list_id = master_list.create(cursor, organisation.ensure(cursor, "North", "business"), f"{streams}")
        filling.fill(database_url, owner_url, list_id, 30, 100, streams)
        with database.transaction(connection, [list_id]) as cursor:
            cursor.execute(
                "select user_name_key, document, p.fields, e.key from identity i join person p on p.list_id = i.list_id"
                " and p.identity_id = i.id join identity_email e on e.list_id = i.list_id and e.identity_id = i.id"
                " where i.list_id = %s order by 1",
                (list_id,),
            )
            people = cursor.fetchall()
            cursor.execute(
                "select operation, result, e.user_name, changes from log_entry e where list_id = %s order by at, id",
                (list_id,),
            )
            written[streams] = people, cursor.fetchall()

    assert (len(written[1][0]), len(written[1][1])) == (30, 100)
    assert written[1] == written[3]


def test_a_log_of_two_months_lies_in_the_partitions_of_its_months(
    connection: Connection, database_url: str, owner_url: str
) -> None:
    with database.transaction(connection) as cursor:
        list_id = master_list.create(cursor, organisation.ensure(cursor, "North", "business"), "Staff")
    filling.fill(database_url, owner_url, list_id, 10, 100)

    elsewhere = connection.execute("select count(*) from only log_entry_other").fetchone()

    assert elsewhere == (0,)
