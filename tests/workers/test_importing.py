"""Imports of people: previewed, merged, stopped, resumed, beside drains and each other."""

import io
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from models import database, master_list, organisation, person
from models import job as jobs
from models.database import Connection, Cursor, lock_key
from models.errors import Refused, Taken, Unknown
from models.imports import matching, rows, runs, slices, store
from models.imports.store import Import
from tests.workers.conftest import Roster
from workers import importing
from workers.purging import Purge

FIELDS = [
    master_list.new_field("First Name", "text"),
    master_list.new_field("Locker", "number"),
    master_list.new_field("Born", "date"),
    master_list.new_field("House", "dropdown", ["Red", "Blue"]),
    master_list.new_field("Contract", "text", required=True),
]
HEAD = "UID,First Name,Locker,Born,House,Contract\n"


@dataclass
class Desk:
    """A list and imports into it, as a test drives them: no process, no queue."""

    connection: Connection
    list_id: str

    def bring(self, content: str, **options: Any) -> Import:
        """A file, staged and matched by guess."""
        with database.transaction(self.connection, [self.list_id]) as cursor:
            one = store.stage(cursor, self.list_id, "people.csv", "test", io.BytesIO(content.encode()))
            guessed = matching.guess(one.columns, master_list.fields(cursor, self.list_id))
            self.chosen = msgspec.structs.replace(guessed, **options)
        return one

    def begin(self, one: Import, act: str) -> str:
        """A job for the preview or the run."""
        with database.transaction(self.connection, [self.list_id]) as cursor:
            if act == "preview":
                return runs.preview(cursor, self.list_id, one.id, self.chosen)
            return runs.run(cursor, self.list_id, one.id)

    def do(self, one: Import, act: str) -> Import:
        """The preview or the run, to its end."""
        job_id = self.begin(one, act)
        while importing.work(self.connection, self.list_id, job_id):
            pass
        return self.now(one)

    def now(self, one: Import) -> Import:
        """An import as it is stored."""
        with database.transaction(self.connection, [self.list_id]) as cursor:
            return store.find(cursor, self.list_id, one.id)

    def through(self, content: str, **options: Any) -> Import:
        """Brought, previewed and run."""
        one = self.bring(content, **options)
        self.do(one, "preview")
        return self.do(one, "run")

    def people(self) -> dict[str, dict[str, Any]]:
        """Everyone by UID."""
        return {one["uid"]: one for one in person.people(self.connection, self.list_id, "all")}

    def rows(self, one: Import, outcome: str | None = None) -> list[rows.Shown]:
        """The first rows of an import."""
        with database.transaction(self.connection, [self.list_id]) as cursor:
            return rows.page(cursor, one, outcome)[0]

    def refused(self, one: Import) -> str:
        """The file of its refused rows."""
        with database.transaction(self.connection, [self.list_id]) as cursor:
            return rows.refused_head(one) + rows.refused(cursor, one, 0)[0]


@pytest.fixture
def desk(connection: Connection) -> Desk:
    """A list with fields of every kind that no IdP writes."""
    with database.transaction(connection) as cursor:
        owner = organisation.ensure(cursor, "North School")
        list_id = master_list.create(cursor, owner, "Pupils", FIELDS)
    return Desk(connection, list_id)


def counts(one: Import) -> dict[str, int]:
    return {name: count for name, count in one.told.items() if count}


def test_people_are_created_and_a_second_time_unchanged(desk: Desk) -> None:
    file = HEAD + "1,Ada,12,2001-02-03,red,yes\n2,Bo,,,,no\n"
    one = desk.bring(file)

    previewed = desk.do(one, "preview")
    assert (previewed.state, counts(previewed), desk.people()) == ("previewed", {"created": 2}, {})
    done = desk.do(one, "run")

    assert (done.state, counts(done)) == ("done", {"created": 2})
    people = desk.people()
    assert people["1"]["fields"] == {
        "First Name": "Ada", "Locker": 12, "Born": "2001-02-03", "House": "Red", "Contract": "yes"
    }  # fmt: skip
    assert people["2"]["fields"] == {"First Name": "Bo", "Contract": "no"}
    assert (people["1"]["active"], people["1"]["identity_id"]) == (True, None)
    assert counts(desk.through(file)) == {"unchanged": 2}


def test_only_what_differs_is_written_and_versions_move_by_one(desk: Desk) -> None:
    desk.through(HEAD + "1,Ada,12,,,yes\n2,Bo,,,,no\n")
    before = versions(desk)

    one = desk.through("uid,first name,locker\n1,Ada,13\n2,,\n")

    assert counts(one) == {"updated": 1, "unchanged": 1}
    assert desk.rows(one, "updated")[0].changes == [["Locker", 12, 13]]
    assert desk.people()["1"]["fields"] == {"First Name": "Ada", "Locker": 13, "Contract": "yes"}
    assert {uid: version - before[uid] for uid, version in versions(desk).items()} == {"1": 1, "2": 0}


def versions(desk: Desk) -> dict[str, int]:
    found = desk.connection.execute("select uid, version from person where list_id = %s", (desk.list_id,))
    return {row[0]: row[1] for row in found}


def test_empty_cells_clear_only_where_that_was_chosen_and_never_what_is_required(desk: Desk) -> None:
    desk.through(HEAD + "1,Ada,12,,,yes\n")

    left = desk.through(HEAD + "1,,,,,\n")
    refused = desk.through(HEAD + "1,,,,,\n", clear=True)
    cleared = desk.through("UID,First Name,Locker\n1,,\n", clear=True)

    assert (counts(left), counts(refused), counts(cleared)) == ({"unchanged": 1}, {"refused": 1}, {"updated": 1})
    assert desk.rows(refused)[0].complaints == [["Contract", "Contract is required: give it a value"]]
    assert desk.people()["1"]["fields"] == {"Contract": "yes"}


def test_the_first_of_two_rows_with_one_uid_wins_wherever_they_are(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE", 2)

    one = desk.through("UID,First Name,Contract\na,One,x\nb,Two,x\n A ,Three,x\nB,Four,x\nB,Five,x\n,Nobody,x\n")

    assert counts(one) == {"created": 2, "refused": 4}
    assert [row.error for row in desk.rows(one, "refused")] == [
        "row 2 has the same UID, and counts: remove one of the two",
        "row 3 has the same UID, and counts: remove one of the two",
        "row 3 has the same UID, and counts: remove one of the two",
        "the row has no UID: give it one",
    ]
    assert {uid: each["fields"]["First Name"] for uid, each in desk.people().items()} == {"a": "One", "b": "Two"}


def test_refused_rows_come_back_in_the_files_own_columns_and_can_be_mended(desk: Desk) -> None:
    one = desk.through('Staff ID,Locker,Note,Contract,House\n1,x,"a, b",yes,Green\n2,3,c,yes,Blue\n3,,,,\n')

    file = desk.refused(one)

    assert counts(one) == {"created": 1, "refused": 2}
    assert file == (
        "\ufeffStaff ID,Locker,Note,Contract,House,Error\r\n"
        "1,x,\"a, b\",yes,Green,\"Locker: 'x' is not a number that can be kept; House: 'Green' is not one of its"
        ' options (Red, Blue)"\r\n'
        "3,,,,,Contract is required: give it a value\r\n"
    )
    mended = desk.through(file.replace("1,x,", "1,4,").replace("Green", "blue").replace("3,,,,", "3,,,no,"))
    assert counts(mended) == {"created": 2}
    assert sorted(desk.people()) == ["1", "2", "3"]


def test_a_heading_that_a_spreadsheet_would_carry_out_is_defused_in_the_file_of_refused_rows(desk: Desk) -> None:
    one = desk.bring("UID,'=SUM(A1),Locker\n1,-5,x\n")
    one = desk.do(one, "preview")

    heading, row = desk.refused(one).splitlines()
    assert heading == "\ufeffUID,'=SUM(A1),Locker,Error"
    assert row.startswith("1,-5,x,")


def test_locked_fields_and_the_status_of_synced_people_are_left_alone_and_said_so(staff: Roster) -> None:
    desk = Desk(staff.connection, staff.list_id)
    staff.create("ada@x.example", name={"givenName": "Ada"}, title="Head")
    staff.drain()
    with database.transaction(desk.connection, [desk.list_id]) as cursor:
        master_list.ensure_fields(cursor, desk.list_id, [("Locker", "text")])

    one = desk.through(
        "UID,First Name,Job Title,Locker,Status\nADA@x.example,Eve,Head,7,inactive\nbo@x.example,Bo,Cook,8,inactive\n"
    )

    assert one.told == {"created": 1, "updated": 1, "unchanged": 0, "refused": 0, "locked": 1}
    assert desk.rows(one, "updated")[0].kept == ["First Name", "Status"]
    people = desk.people()
    assert people["ada@x.example"]["active"] is True
    assert people["ada@x.example"]["fields"] == {
        "First Name": "Ada", "Job Title": "Head", "Locker": "7", "Email": "ada@x.example",
        "Primary Email": "ada@x.example",
    }  # fmt: skip
    assert people["bo@x.example"]["active"] is False
    assert people["bo@x.example"]["fields"] == {"First Name": "Bo", "Job Title": "Cook", "Locker": "8"}


def test_a_killed_worker_loses_nothing_and_does_nothing_twice(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE", 10)
    one = desk.bring(HEAD + "".join(f"{number},P,{number},,,yes\n" for number in range(95)))
    desk.do(one, "preview")
    job_id = desk.begin(one, "run")
    moves = iter([True] * 3)
    real = store.move

    def dies(cursor: Cursor, moved: Import) -> None:
        if next(moves, None) is None:
            raise KeyboardInterrupt
        real(cursor, moved)

    with monkeypatch.context() as patch:
        patch.setattr(store, "move", dies)
        with pytest.raises(KeyboardInterrupt):
            importing.work(desk.connection, desk.list_id, job_id)
    assert (desk.now(one).done, len(desk.people())) == (30, 30)
    assert importing.work(desk.connection, desk.list_id, job_id) is False  # its heart beat a moment ago
    desk.connection.execute("update job set heartbeat_at = clock_timestamp() - interval '1 minute'")
    while importing.work(desk.connection, desk.list_id, job_id, seconds=0):
        pass

    assert (desk.now(one).state, counts(desk.now(one))) == ("done", {"created": 95})
    assert set(versions(desk).values()) == {1}


def test_a_run_is_stopped_between_slices_and_gone_on_with(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE", 10)
    one = desk.bring(HEAD + "".join(f"{number},P,,,,yes\n" for number in range(25)))
    desk.do(one, "preview")
    job_id = desk.begin(one, "run")
    assert importing.work(desk.connection, desk.list_id, job_id, seconds=0) is True
    with database.transaction(desk.connection, [desk.list_id]) as cursor:
        assert runs.stop(cursor, desk.list_id, one.id)
        assert not runs.stop(cursor, desk.list_id, one.id)
    assert importing.work(desk.connection, desk.list_id, job_id) is False

    assert (desk.now(one).state, counts(desk.now(one))) == ("stopped", {"created": 10})
    done = desk.do(one, "run")
    assert (done.state, counts(done), len(desk.people())) == ("done", {"created": 25}, 25)


def test_what_changed_since_the_preview_is_judged_anew(desk: Desk) -> None:
    desk.through(HEAD + "1,Ada,1,,,yes\n")
    one = desk.bring(HEAD + "1,Ada,2,,,yes\n2,Bo,,,,no\n")
    assert counts(desk.do(one, "preview")) == {"updated": 1, "created": 1}
    desk.through(HEAD + "1,Ada,2,,,yes\n2,Eve,,,,no\n")

    done = desk.do(one, "run")

    assert counts(done) == {"unchanged": 1, "updated": 1}
    assert [(row.outcome, list(row.changes)) for row in desk.rows(done)] == [
        ("unchanged", []), ("updated", [["First Name", "Eve", "Bo"]])
    ]  # fmt: skip


def test_a_field_that_is_gone_ends_the_import_with_a_sentence(desk: Desk) -> None:
    one = desk.bring(HEAD + "1,Ada,1,,,yes\n")
    desk.do(one, "preview")
    desk.connection.execute("update master_list set fields = fields - 2 where id = %s", (desk.list_id,))

    failed = desk.do(one, "run")

    assert (failed.state, failed.error) == (
        "failed", "column 'Locker' is matched to a field that the list does not have (any more)"
    )  # fmt: skip
    assert desk.people() == {}


def test_one_import_of_a_list_is_at_work_at_a_time(desk: Desk) -> None:
    first, second = desk.bring(HEAD + "1,A,,,,x\n"), desk.bring(HEAD + "1,B,,,,x\n")
    desk.begin(first, "preview")

    with pytest.raises(Taken, match="another import of this list is at work"):
        desk.begin(second, "preview")
    with pytest.raises(Taken, match="this import is at work"):
        desk.begin(first, "preview")


def test_an_import_belongs_to_its_list(desk: Desk) -> None:
    one = desk.bring(HEAD + "1,A,,,,x\n")
    with database.transaction(desk.connection) as cursor:
        other = master_list.create(cursor, organisation.ensure(cursor, "South"), "Pupils", FIELDS)

    for act in (store.find, runs.run, runs.stop, runs.discard):
        with pytest.raises(Unknown), database.transaction(desk.connection, [other]) as cursor:
            act(cursor, other, one.id)


@pytest.fixture
def second(database_url: str) -> Iterator[Connection]:
    """Another worker's connection, which waits for locks as long as workers do."""
    with database.connect(database_url, options="-c lock_timeout=200") as opened:
        yield opened


def test_people_whom_somebody_else_holds_are_waited_for_and_then_merged(desk: Desk, second: Connection) -> None:
    desk.through(HEAD + "1,Ada,1,,,yes\n")
    one = desk.bring(HEAD + "1,Ada,2,,,yes\n")
    desk.do(one, "preview")
    job_id = desk.begin(one, "run")

    with database.transaction(desk.connection, [desk.list_id]) as cursor:
        cursor.execute("select from person where list_id = %s for update", (desk.list_id,))
        assert importing.work(second, desk.list_id, job_id) is False
    with database.transaction(desk.connection, [desk.list_id]) as cursor:
        job = jobs.find(cursor, desk.list_id, jobs.IMPORT, job_id)
        assert job is not None
        assert (job.state, job.not_before is not None) == ("waiting", True)
    desk.connection.execute("update job set not_before = null")
    importing.work(second, desk.list_id, job_id)

    assert desk.people()["1"]["fields"]["Locker"] == 2


def test_what_a_spreadsheet_made_of_long_numbers_and_of_zeros_is_seen(desk: Desk) -> None:
    desk.through(HEAD + '0071,="4.5E+11",,,,yes\n7,Bo,100000000000,,,yes\n')
    file = HEAD + '="0071",4.5E+11,,,,yes\n7,4.47912E+11,1E+11,,,yes\n4.47912E+11,Di,,,,yes\n8,Ed,1.5E+11,,,yes\n'
    done = desk.through(file)

    assert counts(done) == {"unchanged": 1, "refused": 3}
    assert [row.complaints for row in desk.rows(done, "refused")] == [
        [
            [
                "First Name",
                "First Name: '4.47912E+11' is a number that a spreadsheet has shortened: format the column as text",
            ]
        ],
        [["UID", "the UID '4.47912E+11' is a number that a spreadsheet has shortened: format the column as text"]],
        [["Locker", "Locker: '1.5E+11' is a number that a spreadsheet has shortened: format the column as text"]],
    ]


@pytest.mark.parametrize("sign", ["\u200b", "\u00a0", "\u202e", "\x07"])
def test_a_uid_with_something_unseen_in_it_is_nobodys(desk: Desk, sign: str) -> None:
    done = desk.through(HEAD + f"EMP{sign}1,Ada,,,,yes\n")

    sentence = f"the UID holds a character that cannot be seen (U+{ord(sign):04X}): remove it"
    assert [row.error for row in desk.rows(done)] == [sentence]


def test_a_uid_that_no_index_holds_is_refused_and_its_import_goes_on(desk: Desk) -> None:
    uid = secrets.token_urlsafe(60_000)  # does not compress
    done = desk.through(HEAD + f"{uid},Ada,,,,yes\n{uid},Ada,,,,yes\n2,Bo,,,,no\n")

    assert counts(done) == {"created": 1, "refused": 2}
    assert {row.error for row in desk.rows(done, "refused")} == {"a UID has 1 to 250 characters, and this has 80,000"}


def test_what_nobody_foresaw_ends_an_import_with_a_sentence(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    one = desk.bring(HEAD + "1,Ada,,,,yes\n")
    with monkeypatch.context() as patched:
        patched.setattr(slices, "_note", lambda *_: 1 / 0)
        failed = desk.do(one, "preview")

    assert (failed.state, failed.error) == (
        store.FAILED,
        "its next rows could not be worked at (ZeroDivisionError): try again, and see the workers' log",
    )
    assert counts(desk.do(one, "preview")) == {"created": 1}


def test_a_file_without_rows_or_uid_is_refused_and_nothing_kept(desk: Desk) -> None:
    with pytest.raises(Refused, match="no rows"):
        desk.bring(HEAD)
    one = desk.bring("Wibble\n1\n")
    with pytest.raises(Refused, match="no column is matched to the UID"):
        desk.begin(one, "preview")
    with database.transaction(desk.connection, [desk.list_id]) as cursor:
        runs.discard(cursor, desk.list_id, one.id)
        assert store.listing(cursor, desk.list_id) == []
        assert cursor.execute("select count(*) from import_row").fetchone() == (0,)


def test_rows_are_purged_after_their_days_and_what_they_came_to_stays(desk: Desk) -> None:
    one = desk.through(HEAD + "1,Ada,1,,,yes\n2,B,,,,\n")
    with database.transaction(desk.connection) as cursor:
        assert store.overdue(cursor) == []
    desk.connection.execute("update import set created_at = now() - interval '31 days'")
    with database.transaction(desk.connection) as cursor:
        assert store.overdue(cursor) == [desk.list_id]
    Purge().some(desk.connection)
    with database.transaction(desk.connection) as cursor:
        assert store.overdue(cursor) == []

    assert (desk.rows(one), counts(desk.now(one)), desk.now(one).kept) == ([], {"created": 1, "refused": 1}, False)


def test_what_is_being_purged_is_not_run_without_the_rows_that_are_gone(desk: Desk) -> None:
    one = desk.bring(HEAD + "1,Ada,,,,yes\n2,Bo,,,,no\n")
    desk.do(one, "preview")
    desk.connection.execute("update import set created_at = created_at - interval '31 days'")
    with database.transaction(desk.connection, [desk.list_id]) as cursor:
        assert store.purge(cursor, desk.list_id, most=1)

    with pytest.raises(Refused, match="the rows of this import are gone"):
        desk.begin(one, "run")
    assert not desk.now(one).kept


def test_connected_lists_can_be_imported_into_before_anybody_was_synced(staff: Roster) -> None:
    desk = Desk(staff.connection, staff.list_id)
    desk.through("UID,First Name\nada@x.example,Eve\n")
    staff.create("ada@x.example", name={"givenName": "Ada"})
    staff.drain()

    [ada] = staff.people()
    assert (ada["fields"]["First Name"], ada["identity_id"] is not None) == ("Ada", True)


def test_a_field_that_is_being_changed_takes_no_row_of_a_file(desk: Desk, second: Connection) -> None:
    one = desk.bring(HEAD + "1,Ada,1,,,yes\n")
    desk.do(one, "preview")
    job_id = desk.begin(one, "run")
    with database.transaction(desk.connection, [desk.list_id]) as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", (lock_key("roster", desk.list_id),))

        assert importing.work(second, desk.list_id, job_id) is False, "it rests"
    assert desk.people() == {}
