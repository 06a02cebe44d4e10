"""What an export wrote is imported as itself, whatever anybody's values are; imports beside drains."""

import subprocess
import sys
import threading
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from models import database, master_list, organisation, people_export
from models import job as jobs
from models.database import Connection
from models.imports import slices
from models.text import equality_key, new_id
from tests.workers.conftest import Roster
from tests.workers.test_importing import Desk
from workers import importing

_numbers = count(1)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
NASTY = st.sampled_from(
    [
        "=1+1",
        "'=1",
        "''+",
        "+44 20 7946",
        "-5",
        "＝1",
        "@x",
        "a,b;c\t|",
        'say "no"',
        "a\r\nb",
        "\rx",
        " padded ",
        "sep=;",
    ]
)
VALUES = st.one_of(TEXT, NASTY, st.integers(-(10**15), 10**15), st.floats(allow_nan=False, allow_infinity=False))
UIDS = st.one_of(TEXT, NASTY).map(str.strip).filter(lambda uid: uid.isprintable() and uid)
LABELS = ("Status", "Modified", "=SUM", "Uid number", 'A "B", C', "Zwei  Wörter", "Email", "Born", "Height", "House")
KINDS = {"Email": "email", "Born": "date", "Height": "number", "House": "dropdown"}
PEOPLE = st.lists(
    st.tuples(UIDS, st.booleans(), st.dictionaries(st.sampled_from(LABELS), VALUES, max_size=4)),
    min_size=1, max_size=6, unique_by=lambda one: equality_key(one[0]),
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=PEOPLE, synced=st.booleans())
def test_an_export_is_imported_without_a_change_of_anybody(
    connection: Connection, people: list[tuple[str, bool, dict[str, Any]]], synced: bool
) -> None:
    desk, fields = _list_of(connection, people, synced)
    with database.transaction(connection, [desk.list_id]) as cursor:
        found = people_export.stretch(cursor, desk.list_id, fields, "csv", "all", "", None)
    before = desk.people()

    one = desk.bring(people_export.head(fields, "csv") + found.text, clear=True)
    assert desk.chosen.targets == ("uid", "@status", *(field.key for field in fields if not field.uid), "")
    desk.do(one, "preview")
    done = desk.do(one, "run")

    assert done.told == {"created": 0, "updated": 0, "unchanged": len(people), "refused": 0, "locked": 0}, desk.rows(
        one
    )
    assert desk.people() == before


def _list_of(connection: Connection, people: list[tuple[str, bool, dict[str, Any]]], synced: bool) -> Any:
    options = {"House": ["Red"]}
    made = [master_list.new_field(label, KINDS.get(label, "text"), options.get(label, ())) for label in LABELS]
    with database.transaction(connection) as cursor:
        owner = organisation.ensure(cursor, "North School")
        list_id = master_list.create(cursor, owner, f"Everybody {next(_numbers)}", made)
        database.allow(cursor, [list_id])
        fields = master_list.fields(cursor, list_id)
        keys = {field.label: field.key for field in fields}
        for uid, active, values in people:
            cursor.execute(
                "insert into person (list_id, id, uid, uid_key, active, identity_id, fields)"
                " values (%s, %s, %s, %s, %s, %s, %s)",
                (
                    list_id, new_id(), uid, equality_key(uid), active, new_id() if synced else None,
                    Jsonb({keys[label]: value for label, value in values.items()}),
                ),
            )  # fmt: skip
    return Desk(connection, list_id), fields


def test_imports_and_drains_of_the_same_people_go_side_by_side(
    staff: Roster, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "SLICE", 7)
    ids = [staff.create(f"p{number:02}@x.example", title="0") for number in range(40)]
    staff.drain()
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        master_list.ensure_fields(cursor, staff.list_id, [("Locker", "text")])
    over = threading.Event()
    importer = threading.Thread(target=_import_again, args=(database_url, staff.list_id, over))
    importer.start()
    try:
        for turn in range(1, 9):
            for identity_id in ids:
                staff.update(identity_id, title=str(turn))
            staff.drain()
    finally:
        over.set()
        importer.join()

    people = staff.people()
    assert {one["fields"]["Job Title"] for one in people} == {"8"}
    assert len({one["fields"]["Locker"] for one in people}) == 1
    assert [result for _, result, _ in staff.log() if result != "applied"] == []


def _import_again(url: str, list_id: str, over: threading.Event) -> None:
    """One import after the other of everybody's locker, until the drains are over; each is finished."""
    with database.connect(url, options="-c lock_timeout=1000") as opened:
        desk = Desk(opened, list_id)
        for turn in count():
            one = desk.bring("UID,Locker\n" + "".join(f"p{number:02}@x.example,L{turn}\n" for number in range(40)))
            for act in ("preview", "run"):
                job_id = desk.begin(one, act)
                while desk.now(one).is_open:
                    opened.execute("update job set not_before = null where id = %s", (job_id,))
                    importing.work(opened, list_id, job_id)
            if over.is_set():
                return


def test_a_job_whose_import_is_gone_is_over(staff: Roster) -> None:
    desk = Desk(staff.connection, staff.list_id)
    one = desk.bring("UID\n1\n")
    job_id = desk.begin(one, "preview")
    staff.connection.execute("delete from import")

    assert importing.work(staff.connection, staff.list_id, job_id) is False
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        job = jobs.find(cursor, staff.list_id, jobs.IMPORT, job_id)
        assert job is not None
        assert not job.is_open


WORKER = (
    "import sys; from models import database; from workers import importing;"
    "from models.imports import slices; slices.SLICE = 20;"
    "connection = database.connect(sys.argv[1]); importing.work(connection, *sys.argv[2:], seconds=60)"
)


def test_a_worker_that_is_killed_has_merged_what_it_said_and_another_goes_on(staff: Roster, database_url: str) -> None:
    desk = Desk(staff.connection, staff.list_id)
    one = desk.bring("UID,First Name\n" + "".join(f"p{number},P\n" for number in range(10_000)))
    desk.do(one, "preview")
    job_id = desk.begin(one, "run")

    with subprocess.Popen([sys.executable, "-c", WORKER, database_url, staff.list_id, job_id]) as worker:
        while desk.now(one).done < 100:
            assert worker.poll() is None
        worker.kill()
    left = desk.now(one)
    assert left.state == "running"
    assert len(desk.people()) == left.done < 10_000
    staff.connection.execute("update job set heartbeat_at = clock_timestamp() - interval '1 minute'")
    while importing.work(staff.connection, staff.list_id, job_id):
        pass

    assert (desk.now(one).state, desk.now(one).told["created"], len(desk.people())) == ("done", 10_000, 10_000)
