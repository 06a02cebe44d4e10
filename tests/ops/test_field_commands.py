"""`muster field …`: what each prints, and what is refused."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from models import database, job, person
from models.database import Connection
from ops.cli import main
from workers import refit


class Muster:
    """The command line beside a list called Staff."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.list_id = ""

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    def json(self, *arguments: str) -> Any:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def refused(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert (result.exit_code, result.stdout) == (2, ""), result.output
        return result.stderr

    def add(self, uid: str, **fields: Any) -> None:
        with database.transaction(self.connection, [self.list_id]) as cursor:
            person.add(cursor, self.list_id, uid, fields)

    def work(self) -> None:
        """Work the open job off."""
        with database.transaction(self.connection, [self.list_id]) as cursor:
            found = job.latest(cursor, self.list_id, job.FIELDS)
        assert found is not None
        refit.refit(self.connection, self.list_id, found.id, 60)

    def values(self) -> dict[str, Any]:
        return {one["uid"]: one["fields"] for one in self.json("people", "Staff", "--status", "all")}


@pytest.fixture
def muster(monkeypatch: pytest.MonkeyPatch, connection: Connection, database_url: str) -> Muster:
    monkeypatch.setenv("MUSTER_DATABASE_URL", database_url)
    monkeypatch.setenv("MUSTER_REDIS_URL", "redis://127.0.0.1:1/0")  # a bell that nobody hears
    made = Muster(connection)
    made.list_id = made.json("list", "create", "Staff")["list_id"]
    return made


def test_a_field_is_added_renamed_moved_required_and_listed(muster: Muster) -> None:
    assert muster.json("field", "add", "Staff", "Locker")["key"] == "locker"
    muster.json("field", "rename", "Staff", "locker", "Cupboard")
    muster.json("field", "move", "Staff", "CUPBOARD", "1")
    muster.add("ada", locker="12")
    muster.add("bo")
    required = muster.run("field", "require", "Staff", "Cupboard")

    shown = muster.json("field", "list", "Staff")["fields"]
    text = muster.run("field", "list", "Staff").stdout.splitlines()

    assert "1 people have no value" in required.stdout
    assert [(one["label"], one["key"], one["required"], one["people"]) for one in shown[:2]] == [
        ("UID", "uid", True, 2),
        ("Cupboard", "locker", True, 1),
    ]
    assert {one["label"]: one["mapped"] for one in shown}["Job Title"] == "Title"
    assert text[0].split() == ["LABEL", "KEY", "TYPE", "REQUIRED", "FILLED", "BY", "PEOPLE"]


def test_a_type_is_checked_then_changed(muster: Muster) -> None:
    muster.json("field", "add", "Staff", "Locker")
    muster.add("ada", locker="12")
    muster.add("bo", locker="left")

    checked = muster.json("field", "retype", "Staff", "Locker", "number", "--check")
    refusal = muster.refused("field", "retype", "Staff", "Locker", "number")
    done = muster.run("field", "retype", "Staff", "Locker", "number", "--clear")
    running = muster.json("field", "list", "Staff")["changing"]
    muster.work()

    assert (checked["people"], checked["misfits"], checked["examples"]) == (2, 1, ["left"])
    assert "1 of 2 values of Locker do not fit the type number ('left')" in refusal
    assert "Workers change people's values now" in done.stdout
    assert (running["label"], running["done"], running["total"]) == ("Locker", 0, 2)
    assert muster.values() == {"ada": {"Locker": 12}, "bo": {}}


def test_a_field_is_removed_when_it_is_said_twice(muster: Muster) -> None:
    muster.json("field", "add", "Staff", "Locker")
    muster.add("ada", locker="12")

    warned = muster.refused("field", "remove", "Staff", "Locker")
    mapped = muster.refused("field", "remove", "Staff", "Job Title", "--yes")
    muster.json("field", "remove", "Staff", "Locker", "--yes")

    assert "1 people have a value of Locker, and would lose it: say --yes" in warned
    assert "filled by the mapping of Title" in mapped
    assert muster.values() == {"ada": {}}
    assert "no field 'Locker'" in muster.refused("field", "rename", "Staff", "Locker", "Cupboard")


def test_options_are_changed_one_thing_at_a_time(muster: Muster) -> None:
    muster.json("field", "add", "Staff", "Team", "--type", "dropdown", "--option", "Red", "--option", "Blue")
    muster.add("ada", team="Red")

    muster.json("field", "options", "Staff", "Team", "--add", "Green")
    muster.json("field", "options", "Staff", "Team", "--move", "Green", "1")
    muster.json("field", "options", "Staff", "Team", "--rename", "Red", "Crimson")
    muster.work()
    shown = muster.run("field", "options", "Staff", "Team").stdout.splitlines()
    muster.json("field", "options", "Staff", "Team", "--remove", "Crimson", "--clear")
    muster.work()

    assert shown == ["Green  0", "Crimson  1", "Blue  0"]
    assert muster.values() == {"ada": {}}
    assert "one thing at a time" in muster.refused("field", "options", "Staff", "Team", "--add", "A", "--remove", "B")
    assert "--keep or --clear" in muster.refused("field", "options", "Staff", "Team", "--remove", "Blue")
