"""Lists that are pulled by real workers: killed, crowded, on schedule, and handed over to SCIM."""

import threading

import pytest

from models import connection
from models.directory.schedule import Schedule
from ops.simulators.graph import Directory
from tests.factories import user
from tests.journeys.directory import SECRET_KEY, Pulled, pulled
from tests.journeys.idp import Idp
from tests.journeys.processes import Processes
from tests.journeys.system import OPERATOR, Muster, NewList, running
from tests.journeys.waiting import eventually

pytestmark = pytest.mark.journey

PEOPLE = 1_000


def pages(staff: Pulled) -> list[str]:
    return [one.target for one in staff.graph.requests if "/users/delta" in one.target]


def test_two_workers_never_run_one_list_twice(muster: Muster, graph_port: int) -> None:
    with pulled(muster, Directory(users=PEOPLE), graph_port) as staff:
        run_id = staff.start()
        for _ in range(50):
            staff.bell.sync(staff.list_id, run_id)

        over = staff.over(run_id)

        assert over.progress.results == {"applied": PEOPLE}
        assert len(pages(staff)) == len(set(pages(staff))) == PEOPLE / 200
        assert muster.story(staff.list_id) == ["create applied"] * PEOPLE
        assert len(staff.active()) == PEOPLE


def test_a_run_whose_worker_is_killed_goes_on_in_another(graph_port: int) -> None:
    environment = {"MUSTER_GRAPH_SIMULATOR": f"http://127.0.0.1:{graph_port}", "MUSTER_SECRET_KEY": SECRET_KEY}
    with running("--no-demo", **environment) as muster, pulled(muster, Directory(users=PEOPLE), graph_port) as staff:
        third = threading.Event()
        staff.graph.faults.add(lambda request: "/users/delta" in request.target and len(pages(staff)) == 3, hold=third)
        run_id = staff.start()
        staff.graph.wait_for(lambda requests: len(pages(staff)) == 3)
        Processes(muster).kill("workers")
        third.set()
        # Half a minute later.
        muster.in_transaction(
            lambda cursor: cursor.execute("update job set heartbeat_at = heartbeat_at - interval '31 s'"), staff.list_id
        )

        over = staff.over(run_id)

        assert (over.state, over.progress.results) == ("done", {"applied": PEOPLE})
        assert len(pages(staff)) == PEOPLE / 200 + 1, "the page that was under way is asked for again, and no other"
        assert len(staff.active()) == PEOPLE
        assert muster.story(staff.list_id) == ["create applied"] * PEOPLE


def test_a_list_is_pulled_when_its_time_has_come(muster: Muster, graph_port: int) -> None:
    with pulled(muster, Directory(users=3), graph_port, schedule=Schedule(15)) as staff:
        muster.in_transaction(
            lambda cursor: cursor.execute(
                "update directory_sync set next_at = now() - interval '2 days' where list_id = %s", (staff.list_id,)
            ),
            staff.list_id,
        )

        eventually(lambda: len(staff.active()) == 3, 30, "everybody in the list")

        [(count, by)] = muster.rows("select count(*), min(progress->>'by') from job where list_id = %s", staff.list_id)
        assert (count, by) == (1, "schedule")
        [(later,)] = muster.rows("select next_at > now() from directory_sync where list_id = %s", staff.list_id)
        assert later


def test_scim_takes_the_same_people_over(muster: Muster, graph_port: int) -> None:
    directory = Directory(users=5)
    with pulled(muster, directory, graph_port) as staff:
        staff.run()
        before = staff.people()
        muster.in_transaction(lambda cursor: connection.disconnect(cursor, staff.list_id), staff.list_id)
        eventually(
            lambda: not muster.rows("select from connection where list_id = %s", staff.list_id),
            30,
            "the end of the disconnection",
        )
        muster.in_transaction(
            lambda cursor: connection.connect(cursor, staff.list_id, "userName", OPERATOR), staff.list_id
        )
        target = NewList(staff.list_id, f"{muster.scim_root}/{staff.list_id}", muster.new_token(staff.list_id))
        with Idp.of(target) as idp:
            for anchor, person in before.items():
                idp.create(user(person["uid"], externalId=anchor))
        muster.settled(staff.list_id)

        after = staff.people()
        assert {anchor: one["id"] for anchor, one in after.items()} == {
            anchor: one["id"] for anchor, one in before.items()
        }
        assert all(one["active"] and one["identity_id"] for one in after.values())
