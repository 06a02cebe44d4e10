"""`muster sync`: how a list is pulled from its directory, runs of it, and what is refused."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from models import database, organisation
from models.database import Connection
from models.directory.runs import Progress, Run
from ops.commands.sync_shown import doing
from tests.ops.directory_commands import Muster

AT = datetime(2026, 11, 29, 8, tzinfo=UTC)


@pytest.fixture
def staff(entra: Muster) -> str:
    """A list that is connected to everybody in the directory."""
    entra.add()
    list_id = entra.new_list()
    entra.json("sync", "connect", "Staff", "--directory", "North")
    return list_id


def chosen(entra: Muster) -> tuple[Any, ...]:
    """Groups by name, guests, minutes, time of day, time zone."""
    told = entra.json("sync", "show", "Staff")
    groups = told["groups"] and [group["name"] for group in told["groups"]]
    return groups, told["guests"], told["every_minutes"], told["at"], told["time_zone"]


def test_a_list_is_connected_to_everybody_or_to_groups_by_name_or_id(entra: Muster) -> None:
    entra.add()
    interns = entra.directory.add_group("Interns", entra.directory.user_ids()[:2])
    entra.directory.add_group("All staff’s", entra.directory.user_ids())
    entra.new_list()

    made = entra.json(
        "sync", "connect", "Staff", "--directory", "north", "--uid", "email", "--group", "all staff’s", "--group",
        interns, "--no-guests", "--at", "02:30", "--time-zone", "Europe/Amsterdam",
    )  # fmt: skip

    assert made["directory"]["name"] == "North"
    assert chosen(entra) == (["All staff’s", "Interns"], False, 1440, "02:30", "Europe/Amsterdam")
    assert entra.json("sync", "show", "Staff")["next_at"] > datetime.now(UTC).isoformat()
    assert entra.json("directory", "list")[0]["used_by"] == ["Staff"]
    assert "daily at 02:30 (Europe/Amsterdam)" in entra.run("sync", "show", "Staff").stdout


def test_what_is_not_said_stays(entra: Muster, staff: str) -> None:
    entra.directory.add_group("Interns", entra.directory.user_ids()[:2])

    first = entra.json("sync", "change", staff, "--group", "Interns", "--every", "30m")
    both = chosen(entra)
    second = entra.json("sync", "change", staff, "--no-guests")
    third = chosen(entra)
    entra.json("sync", "change", staff, "--everybody", "--every", "never")

    assert (first["changed"], both) == (["groups", "schedule"], (["Interns"], True, 30, None, "UTC"))
    assert (second["changed"], third) == (["guests"], (["Interns"], False, 30, None, "UTC"))
    assert chosen(entra) == (None, False, None, None, "UTC")
    assert entra.json("sync", "show", "Staff")["next_at"] is None
    assert entra.json("sync", "change", staff, "--everybody")["changed"] == []


def test_a_group_that_is_unknown_or_ambiguous_is_refused(entra: Muster, staff: str) -> None:
    twins = [entra.directory.add_group("Twins") for _ in range(2)]
    nobody = "00000000-0000-4000-8000-000000000000"

    assert "no group called 'Twin'" in entra.refused("sync", "change", "Staff", "--group", "Twin")
    assert f"no group with the id {nobody}" in entra.refused("sync", "change", "Staff", "--group", nobody)
    ambiguous = entra.refused("sync", "change", "Staff", "--group", "Twins")
    assert all(one in ambiguous for one in twins)
    assert chosen(entra)[0] is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("change", "Staff"), "say what changes"),
        (("change", "Staff", "--every", "1d"), "a daily sync needs a time of day"),
        (("change", "Staff", "--every", "1h", "--at", "02:30"), "--at is the time of a daily sync"),
        (("change", "Staff", "--at", "25:00"), "'25:00' is no time of day"),
        (("change", "Staff", "--at", "02:30", "--time-zone", "Mars"), "time zone 'Mars' does not exist"),
        (("change", "Staff", "--group", "x", "--everybody"), "contradict each other"),
        (("connect", "Staff", "--directory", "North"), "connected to Directory Sync (Entra ID) already"),
        (("connect", "Staff"), "say which directory"),
        (("connect", "Staff", "--directory", "Nowhere"), "no directory connection"),
        (("stop", "Staff"), "no run of this list is at work"),
        (("run", "Nobody"), "no list has the id or the name"),
    ],
)
def test_wrong_use_is_exit_code_2_with_a_sentence(
    entra: Muster, staff: str, arguments: tuple[str, ...], sentence: str
) -> None:
    assert sentence in entra.refused("sync", *arguments)


def test_a_list_that_is_not_synced_is_refused_everywhere(entra: Muster) -> None:
    entra.new_list()

    for command in (("show",), ("run",), ("change", "--no-guests")):
        assert "not connected to Directory Sync" in entra.refused("sync", command[0], "Staff", *command[1:])


def test_a_connection_of_another_organisation_is_as_unknown_as_none(entra: Muster) -> None:
    entra.add("North", "--org", "North School")
    entra.new_list("Staff", "South School")

    assert "no directory connection" in entra.refused("sync", "connect", "Staff", "--directory", "North")


def test_a_plan_that_is_too_low_neither_connects_nor_runs(entra: Muster, staff: str, connection: Connection) -> None:
    entra.new_list("Students")
    with database.transaction(connection) as cursor:
        organisation.ensure(cursor, "Default", "free")
    requests = len(entra.server.requests)

    for command in (
        ("connect", "Students", "--directory", "North"),
        ("change", "Staff", "--no-guests"),
        ("run", "Staff"),
    ):
        assert "needs the Pro, Business or Enterprise plan" in entra.refused("sync", *command)
    assert len(entra.server.requests) == requests


def test_a_run_is_waited_for_and_told_of(entra: Muster, staff: str) -> None:
    with entra.worker():
        preview = entra.json("sync", "run", "Staff", "--preview")
        nobody = entra.json("people", "Staff")
        done = entra.json("sync", "run", "Staff")
    people = entra.json("people", "Staff", "--status", "all")
    runs = entra.json("sync", "runs", "Staff")
    seen = entra.json("sync", "show", "Staff")

    assert (preview["state"], preview["preview"], preview["plan"]["created"]) == ("done", True, 12)
    assert len(preview["samples"]) == 8
    assert nobody == []
    assert (done["state"], done["created"], done["seen"], done["failures"]) == ("done", 12, 0, [])
    assert len(people) == 12
    assert [one["run_id"] for one in runs] == [done["run_id"], preview["run_id"]]
    assert seen["read"] == {"users": "changes are read"}
    assert seen["last_run"]["run_id"] == done["run_id"]
    assert [len(entra.json("sync", "runs", "Staff", "--limit", "1"))] == [1]


def test_a_run_tells_people_its_counts(entra: Muster, staff: str) -> None:
    with entra.worker():
        result = entra.run("sync", "run", "Staff")
    lines = [line.split() for line in result.stdout.splitlines()]
    listed = entra.run("sync", "runs", "Staff").stdout.splitlines()

    assert result.exit_code == 0
    assert ["created", "12"] in lines
    assert ["failed", "0"] in lines
    assert listed[0].split()[:3] == ["BEGAN", "TOOK", "BY"]
    assert " done " in listed[1]


def test_a_run_that_fails_is_exit_code_1_with_its_sentence(entra: Muster, staff: str) -> None:
    entra.directory.sessions.secret_expired = True
    with entra.worker():
        result = entra.run("sync", "run", "Staff")
        told = entra.json("sync", "run", "Staff", code=1)

    assert (result.exit_code, told["state"]) == (1, "failed")
    assert "the client secret has expired" in result.stderr
    assert "the client secret has expired" in told["error"]
    assert "failed: the client secret has expired" in entra.run("sync", "show", "Staff").stdout


def test_a_run_is_begun_without_waiting_is_not_begun_twice_and_is_stopped(entra: Muster, staff: str) -> None:
    begun = entra.json("sync", "run", "Staff", "--no-wait")
    again = entra.refused("sync", "run", "Staff")
    changed = entra.refused("sync", "change", "Staff", "--no-guests")
    stopped = entra.json("sync", "stop", "Staff")
    [run] = entra.json("sync", "runs", "Staff")

    assert begun["state"] == "waiting"
    assert "at work already" in again
    assert "a run is at work" in changed
    assert stopped == {"list_id": staff, "stopped": True}
    assert (run["run_id"], run["state"]) == (begun["run_id"], "ended")


def test_a_list_that_is_disconnecting_is_not_given_a_schedule(entra: Muster, staff: str) -> None:
    entra.json("list", "disconnect", "Staff")

    assert "not connected" in entra.refused("sync", "change", "Staff", "--every", "1h")


@pytest.mark.parametrize(
    ("state", "not_before", "progress", "told"),
    [
        ("waiting", None, {}, "waiting for a worker"),
        ("running", None, {"seen": 1200}, "reading users: 1,200 users"),
        ("waiting", AT, {"tries": 1, "throttled": 3.0, "requests": 4}, "Microsoft wants a pause"),
        ("waiting", AT, {"tries": 1, "requests": 4}, "trying again soon"),
        ("waiting", AT, {"phase": "settle", "throttled": 3.0, "requests": 4}, "waiting for workers"),
        ("running", None, {"phase": "apply", "total": 3000, "done": 250}, "applying: 250 of 3,000"),
    ],
)
def test_a_run_says_what_it_is_at(state: str, not_before: datetime | None, progress: dict[str, Any], told: str) -> None:
    assert doing(Run("1", state, Progress(by="test", **progress), AT, None, not_before)) == told


def test_with_json_stdout_has_the_document_alone(entra: Muster, staff: str) -> None:
    result = entra.run("sync", "run", "Staff", "--no-wait", "--json")

    assert json.loads(result.stdout)["state"] == "waiting"
    assert "bell_failed" in result.stderr
