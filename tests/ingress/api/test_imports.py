"""Imports and exports over the API: a file's way from a script into a list, and a list's people as a file."""

import csv
import io
from tempfile import SpooledTemporaryFile
from typing import Any
from urllib.parse import quote

import pytest

from ingress import uploads
from ingress.api import receiving
from models import api_key, database, person
from models import job as jobs
from models import people_export as stretches
from models.database import Connection
from models.imports import rows
from models.imports.encoding import LARGEST_FILE
from tests.ingress.api.conftest import Caller, answered
from tests.ingress.console.test_imports import without_room
from workers import importing

FILE = "UID;Lockers;First Name;Status\r\n1;7;Ada;\r\n2;8;Bo;maybe\r\n".encode("utf-16")
IMPORTS = "/lists/L/imports"


def upload(caller: Caller, content: bytes = FILE, **headers: str) -> Any:
    return answered(caller.send(f"{IMPORTS}?name=joiners.csv", content, **headers), 201)


def work(caller: Caller, connection: Connection) -> None:
    """What a worker does with what is open."""
    list_id = caller.tenant.list_id
    with database.transaction(connection, [list_id]) as cursor:
        found = [one.id for one in jobs.listing(cursor, list_id, jobs.IMPORT, 5) if one.is_open]
    assert found
    for job_id in found:
        while importing.work(connection, list_id, job_id):
            pass


def audited(connection: Connection) -> list[tuple[str, str]]:
    found = connection.execute("select action, operator from audit_entry where action ~ '^(import|people)' order by at")
    return [(row[0], row[1]) for row in found.fetchall()]


def test_a_file_goes_through_all_steps(caller: Caller, reader: Caller, connection: Connection) -> None:
    uploaded = caller.send(f"{IMPORTS}?name=C:\\joiners.csv", FILE)
    made = answered(uploaded, 201)
    one = f"{IMPORTS}/{made['id']}"
    assert uploaded.headers["location"] == f"/api/v1{caller.at(one)}"
    assert (made["state"], made["name"], made["rows"], made["matching"]) == ("uploaded", "joiners.csv", 2, None)
    assert [each["guess"] for each in made["columns"]] == ["uid", "", "first_name", "@status"]
    assert [each["outcome"] for each in reader.get(f"{one}/rows")["items"]] == [None, None]

    given = {"columns": {"lockers": "Locker"}, "dates": "day"}
    told = caller.post(f"{one}/preview", given, 202)
    assert told["state"] == "previewing"
    fills = ["uid", "locker", "first_name", "@status"]
    assert told["matching"]["columns"] == dict(zip(["UID", "Lockers", "First Name", "Status"], fills, strict=True))
    assert "previewed" in reader.get(f"{one}/rows", 409)["detail"]
    work(caller, connection)

    seen = reader.get(one)
    assert (seen["state"], seen["done"], seen["counts"]["created"], seen["counts"]["refused"]) == ("previewed", 2, 1, 1)
    [refused] = reader.get(f"{one}/rows?outcome=refused")["items"]
    assert (refused["number"], refused["cells"]["Status"]) == (3, "maybe")
    [complaint] = refused["complaints"]
    assert (complaint["column"], complaint["detail"][:29]) == ("Status", "Status: 'maybe' is neither Ac")
    assert reader.get("/lists/L/people?status=all")["items"] == []
    assert caller.post(f"{one}/run", status=202)["state"] == "running"
    work(caller, connection)

    assert reader.get(one)["state"] == "done"
    assert [each["fields"] for each in reader.get("/lists/L/people")["items"]] == [{"locker": "7", "first_name": "Ada"}]
    assert [name for name, _ in audited(connection)] == ["import.upload", "import.preview", "import.run"]
    assert {who for _, who in audited(connection)} == {f"API key {caller.key[:12]}"}


def test_a_file_in_an_old_encoding_is_read_as_it_is_said_to_be(caller: Caller) -> None:
    content = "UID;First Name\n1;Jiří\n".encode("cp1250")
    one = answered(caller.send(f"{IMPORTS}?name=a.csv&encoding=windows-1250", content), 201)

    assert caller.get(f"{IMPORTS}/{one['id']}/rows")["items"][0]["cells"]["First Name"] == "Jiří"
    assert caller.send(f"{IMPORTS}?encoding=klingon", content).status_code == 400


def test_another_preview_than_the_one_that_was_looked_at_is_not_run(caller: Caller, connection: Connection) -> None:
    one = f"{IMPORTS}/{upload(caller)['id']}"
    caller.post(f"{one}/preview", {}, 202)
    work(caller, connection)
    looked_at = quote(caller.get(one)["changed_at"])
    caller.post(f"{one}/preview", {"clear_empty": True}, 202)
    work(caller, connection)

    assert "previewed anew" in caller.post(f"{one}/run?seen={looked_at}", status=409)["detail"]
    assert caller.post(f"{one}/run?seen={quote(caller.get(one)['changed_at'])}", status=202)["state"] == "running"


def test_refused_rows_come_back_as_a_file(
    caller: Caller, reader: Caller, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "STRETCH", 2)
    lines = "".join(f"{number},maybe\n" for number in range(5))
    one = f"{IMPORTS}/{upload(caller, f'UID,Status{chr(10)}{lines}'.encode())['id']}"
    caller.post(f"{one}/preview", {}, 202)
    work(caller, connection)

    answer = reader.ask("GET", f"{one}/refused")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert answer.headers["content-disposition"] == 'attachment; filename="joiners-refused.csv"'
    found = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")))
    assert found[0] == ["UID", "Status", "Error"]
    assert [row[0] for row in found[1:]] == list("01234")


def test_rows_have_pages(caller: Caller) -> None:
    one = f"{IMPORTS}/{upload(caller, b'UID' + b''.join(b'%c%d' % (10, n) for n in range(5)))['id']}"

    first = caller.get(f"{one}/rows?limit=3")
    second = caller.get(f"{one}/rows?limit=3&cursor={first['next_cursor']}")

    assert [[row["number"] for row in page["items"]] for page in (first, second)] == [[2, 3, 4], [5, 6]]
    assert second["next_cursor"] is None
    assert caller.get(f"{one}/rows?cursor=WyJyb3dzIiw5OTk5OTk5OTk5OTk5OV0")["items"] == []


def test_imports_are_listed_newest_first(caller: Caller) -> None:
    made = [upload(caller)["id"] for _ in range(3)]

    first = caller.get(f"{IMPORTS}?limit=2")
    second = caller.get(f"{IMPORTS}?cursor={first['next_cursor']}")

    assert [one["id"] for page in (first, second) for one in page["items"]] == made[::-1]
    assert "columns" not in first["items"][0]


def test_an_import_is_stopped_gone_on_with_or_discarded(caller: Caller, connection: Connection) -> None:
    one = f"{IMPORTS}/{upload(caller)['id']}"
    caller.post(f"{one}/preview", {}, 202)
    assert "another import" in caller.post(f"{IMPORTS}/{upload(caller)['id']}/preview", {}, 409)["detail"].lower()
    assert caller.post(f"{one}/stop")["state"] == "uploaded"
    caller.post(f"{one}/stop", status=409)
    caller.post(f"{one}/run", status=422)
    caller.post(f"{one}/preview", {}, 202)
    work(caller, connection)
    caller.post(f"{one}/run", status=202)
    assert caller.post(f"{one}/stop")["state"] == "stopped"
    caller.delete(one, 422)
    caller.post(f"{one}/run", status=202)
    work(caller, connection)
    assert caller.get(one)["state"] == "done"
    caller.post(f"{one}/run", status=409)

    other = f"{IMPORTS}/{upload(caller)['id']}"
    caller.delete(other)
    caller.get(other, 404)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"columns": {"Hat": "uid"}}, "has no column 'Hat'"), ({"columns": {"Lockers": "hat"}}, "has no field 'hat'"),
        ({"columns": {"UID": ""}}, "No column is matched to the UID"), ({"dates": "year"}, "not as it has to be"),
        ({"columns": {"Lockers": "locker", "Status": "locker"}}, "both matched to Locker"),
    ],
)  # fmt: skip
def test_what_cannot_be_matched_is_said(caller: Caller, body: Any, says: str) -> None:
    one = f"{IMPORTS}/{upload(caller)['id']}"

    assert says in caller.post(f"{one}/preview", body, 422)["detail"]
    assert caller.get(one)["state"] == "uploaded"


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "The file is empty"), (b"PK\x03\x04", "This is a workbook"), (b"UID\n", "no rows")]
)
def test_what_is_wrong_with_a_file_is_said_and_nothing_kept(caller: Caller, content: bytes, says: str) -> None:
    assert says in answered(caller.send(IMPORTS, content), 422)["detail"]
    assert caller.get(IMPORTS)["items"] == []


def test_a_file_is_csv_and_has_a_limit_of_its_own(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "send text/csv" in answered(caller.send(IMPORTS, FILE, "application/json"), 415)["detail"]
    answered(caller.send(IMPORTS, FILE, Content_Encoding="gzip"), 415)
    answered(caller.send(f"{IMPORTS}?file=a", FILE), 400)
    # More than any other body may have.
    assert upload(caller, b"UID\n" + b"".join(b"%0200d\n" % number for number in range(6_000)))["rows"] == 6_000
    handlers = [one for route in caller.client.app.routes for one in getattr(route, "route_handlers", ())]
    [taking] = [one for one in handlers if one.resolve_request_max_body_size() == LARGEST_FILE]
    monkeypatch.setattr(taking, "_resolved_request_max_body_size", 2_000)
    assert "more than 64 MB" in answered(caller.send(IMPORTS, b"UID\n" + b"1\n" * 2_000), 413)["detail"]


def test_two_files_are_taken_at_a_time(caller: Caller) -> None:
    others = {f"another {number}" for number in range(uploads.AT_ONCE)}
    uploads.at_it.update(others)
    busy = caller.send(IMPORTS, FILE)
    uploads.at_it.difference_update(others)

    assert "Two other files" in answered(busy, 503)["detail"]
    upload(caller)


def test_a_disk_without_room_is_said_and_the_turn_given_back(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(SpooledTemporaryFile, "rollover", without_room)
        for _ in range(uploads.AT_ONCE + 1):
            full = answered(caller.send(IMPORTS, b"UID\n" + b"1\n" * 100_000), 503)
            assert "there is no room for a file on our disk" in full["detail"].lower()
    upload(caller)


def test_no_file_is_taken_of_whom_it_may_not_come(
    caller: Caller, reader: Caller, stranger: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "_take", None)  # would fail
    answered(reader.send(IMPORTS, FILE), 403)
    answered(stranger.send(caller.at(IMPORTS), FILE), 404)
    caller.key = "msk_" + "a" * 46
    answered(caller.send(IMPORTS, FILE), 401)


def test_an_upload_that_is_sent_again_is_kept_once(caller: Caller) -> None:
    first = caller.send(IMPORTS, FILE, Idempotency_Key='"a"')
    again = caller.send(IMPORTS, FILE, Idempotency_Key='"a"')
    other = caller.send(IMPORTS, FILE + b"\x00", Idempotency_Key='"a"')

    assert (first.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert answered(other, 422)["type"].endswith("#problem-key-reused")
    assert len(caller.get(IMPORTS)["items"]) == 1


def test_people_are_exported_as_they_are_filtered(
    reader: Caller, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stretches, "STRETCH", 2)
    list_id = reader.tenant.list_id
    with database.transaction(connection, [list_id]) as cursor:
        for uid in ("ada", "bo", "cy", "di", "ed"):
            person.add(cursor, list_id, uid, {"locker": "=1+1"})

    answer = reader.ask("GET", "/lists/L/people-export?status=all")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="people-{list_id}.csv"'
    found = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")))
    assert [row[:3] for row in found[1:]] == [[uid, "Active", "'=1+1"] for uid in ("ada", "bo", "cy", "di", "ed")]
    lines = reader.ask("GET", "/lists/L/people-export?format=ndjson&q=ada")
    assert (lines.headers["content-type"], len(lines.text.splitlines())) == ("application/x-ndjson", 1)
    assert audited(connection) == [("people.export", f"API key {reader.key[:12]}")] * 2
    reader.get("/lists/L/people-export?format=xml", 400)


def test_a_key_that_is_revoked_meanwhile_gets_no_more_of_a_file(
    reader: Caller, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    list_id = reader.tenant.list_id
    with database.transaction(connection, [list_id]) as cursor:
        for uid in "abcd":
            person.add(cursor, list_id, uid, {})
    asked: list[str | None] = []
    write = stretches.stretch

    def stretch(*given: Any) -> Any:
        asked.append(given[-1])
        with database.transaction(connection) as cursor:
            api_key.revoke(cursor, reader.key[:12])
        return write(*given)

    monkeypatch.setattr(stretches, "STRETCH", 2)
    monkeypatch.setattr(stretches, "stretch", stretch)
    with pytest.raises(Exception, match="after response started"):
        reader.ask("GET", "/lists/L/people-export")

    assert asked == [None]
