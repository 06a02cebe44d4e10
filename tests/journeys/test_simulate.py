"""`muster simulate --groups`: groups pushed in each identity provider's own way."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from ops.cli import main
from ops.simulators.directory import IDPS
from ops.simulators.people import Employee, Team
from tests.journeys.idp import Idp
from tests.journeys.system import Muster

pytestmark = pytest.mark.journey

USERS, GROUPS = 24, 3
WAYS = {
    "okta": {"group lookup", "group create", "group update"},
    "entra": {"group lookup", "group create", "group add", "group remove", "group rename"},
    "pingone": {"group lookup", "group create", "group add", "group remove", "group rename"},
    "onelogin": {"group lookup", "group create", "group add", "group remove"},
    "jumpcloud": {"group lookup", "group create", "group add", "group remove", "group rename"},
}


class Simulation:
    """`muster simulate … --json` against the running stack."""

    def __init__(self, muster: Muster, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MUSTER_DATABASE_URL", muster.ready["database_url"])
        monkeypatch.setenv("MUSTER_PUBLIC_URL", muster.scim_root.removesuffix("/scim/v2"))

    def run(self, idp: str, list_id: str, *options: str) -> Any:
        return json.loads(self.text(idp, list_id, *options))

    def text(self, idp: str, list_id: str, *options: str) -> str:
        arguments = ["simulate", idp, "--list", list_id, "--users", str(USERS), *options, "--json"]
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
        return result.stdout


@pytest.fixture
def simulation(muster: Muster, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    return Simulation(muster, monkeypatch)


def group_steps(report: Any) -> dict[str, int]:
    """How many requests each step of groups took."""
    return {one["step"]: one["requests"] for one in report["steps"] if one["step"].startswith("group")}


def groups_of(idp: Idp) -> dict[str, set[str]]:
    """The user names of the members of each group, as SCIM has them."""
    users = idp.request("GET", "/Users?count=1000").json()["Resources"]
    names = {one["id"]: one["userName"] for one in users}
    groups = idp.request("GET", "/Groups?count=1000").json()["Resources"]
    return {one["displayName"]: {names[member["value"]] for member in one.get("members", [])} for one in groups}


def expected(idp: str, leavers: int) -> dict[str, set[str]]:
    """Each group's share of those who stay, but for the last, who left the group again."""
    stay = range(USERS - leavers)
    return {
        Team(group, idp).name: {Employee.of(one, idp).user_name for one in stay[group::GROUPS][:-1]}
        for group in range(GROUPS)
    }


@pytest.mark.parametrize("name", IDPS)
def test_groups_have_their_share_of_those_who_stay(staff: Idp, simulation: Simulation, name: str) -> None:
    report = simulation.run(name, staff.list_id, "--leavers", "0.25", "--groups", str(GROUPS))

    assert (report["groups"], report["failed"], report["failures"]) == (GROUPS, 0, [])
    assert set(group_steps(report)) == WAYS[name]
    assert groups_of(staff) == expected(name, USERS // 4)


@pytest.mark.parametrize("name", ["okta", "entra"])
def test_a_run_with_groups_can_be_repeated(muster: Muster, staff: Idp, simulation: Simulation, name: str) -> None:
    for _ in range(2):
        report = simulation.run(name, staff.list_id, "--leavers", "0", "--groups", str(GROUPS))
        assert (report["failed"], report["failures"]) == (0, [])
    muster.settled(staff.list_id)

    assert "group create" not in group_steps(report)
    assert groups_of(staff) == expected(name, 0)
    assert not [line for line in muster.story(staff.list_id, "group") if line.endswith(("waiting", "partly_applied"))]


def test_entra_adds_members_in_batches(staff: Idp, simulation: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.simulators.entra.BATCH", 3)
    report = simulation.run("entra", staff.list_id, "--leavers", "0", "--groups", str(GROUPS))

    # Eight members for each of three groups.
    assert group_steps(report)["group add"] == 9
    assert groups_of(staff) == expected("entra", 0)


def test_without_the_option_there_are_no_groups(staff: Idp, simulation: Simulation) -> None:
    report = simulation.run("okta", staff.list_id)

    assert (report["groups"], group_steps(report), groups_of(staff)) == (0, {}, {})


def test_groups_of_nobody_are_not_created_by_jumpcloud(staff: Idp, simulation: Simulation) -> None:
    report = simulation.run("jumpcloud", staff.list_id, "--leavers", "1", "--groups", "2")

    assert (report["failed"], group_steps(report), groups_of(staff)) == (0, {}, {})


def test_a_seed_chooses_the_people_and_a_rate_is_kept(staff: Idp, simulation: Simulation) -> None:
    for seed in ("0", "7", "7"):
        simulation.run("okta", staff.list_id, "--leavers", "0", "--seed", seed, "--rate", "500")

    assert staff.total() == 2 * USERS


def test_cycles_bring_other_changes_and_repeats_change_nothing(
    muster: Muster, staff: Idp, simulation: Simulation
) -> None:
    done = simulation.text("entra", staff.list_id, "--cycles", "3", "--every", "0", "--repeats", "1", "--leavers", "0")
    reports = [json.loads(line) for line in done.splitlines()]
    muster.settled(staff.list_id)

    assert [report["failed"] for report in reports] == [0, 0, 0]
    steps = [{one["step"]: one["requests"] for one in report["steps"]} for report in reports]
    assert [step.get("create", 0) for step in steps] == [USERS, 0, 0]
    assert steps[0]["repeat"] == steps[0]["create"] + steps[0]["update"]
    people = muster.people(staff.list_id)
    assert len(people) == USERS
    assert sum(one["fields"]["Job Title"].endswith(" 2") for one in people) == round(USERS * 0.3)
