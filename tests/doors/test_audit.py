"""Whatever changes something is written down, whichever door it came by: all acts, by each of the three."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from ingress.api.app import Api
from ingress.console.app import Console
from models.audit import COMMAND_LINE
from models.audit_page import NOUNS
from models.database import Connection
from ops.commands.shared import whoami
from ops.settings import Settings
from ops.simulators.graph import Directory, GraphServer
from ops.vault import new_key
from tests.doors.api import Script
from tests.doors.commands import Commands
from tests.doors.console import EMAIL, Operator
from tests.doors.world import World
from tests.test_parity import ACTS, ROOT

NOWHERE = "redis://127.0.0.1:1/0"  # a bell that nobody hears
# What each act is written down as; acts that are not here look at things and change none.
WRITTEN = {
    "make a list": "list.create", "add a person": "person.add", "edit a person": "person.edit",
    "deactivate a person": "person.deactivate", "reactivate a person": "person.reactivate",
    "export people": "people.export", "bring a file": "import.upload", "match and preview an import": "import.preview",
    "run an import": "import.run", "stop an import": "import.stop", "go on with an import": "import.run",
    "discard an import": "import.discard", "connect to SCIM": "connection.connect",
    "disconnect": "connection.disconnect", "allow networks": "connection.networks", "issue a token": "token.issue",
    "revoke a token": "token.revoke",
    "save mappings": "mapping.save", "retry an entry": "log.retry", "keep the log": "log.retention",
    "release": "hold.release", "discard": "hold.discard", "set the guard": "guard.save",
    "add a directory": "directory.add", "change a directory": "directory.change",
    "remove a directory": "directory.remove", "connect to a directory": "connection.connect",
    "change a sync": "sync.change", "start a run": "sync.start", "stop a run": "sync.stop", "add a field": "field.add",
    "rename a field": "field.label", "require a field": "field.required", "move a field": "field.move",
    "change a type": "field.type", "remove a field": "field.remove", "add options": "field.options",
    "rename an option": "field.options", "move an option": "field.options", "remove an option": "field.options",
    "take a session": "session.take", "close a session": "session.close", "reopen a session": "session.reopen",
    "archive a session": "session.archive", "delete a session": "session.delete",
    "export a session": "session.export",
    "add somebody to a session": "session.add", "edit somebody in a session": "session.edit",
    "remove somebody from a session": "session.remove", "restore somebody in a session": "session.restore",
    "revoke an API key": "api_key.revoke",
}  # fmt: skip
LOOKS = ("see ", "list ", "look at ", "check ", "try ", "read ", "test ", "search ", "compare ", "take refused")


@pytest.fixture
def server() -> Iterator[GraphServer]:
    with GraphServer(Directory(users=2, groups=1)) as opened:
        yield opened


@pytest.fixture
def world(connection: Connection, server: GraphServer) -> World:
    return World(connection, server.directory)


@pytest.fixture
def settings(database_url: str, server: GraphServer) -> Settings:
    return Settings(
        database_url=database_url, redis_url=NOWHERE, secret_key=new_key(), graph_simulator=server.url,
        log_level="error",
    )  # fmt: skip


def check(world: World, door: Any, who: str, address: str = "testclient") -> None:
    """Each act writes one entry, of its kind, by this actor, from there and for the organisation; all are done."""
    steps, told = door.steps(), []
    for names, act in steps:
        since = world.connection.execute("select clock_timestamp()").fetchone()
        act()
        rows = world.connection.execute(
            "select action, operator, address, organisation_id::text from audit_entry where at > %s order by at", since
        ).fetchall()
        wanted = [(WRITTEN[name], who, address, world.organisation_id) for name in names.split(", ")]
        told += [] if rows == wanted else [(names, rows)]
        world.settle()
    assert told == []
    assert sorted(name for names, _ in steps for name in names.split(", ")) == sorted(WRITTEN)


def test_whatever_commands_change_is_written_down(
    world: World, settings: Settings, owner_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSTER_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("MUSTER_OWNER_URL", owner_url)
    monkeypatch.setenv("MUSTER_REDIS_URL", NOWHERE)
    monkeypatch.setenv("MUSTER_SECRET_KEY", str(settings.secret_key))
    monkeypatch.setenv("MUSTER_GRAPH_SIMULATOR", str(settings.graph_simulator))

    check(world, Commands(world, tmp_path), whoami(), COMMAND_LINE)


def test_whatever_the_api_changes_is_written_down(world: World, settings: Settings) -> None:
    api = Api(settings)
    api.start()
    with TestClient(api.app, base_url="http://muster.example") as client:
        script = Script(world, client)
        check(world, script, f"API key {script.key[:12]}")
    api.stop()


def test_whatever_the_console_changes_is_written_down(world: World, settings: Settings) -> None:
    console = Console(settings)
    console.start()
    with TestClient(console.app, base_url="http://console.example") as client:
        check(world, Operator(world, client), EMAIL)
    console.stop()


def test_every_act_is_written_down_or_looks_alone() -> None:
    looking = {act.name for act in ACTS if act.name.startswith(LOOKS)}

    assert looking | WRITTEN.keys() == {act.name for act in ACTS}
    assert looking & WRITTEN.keys() == set()


def test_the_filter_by_what_was_done_knows_all_that_is_written_down() -> None:
    sources = [file.read_text() for folder in ("ingress", "ops", "models") for file in (ROOT / folder).rglob("*.py")]
    written = {noun for text in sources for noun in re.findall(r"record\([^\"]*f?\"(\w+)\.", text)}

    assert {one.partition(".")[0] for one in WRITTEN.values()} | written == set(NOUNS)
