"""What Microsoft Graph really answers, replayed to real workers; then the list is looked at."""

import json
from pathlib import Path
from typing import Any

import pytest

from models import mapping_edit, master_list
from models.attributes import ENTERPRISE
from models.database import Cursor
from ops import graph_look
from ops.graph import Graph, clouds
from ops.graph_errors import GraphRefused
from ops.simulators.graph import Directory
from ops.simulators.graph.server import Recorded
from tests.journeys.directory import Pulled, pulled
from tests.journeys.system import Muster

pytestmark = pytest.mark.journey

SCENARIOS = {
    one["id"]: one["exchanges"]
    for one in json.loads((Path(__file__).parents[1] / "traffic/graph.json").read_text())["scenarios"]
}
NIA, OLU = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"
STAFF = "bbbbbbbb-0000-4000-8000-000000000001"


def exchanges(scenario: str) -> list[dict[str, Any]]:
    """Those of a scenario but for the token, which a worker may have already."""
    return [one for one in SCENARIOS[scenario] if one["name"] != "client-credentials token"]


def check(staff: Pulled, expect: dict[str, Any]) -> None:
    """Hold the list against what is expected of it."""
    people = staff.people()
    for anchor, wanted in expect.get("people", {}).items():
        assert people[anchor]["active"] is wanted["active"]
        found = {label: people[anchor]["fields"].get(label) for label in wanted if label != "active"}
        assert found == {label: value for label, value in wanted.items() if label != "active"}
    assert not set(expect.get("absent", [])) & set(people)
    if "in_scope" in expect:
        assert staff.active() == set(expect["in_scope"])
    if "stored_delta_link" in expect:
        [(link,)] = staff.muster.rows(
            "select position#>>'{users,link}' from directory_sync where list_id = %s", staff.list_id
        )
        assert link.endswith(f"deltatoken={expect['stored_delta_link']}")


def waited(requests: list[Recorded], status: int) -> float:
    """Seconds from the request that was answered so to the next one of the same."""
    number, first = next((number, one) for number, one in enumerate(requests) if one.status == status)
    again = next(one for one in requests[number + 1 :] if one.target == first.target)
    return again.at - first.at


def test_a_connection_is_tested(muster: Muster, graph_port: int) -> None:
    directory = Directory()
    script = SCENARIOS["graph-test-connection"]
    with pulled(muster, directory, graph_port) as staff:
        cloud = clouds(staff.graph.url)["simulated"]
        staff.graph.script(script[:4])

        seen = graph_look.test(Graph(cloud, directory.tenant_id, directory.client_id, directory.client_secret))
        with pytest.raises(GraphRefused, match="the client secret is wrong") as wrong:
            graph_look.test(Graph(cloud, directory.tenant_id, directory.client_id, "wrong"))

        assert seen == graph_look.Seen(users=4, groups=1)
        assert "AADSTS7000215" in wrong.value.detail
        staff.graph.script(
            [*script[4:], *map(dict, script[4:])]
        )  # asked with a new token as well, which may have what was consented to
        assert "grant admin consent" in staff.run("failed").progress.error
        assert staff.graph.unscripted == []


def test_everybody_then_changes(muster: Muster, graph_port: int) -> None:
    script = exchanges("graph-initial-and-incremental")
    with pulled(muster, Directory(), graph_port) as staff:
        staff.graph.script(script)
        for exchange in script:
            if "expect" in exchange:
                staff.run()
                check(staff, exchange["expect"])
        assert staff.graph.unscripted == []


def test_members_of_a_group(muster: Muster, graph_port: int) -> None:
    directory = Directory()
    for one, name in ((NIA, "nia"), (OLU, "olu")):
        directory.add_user(id=one, userPrincipalName=f"{name}@summit.example")
    script = exchanges("graph-group-scope")
    with pulled(muster, directory, graph_port, STAFF) as staff:
        staff.graph.script(script)
        for exchange in script:
            if "expect" in exchange:
                staff.run()
                check(staff, exchange["expect"])
        assert staff.graph.unscripted == []


def test_throttled_unavailable_and_forgotten(muster: Muster, graph_port: int) -> None:
    directory = Directory()
    nia = directory.add_user(userPrincipalName="nia@summit.example")
    olu = directory.add_user(userPrincipalName="olu@summit.example")
    throttled, after, unavailable, resync, too_old = exchanges("graph-throttle-and-reset")
    with pulled(muster, directory, graph_port) as staff:
        staff.run()
        link = f"{staff.graph.url}/v1.0/users/delta?$deltatoken="
        staff.set_link(f"{link}ROUND4")
        staff.graph.script([throttled, after])
        first = staff.run()
        assert waited(staff.graph.requests, 429) >= throttled["expect"]["wait_at_least_s"]
        assert (first.progress.full, first.progress.throttled) == (False, 7)

        directory.remove_user(olu, permanently=True)
        staff.graph.script([unavailable, resync])
        second = staff.run()
        assert waited(staff.graph.requests, 503) >= unavailable["expect"]["wait_at_least_s"]
        assert (second.progress.full, staff.active()) == (True, {nia})
        assert set(staff.people()) == {nia, olu}, "nobody is deleted"

        staff.set_link(f"{link}OLD")
        staff.graph.script([too_old])
        third = staff.run()
        assert (third.progress.full, third.progress.unchanged, staff.active()) == (True, 1, {nia})
        assert staff.graph.unscripted == []


def test_a_batch_that_is_put_off_in_part(muster: Muster, graph_port: int) -> None:
    directory = Directory()
    for one, name in ((NIA, "nia"), (OLU, "olu")):
        directory.add_user(id=one, userPrincipalName=f"{name}@summit.example", displayName=name.title())
    directory.set_manager(OLU, NIA)
    [batch] = exchanges("graph-batch")

    def map_managers(cursor: Cursor) -> None:
        fields = master_list.fields(cursor, staff.list_id)
        stored = mapping_edit.stored(cursor, staff.list_id, fields)
        chosen = [
            one if one.path != f"{ENTERPRISE}:manager" else type(one)(one.number, one.path, True, one.field)
            for one in stored
        ]
        mapping_edit.save(cursor, staff.list_id, mapping_edit.version(cursor, staff.list_id), chosen, {})

    with pulled(muster, directory, graph_port) as staff:
        muster.in_transaction(map_managers, staff.list_id)
        staff.graph.script([batch])

        over = staff.run()

        batches = [one for one in staff.graph.requests if "$batch" in one.target]
        assert len(batches) == 2
        assert batches[1].at - batches[0].at >= batch["expect"]["wait_at_least_s"]
        assert over.progress.throttled == 4
        found = {anchor: one["fields"]["Manager"] for anchor, one in staff.people().items()}
        assert found == {NIA: "Olu Adeyemi", OLU: "Nia"}
