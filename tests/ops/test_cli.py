"""The commands, in this process, against the database of the tests."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from models import database, journal, master_list, organisation
from models.blocked import Blocker, Late
from models.journal import Entry
from models.text import new_id
from ops.cli import COMMANDS, main
from ops.commands.shared import whoami
from ops.commands.tokens import Span
from ops.embedded import SERVING, Postgres


@pytest.fixture
def muster(
    monkeypatch: pytest.MonkeyPatch, connection: database.Connection, database_url: str, owner_url: str
) -> "Muster":
    monkeypatch.setenv("MUSTER_DATABASE_URL", database_url)
    monkeypatch.setenv("MUSTER_OWNER_URL", owner_url)
    monkeypatch.setenv("MUSTER_PUBLIC_URL", "https://scim.north.example")
    return Muster()


class Muster:
    """The command line."""

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    def json(self, *arguments: str) -> Any:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


def test_a_list_and_its_tokens(muster: Muster) -> None:
    made = muster.json("list", "create", "Staff", "--uid", "email")
    issued = muster.json("token", "issue", made["list_id"], "--label", "Okta", "--expires", "90d")
    muster.json("token", "revoke", issued["prefix"])
    [shown] = muster.json("token", "list", "Staff")

    assert made["scim_base_url"] == f"https://scim.north.example/scim/v2/{made['list_id']}"
    assert issued["token"].startswith(issued["prefix"])
    assert (shown["prefix"], shown["label"]) == (issued["prefix"], "Okta")
    assert shown["revoked_at"] < shown["expires_at"]
    assert issued["token"] not in json.dumps(shown)


def test_lists_are_shown_with_their_organisation_and_connection(
    muster: Muster, connection: database.Connection
) -> None:
    made = [muster.json("list", "create", name, "--org", org) for name, org in (("Staff", "North"), ("Staff", "South"))]
    with database.transaction(connection) as cursor:
        bare = master_list.create(cursor, organisation.ensure(cursor, "West"), "Students")
    muster.run("list", "disconnect", made[1]["list_id"])

    shown = muster.json("list", "list")
    text = muster.run("list", "list").stdout.splitlines()

    assert [(each["list_id"], each["organisation"], each["state"]) for each in shown] == [
        (made[0]["list_id"], "North", "connected"),
        (made[1]["list_id"], "South", "disconnecting"),
        (bare, "West", None),
    ]
    assert [(each["name"], each["scim_base_url"]) for each in shown[:1]] == [("Staff", made[0]["scim_base_url"])]
    assert text[0].split() == ["LIST", "NAME", "ORGANISATION", "STATE", "SCIM", "BASE", "URL"]
    assert ["not connected" in line for line in text[1:]] == [False, False, True]


def test_a_list_that_is_to_be_synced_is_made_without_a_connection(muster: Muster) -> None:
    made = muster.run("list", "create", "Staff", "--no-connect", "--plan", "pro")
    [shown] = muster.json("list", "list")

    assert made.exit_code == 0
    assert f"muster sync connect {shown['list_id']}" in made.stdout
    assert "SCIM" not in made.stdout
    assert shown["state"] is None


def test_disconnect_says_what_stays_and_refuses_twice(muster: Muster) -> None:
    muster.json("list", "create", "Staff")

    first, second = muster.run("list", "disconnect", "Staff"), muster.run("list", "disconnect", "Staff")

    assert (first.exit_code, second.exit_code) == (0, 2)
    assert "its people stay" in first.output


def test_the_database_may_be_named_by_a_file(
    muster: Muster, monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "url").write_text(f"{database_url}\n")
    monkeypatch.delenv("MUSTER_DATABASE_URL")
    monkeypatch.setenv("MUSTER_DATABASE_URL_FILE", str(tmp_path / "url"))

    assert muster.json("backlog")["pending"] == 0


@pytest.mark.parametrize("command", ["backlog", "ingress", "workers", "up"])
def test_a_file_that_is_not_there_is_refused_in_a_sentence(
    muster: Muster, monkeypatch: pytest.MonkeyPatch, command: str, tmp_path: Path
) -> None:
    monkeypatch.delenv("MUSTER_DATABASE_URL")
    monkeypatch.setenv("MUSTER_DATABASE_URL_FILE", "/nowhere/url")
    monkeypatch.setenv("MUSTER_DATA", str(tmp_path / "data"))
    result = muster.run(command)

    assert result.exit_code == 2
    assert "MUSTER_DATABASE_URL_FILE names /nowhere/url, which cannot be used: No such file" in result.stderr


def test_doctor_tells_a_warning_from_a_failure(muster: Muster, postgres: Postgres) -> None:
    with database.connect(postgres.url("postgres")) as superuser:
        superuser.execute(f"revoke pg_read_all_stats from {SERVING}")
        shown = muster.run("doctor", "--no-reach")
        checks = json.loads(muster.run("doctor", "--no-reach", "--json").stdout)["checks"]
        superuser.execute(f"grant pg_read_all_stats to {SERVING}")

    assert shown.exit_code == 1  # for these tests' own server, which forgets a power cut
    assert "warn  activity" in shown.stdout
    assert "FAIL  durable" in shown.stdout
    assert "public URL" not in shown.stdout
    assert {frozenset(each) for each in checks} == {frozenset(("check", "ok", "detail", "warning"))}


def test_a_plan_that_is_too_low_is_refused_with_exit_code_2(muster: Muster) -> None:
    result = muster.run("list", "create", "Staff", "--org", "Small School", "--plan", "pro")

    assert result.exit_code == 2
    assert "needs the Business or Enterprise plan" in result.stderr
    assert muster.json("list", "list") == []


@pytest.mark.parametrize(
    "arguments",
    [("people", "Nobody"), ("log", "Nobody"), ("token", "issue", "Nobody"), ("token", "revoke", "sct_00000000"),
     ("list", "create", "Staff", "--uid", "nickName"), ("token", "issue", "Staff", "--expires", "soon"), ("fly",)],
)  # fmt: skip
def test_wrong_use_is_exit_code_2_with_a_sentence(muster: Muster, arguments: tuple[str, ...]) -> None:
    result = muster.run(*arguments)

    assert result.exit_code == 2
    assert result.stderr.strip()
    assert "Traceback" not in result.output


def test_an_unreachable_database_is_exit_code_3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_DATABASE_URL", "postgresql://nobody@/muster?host=/nonexistent")

    result = CliRunner().invoke(main, ["backlog"])

    assert result.exit_code == 3
    assert "the database does not answer" in result.stderr


def test_no_running_system_is_exit_code_3(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.delenv("MUSTER_DATABASE_URL", raising=False)

    result = CliRunner().invoke(main, ["people", "Staff", "--data", str(tmp_path)])

    assert result.exit_code == 3
    assert "no `muster up` is running" in result.stderr


def test_an_empty_list_is_an_empty_array(muster: Muster) -> None:
    muster.json("list", "create", "Staff")

    assert muster.json("people", "Staff", "--status", "all") == []
    assert muster.json("log", "Staff") == []


def test_the_backlog_has_its_four_numbers_and_the_lists_that_wait(muster: Muster) -> None:
    assert muster.json("backlog") == {"pending": 0, "oldest_seconds": 0.0, "waiting": 0, "set_aside": 0, "lists": []}


def test_the_backlog_is_told_by_list(muster: Muster, connection: database.Connection) -> None:
    made = muster.json("list", "create", "Staff")
    with database.transaction(connection, [made["list_id"]]) as cursor:
        entry = Entry(made["list_id"], new_id(), "create", "{}", None, None, "request-1", None)
        journal.append(cursor, [entry])
        cursor.execute("update journal set accepted_at = accepted_at - interval '39 seconds'")

    told, shown = muster.json("backlog"), muster.run("backlog").output

    assert (told["pending"], [one["pending"] for one in told["lists"]]) == (1, [1])
    [one] = told["lists"]
    assert (one["id"], one["name"], one["blocked_by"]) == (made["list_id"], "Staff", [])
    assert 39 <= one["oldest_seconds"] < 60
    assert re.search(rf"Staff +{made['list_id']} +1 +(39|4\d) s", shown)


def test_the_backlog_names_who_blocks_a_list(
    muster: Muster, connection: database.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, who = Late("abc", "Staff", 33, 39.2), Blocker(4711, "owner", "nightly-report", "idle in transaction", 61.0)
    monkeypatch.setattr("ops.backlog.by_list", lambda _: [(late, [who])])

    told, shown = muster.json("backlog"), muster.run("backlog").output

    assert told["lists"][0]["blocked_by"] == [
        {"pid": 4711, "user": "owner", "application": "nightly-report", "state": "idle in transaction",
         "open_seconds": 61.0}
    ]  # fmt: skip
    assert "pid 4711: nightly-report of owner, idle in transaction, open for 61 s" in shown


def test_an_operators_password_is_shown_once(muster: Muster, connection: database.Connection) -> None:
    added = muster.json("operator", "add", "mila@north.example")
    reset = muster.json("operator", "reset", "mila@north.example")
    [listed] = muster.json("operator", "list")

    assert added["password"] != reset["password"]
    assert (listed["email"], "password" in listed) == ("mila@north.example", False)
    told = connection.execute("select action, detail, operator from audit_entry order by at").fetchall()
    assert told == [
        ("operator.add", "mila@north.example admin", whoami()), ("operator.reset", "mila@north.example", whoami()),
    ]  # fmt: skip


def test_migrating_twice_changes_nothing(muster: Muster) -> None:
    assert muster.json("migrate") == muster.json("migrate")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])

    assert result.exit_code == 0
    assert "Usage: " in result.output


@pytest.mark.parametrize(("text", "span"), [("90d", timedelta(days=90)), ("2W", timedelta(weeks=2))])
def test_spans_of_time(text: str, span: timedelta) -> None:
    assert Span().convert(text, None, None) == span


def test_a_server_that_is_too_old_is_refused_before_anything_is_changed(
    muster: Muster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("models.database.LEAST_VERSION", 99)
    monkeypatch.setattr("alembic.command.upgrade", lambda *_: pytest.fail("it was changed"))
    (tmp_path / "dump").touch()

    for arguments in (["migrate"], ["restore", str(tmp_path / "dump")]):
        result = muster.run(*arguments)
        assert result.exit_code == 2, result.output
        assert "Muster needs PostgreSQL 99 or newer, and this server is PostgreSQL" in result.stderr
