"""`muster people`: a list's people shown, exported and imported."""

import csv
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from models import database, master_list, organisation, people_export, person
from models import job as jobs
from models.database import Connection
from ops.cli import main
from ops.commands.shared import whoami
from workers import importing


@pytest.fixture
def staff(monkeypatch: pytest.MonkeyPatch, connection: Connection, database_url: str, owner_url: str) -> Iterator[str]:
    """A list, and a worker that looks for imports by itself, as nobody hears the bell."""
    monkeypatch.setenv("MUSTER_DATABASE_URL", database_url)
    monkeypatch.setenv("MUSTER_OWNER_URL", owner_url)
    monkeypatch.setenv("MUSTER_REDIS_URL", "redis://127.0.0.1:1/0")
    fields = [master_list.new_field("Email", "email"), master_list.new_field("Phone", "text")]
    with database.transaction(connection) as cursor:
        list_id = master_list.create(cursor, organisation.ensure(cursor, "North"), "Staff", fields)
    over = threading.Event()
    worker = threading.Thread(target=_work, args=(database_url, list_id, over))
    worker.start()
    yield list_id
    over.set()
    worker.join()


def _work(url: str, list_id: str, over: threading.Event) -> None:
    with database.connect(url) as opened:
        while not over.wait(0.02):
            with database.transaction(opened, [list_id]) as cursor:
                found = [one.id for one in jobs.listing(cursor, list_id, jobs.IMPORT, 5) if one.is_open]
            for job_id in found:
                importing.work(opened, list_id, job_id)


def run(*arguments: str, **more: Any) -> Result:
    return CliRunner().invoke(main, ["people", *arguments], **more)


def add(connection: Connection, list_id: str, uid: str, **fields: Any) -> None:
    with database.transaction(connection, [list_id]) as cursor:
        person.add(cursor, list_id, uid, fields)


def test_without_a_command_a_list_is_shown_as_ever(connection: Connection, staff: str) -> None:
    add(connection, staff, "ada", email="ada@x.example")

    for arguments in (["Staff", "--json"], ["--status", "all", "Staff", "--json"], ["list", staff, "--json"]):
        [ada] = json.loads(run(*arguments).stdout)
        assert (ada["uid"], ada["fields"]) == ("ada", {"Email": "ada@x.example"})
    assert run("Staff").stdout == "ada  active  Email: ada@x.example\n"
    assert "import" in run("--help").stdout
    assert run().exit_code == 2


def test_a_file_is_looked_at_and_then_imported(connection: Connection, staff: str, tmp_path: Path) -> None:
    file, wrong = tmp_path / "staff.csv", tmp_path / "wrong.csv"
    file.write_bytes("Staff ID;E-mail;Tel.\r\n1;ada@x.example;'+44 20\r\n2;nonsense;\r\n".encode("utf-16"))

    looked = run("import", "Staff", str(file), "--dry-run", "--json")
    assert json.loads(looked.stdout)["counts"] == {
        "created": 1, "updated": 0, "unchanged": 0, "refused": 1, "locked": 0
    }  # fmt: skip
    assert json.loads(run("Staff", "--json").stdout) == []
    done = run("import", "Staff", str(file), "--errors", str(wrong))

    assert (looked.exit_code, done.exit_code) == (1, 1)
    assert "row 3: Email: 'nonsense' is not an e-mail address" in done.stderr
    [ada] = json.loads(run("Staff", "--json").stdout)
    assert ada["fields"] == {"Email": "ada@x.example", "Phone": "+44 20"}
    assert wrong.read_text() == (
        "\ufeffStaff ID,E-mail,Tel.,Error\n2,nonsense,,Email: 'nonsense' is not an e-mail address\n"
    )
    assert wrong.stat().st_mode & 0o777 == 0o600
    assert [one["state"] for one in json.loads(run("imports", "Staff", "--json").stdout)] == ["done", "previewed"]


def test_columns_are_matched_as_is_said(staff: str) -> None:
    content = "Badge,Nickname,E-mail\n7,Al,al@x.example\n"

    unmatched = run("import", "Staff", "-", input=content)
    done = run(
        "import", "Staff", "-", "--map", "Badge=UID", "--map", "nickname=Phone", "--map", "E-mail=", input=content
    )

    assert unmatched.exit_code == 2
    assert "no column is matched to the UID" in unmatched.stderr
    assert done.exit_code == 0, done.stderr
    [al] = json.loads(run("Staff", "--json").stdout)
    assert (al["uid"], al["fields"]) == ("7", {"Phone": "Al"})
    assert "no column 'X'" in run("import", "Staff", "-", "--map", "X=UID", input=content).stderr
    assert "no field 'X'" in run("import", "Staff", "-", "--map", "Badge=X", input=content).stderr
    assert len(json.loads(run("imports", "Staff", "--json").stdout)) == 1  # what was refused was not kept


def test_an_export_is_for_excel_and_comes_back_unchanged(connection: Connection, staff: str, tmp_path: Path) -> None:
    add(connection, staff, "ada", email="ada@x.example", phone="+44 20")
    add(connection, staff, "=bo", phone="'=1")

    exported = run("export", "Staff").stdout_bytes
    told = run("export", "Staff", "-o", str(tmp_path / "out.csv"), "--json")
    lines = [
        json.loads(line) for line in run("export", "Staff", "--format", "ndjson", "--search", "ADA").stdout.splitlines()
    ]
    back = run("import", "Staff", "-", "--json", input=exported)

    rows = list(csv.reader(io.StringIO(exported.decode("utf-8-sig"), newline="")))
    assert exported.startswith(b"\xef\xbb\xbfUID,Status,Email,Phone,Modified\r\n")
    assert [row[:4] for row in rows[1:]] == [
        ["'=bo", "Active", "", "''=1"],
        ["ada", "Active", "ada@x.example", "'+44 20"],
    ]
    assert json.loads(told.stdout)["people"] == 2
    assert (tmp_path / "out.csv").read_bytes() == exported
    assert [(one["uid"], one["fields"]["Phone"]) for one in lines] == [("ada", "+44 20")]
    assert json.loads(back.stdout)["counts"]["unchanged"] == 2


def test_what_is_not_at_work_is_neither_stopped_nor_gone_on_with(staff: str) -> None:
    assert "nothing to stop" in run("stop", "Staff").stderr
    assert "nothing to go on with" in run("resume", "Staff").stderr


def test_a_preview_s_file_is_discarded_and_what_was_run_is_not(staff: str, tmp_path: Path) -> None:
    file = tmp_path / "joiners.csv"
    file.write_text("UID\nada\n")
    tried = json.loads(run("import", "Staff", str(file), "--dry-run", "--json").stdout)
    done = json.loads(run("import", "Staff", str(file), "--json").stdout)

    assert "is discarded" in run("discard", "Staff", tried["import_id"]).stdout
    refused = run("discard", "Staff", done["import_id"])
    assert (refused.exit_code, "has changed the list" in refused.stderr) == (2, True)
    left = json.loads(run("imports", "Staff", "--json").stdout)
    assert [one["import_id"] for one in left] == [done["import_id"]]


def test_a_file_that_cannot_be_written_is_said_before_anybody_is_imported(staff: str, tmp_path: Path) -> None:
    refused = run("import", "Staff", "-", "--errors", str(tmp_path / "none" / "wrong.csv"), input="UID\nada\n")

    assert (refused.exit_code, "cannot be written: No such file" in refused.stderr) == (2, True)
    assert json.loads(run("imports", "Staff", "--json").stdout) == []


def test_a_file_is_whole_or_as_it_was(
    connection: Connection, staff: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "staff.csv"
    file.write_text("of yesterday")
    add(connection, staff, "ada")

    unknown = run("export", "Staf", "-o", str(file))
    with monkeypatch.context() as patched:
        patched.setattr(people_export, "stretch", lambda *_: 1 / 0)
        run("export", "Staff", "-o", str(file))
    full = run("export", "Staff", "-o", "/dev/full")

    assert (unknown.exit_code, full.exit_code) == (2, 2)
    assert "/dev/full cannot be written: No space left on device" in full.stderr
    assert (file.read_text(), [one.name for one in tmp_path.iterdir()]) == ("of yesterday", ["staff.csv"])
    assert run("export", "Staff", "-o", str(file)).exit_code == 0
    assert (file.read_bytes()[:6], file.stat().st_mode & 0o777) == (b"\xef\xbb\xbfUID", 0o600)


def test_what_is_done_on_the_command_line_is_in_the_audit_log(connection: Connection, staff: str) -> None:
    tried = json.loads(run("import", "Staff", "-", "--dry-run", "--json", input="UID\nada\n").stdout)
    run("discard", "Staff", tried["import_id"])
    run("import", "Staff", "-", input="UID\nada\n")
    run("export", "Staff", "--search", "ad")

    found = connection.execute("select action, detail from audit_entry where operator = %s order by at", (whoami(),))
    assert found.fetchall() == [
        ("import.upload", "people.csv: 1 row"), ("import.preview", "people.csv"), ("import.discard", "people.csv"),
        ("import.upload", "people.csv: 1 row"), ("import.preview", "people.csv"), ("import.run", "people.csv: 1 row"),
        ("people.export", "active, as csv, matching 'ad'"),
    ]  # fmt: skip
