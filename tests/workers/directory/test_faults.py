"""Runs while Microsoft throttles, forgets, fails or lies, and while workers die."""

from datetime import timedelta

import pytest

from models import database
from models import job as jobs
from models.directory import connections, runs, syncs
from models.directory.connections import Wanted
from models.errors import Refused
from ops.simulators.graph import Directory
from tests.workers.directory.conftest import OPERATOR, VAULT, Pulled
from tests.workers.directory.test_run import names
from workers.directory import streams


@pytest.fixture
def mila(directory: Directory) -> str:
    """Somebody in the directory."""
    return names(directory, "Mila")[0]


def test_a_run_rests_for_as_long_as_graph_wants(staff: Pulled, mila: str) -> None:
    staff.connect()
    staff.graph.faults.add("users/delta", status=429, headers={"Retry-After": "170"})
    run_id = staff.begin()

    again = staff.work(run_id)

    run = staff.look(run_id)
    assert (again, run.is_open, run.progress.throttled) == (False, True, 170)
    assert run.not_before is not None
    assert timedelta(seconds=160) < run.not_before - run.began_at < timedelta(seconds=190)
    before = len(staff.graph.requests)
    assert staff.work(run_id) is False
    assert len(staff.graph.requests) == before, "it was not left alone"
    staff.hurry(run_id)
    assert staff.finish(run_id).state == "done"
    assert staff.active() == {"mila@n.example"}


def test_those_of_a_batch_whom_graph_puts_off_are_asked_for_again_alone(staff: Pulled, directory: Directory) -> None:
    everyone = names(directory, "A", "B", "C")
    staff.connect(directory.add_group("Staff", everyone[:1]))
    staff.run()
    directory.add_members(directory.group_ids()[0], everyone[1:])
    staff.graph.faults.add(rf"GET /v1.0/users/{everyone[2]}", status=429, headers={"Retry-After": "4"})

    over = staff.run()

    batches = [one for one in staff.graph.requests if "$batch" in one.target]
    assert (len(batches), over.progress.throttled) == (2, 4)
    assert staff.active() == {"a@n.example", "b@n.example", "c@n.example"}


def test_a_server_error_without_a_time_is_tried_again_at_once(staff: Pulled, mila: str) -> None:
    staff.connect()
    staff.graph.faults.add("users/delta", times=2, status=500, body="<html>gateway</html>")
    run_id = staff.begin()

    staff.work(run_id)

    assert staff.look(run_id).progress.phase == "settle"


@pytest.mark.parametrize("where", ["before", "middle"])
def test_lost_connections_are_made_again(staff: Pulled, mila: str, where: str) -> None:
    staff.connect()
    staff.graph.faults.add("users/delta", cut=where)

    staff.run()

    assert staff.active() == {"mila@n.example"}


def test_a_server_that_never_answers_ends_the_run_after_some_tries(staff: Pulled, mila: str) -> None:
    staff.connect()
    staff.graph.faults.add("users/delta", times=100, status=500)

    over = staff.finish(staff.begin())

    assert over.state == "failed"
    assert "answered 500" in over.progress.error
    staff.graph.faults.clear()
    staff.run()
    assert staff.active() == {"mila@n.example"}


@pytest.mark.parametrize("lost", ["expire_delta_tokens", "demand_resync"])
def test_a_lost_state_is_a_full_round_that_deletes_nobody(staff: Pulled, directory: Directory, lost: str) -> None:
    mila, ravi, noor = names(directory, "Mila", "Ravi", "Noor")
    staff.connect()
    staff.run()
    directory.remove_user(ravi, permanently=True)
    directory.change_user(noor, jobTitle="Bursar")
    getattr(directory, lost)()

    over = staff.run()

    people = staff.by_anchor()
    assert {key: one["active"] for key, one in people.items()} == {mila: True, ravi: False, noor: True}
    assert (over.progress.full, over.progress.unchanged, sum(over.progress.results.values())) == (True, 1, 2)
    assert "does not know any more" in over.progress.why_full


def test_lost_states_of_groups_are_compared_as_well(staff: Pulled, directory: Directory) -> None:
    mila, ravi, noor = names(directory, "Mila", "Ravi", "Noor")
    teachers = directory.add_group("Teachers", [mila, ravi, noor])
    staff.connect(teachers)
    staff.run()
    directory.remove_members(teachers, [ravi])
    directory.expire_delta_tokens()

    staff.run()

    assert staff.active() == {"mila@n.example", "noor@n.example"}


def test_a_token_that_is_not_taken_any_more_is_asked_for_again(staff: Pulled, mila: str) -> None:
    staff.connect()
    staff.graph.faults.add("GET /v1.0/users/delta", status=401, body={"error": {"code": "InvalidAuthenticationToken"}})

    staff.run()

    assert staff.active() == {"mila@n.example"}


def test_a_wrong_secret_ends_the_run_with_what_to_do(staff: Pulled, directory: Directory, mila: str) -> None:
    staff.connect()
    wanted = Wanted("North", directory.tenant_id, directory.client_id, "simulated")
    with database.transaction(staff.connection) as cursor:
        connections.change(cursor, staff.organisation_id, staff.directory_connection_id, wanted, VAULT.seal("wrong"))

    over = staff.finish(staff.begin())

    assert over.state == "failed"
    assert over.progress.error.startswith("the client secret is wrong: enter the Value")


def test_links_to_other_hosts_are_not_followed(staff: Pulled, mila: str) -> None:
    staff.connect()
    body = {"value": [], "@odata.nextLink": "https://evil.example/v1.0/users/delta?$skiptoken=x"}
    staff.graph.faults.add("users/delta", status=200, body=body)

    over = staff.finish(staff.begin())

    assert over.progress.error == "Microsoft Graph sent a link to another host, evil.example, which is not followed"


def test_a_run_whose_worker_died_goes_on_at_the_page_that_was_stored(staff: Pulled, directory: Directory) -> None:
    names(directory, *(f"P{number}" for number in range(450)))
    staff.connect()
    run_id = staff.begin()
    assert staff.work(run_id, seconds=0), "a page, and there is more"
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        assert jobs.claim(cursor, staff.list_id, run_id), "by a worker that dies"
    assert not staff.work(run_id), "it is another worker's still"
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        cursor.execute("update job set heartbeat_at = now() - interval '31 s' where id = %s", (run_id,))

    assert staff.finish(run_id).state == "done"

    asked = [one.target for one in staff.graph.requests if "/users/delta" in one.target]
    assert (len(asked), len(set(asked))) == (3, 3), "no page was asked for twice"
    assert len(staff.people()) == 450


def test_one_who_comes_late_to_a_run_changes_nothing(staff: Pulled, mila: str) -> None:
    staff.connect()
    run_id = staff.begin()
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        job = jobs.claim(cursor, staff.list_id, run_id)
        assert job is not None
        cursor.execute("update job set heartbeat_at = now() - interval '31 s' where id = %s", (run_id,))
    staff.finish(run_id)

    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        assert not jobs.beat(cursor, job, job.progress)
    assert staff.look(run_id).state == "done"


def test_a_list_has_one_run_at_a_time(staff: Pulled) -> None:
    staff.connect()
    staff.begin()

    with database.transaction(staff.connection, [staff.list_id]) as cursor, pytest.raises(Refused, match="at work"):
        runs.start(cursor, staff.list_id, OPERATOR)


def test_a_run_ends_when_it_is_stopped_and_the_next_one_goes_on(staff: Pulled, directory: Directory) -> None:
    names(directory, *(f"P{number}" for number in range(250)))
    staff.connect()
    run_id = staff.begin()
    staff.work(run_id, seconds=0)
    with database.transaction(staff.connection, [staff.list_id]) as cursor:
        assert runs.stop(cursor, staff.list_id)
    assert staff.work(run_id) is False

    staff.run()

    assert len([one for one in staff.graph.requests if "/users/delta" in one.target]) == 2
    assert len(staff.people()) == 250


def test_disconnecting_ends_the_run_and_keeps_the_people(staff: Pulled, directory: Directory, mila: str) -> None:
    staff.connect()
    staff.run()
    directory.change_user(mila, jobTitle="Bursar")
    run_id = staff.begin()

    staff.disconnect()

    assert staff.look(run_id).state == "ended"
    assert staff.work(run_id) is False
    (person,) = staff.people()
    assert (person["active"], person["identity_id"]) == (True, None)


def test_a_plan_that_has_dropped_ends_the_run_with_a_sentence(staff: Pulled, mila: str) -> None:
    staff.connect()
    with database.transaction(staff.connection) as cursor:
        cursor.execute("update organisation set plan = 'free' where id = %s", (staff.organisation_id,))

    over = staff.finish(staff.begin())

    assert (over.state, staff.people()) == ("failed", [])
    assert (
        over.progress.error == "Directory Sync needs the Pro, Business or Enterprise plan; this organisation is on Free"
    )


def test_a_page_that_could_not_be_kept_is_read_again_by_the_same_run(
    staff: Pulled, mila: str, database_url: str
) -> None:
    staff.connect()
    run_id = staff.begin()
    staff.connection.execute("set lock_timeout = '20ms'")
    with database.connect(database_url) as other, database.transaction(other, [staff.list_id]) as cursor:
        syncs.of_list(cursor, staff.list_id, lock=True)
        assert staff.work(run_id) is False
        assert staff.look(run_id).is_open

    staff.hurry(run_id)
    over = staff.finish(run_id)

    assert (over.state, over.progress.seen, staff.active()) == ("done", 1, {"mila@n.example"})


def test_states_of_many_groups_may_be_lost_at_once(
    staff: Pulled, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST_IN_FILTER", 1)
    everyone = names(directory, *(f"P{number}" for number in range(12)))
    staff.connect(*(directory.add_group(f"G{number}", [one]) for number, one in enumerate(everyone)))
    staff.run()
    directory.expire_delta_tokens()

    over = staff.run()

    assert (over.progress.full, over.progress.unchanged) == (True, 12)
