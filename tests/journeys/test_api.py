"""The admin API of running processes: from a key to people who are pushed; what dies keeps its promises."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import msgspec
import pytest

from tests.factories import user
from tests.journeys.idp import Idp
from tests.journeys.processes import Processes
from tests.journeys.system import Muster, running
from tests.journeys.waiting import eventually

pytestmark = pytest.mark.journey
PEOPLE = 60
TRIES = 1_000


class Script:
    """Somebody's script, with a key."""

    def __init__(self, muster: Muster, key: str) -> None:
        self.root, self.key = f"{muster.ready['console_url']}/api/v1", key

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """One request over a connection of its own, whichever process takes it."""
        named = {"Authorization": f"Bearer {self.key}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        with httpx.Client(trust_env=False, timeout=30) as client:
            return client.request(method, f"{self.root}{path}", json=body, headers=named)


def new_script(muster: Muster, scope: str = "write") -> Script:
    """A script of the organisation that the journeys' lists are in."""
    made = muster.cli("api-key", "create", "Journey", "--scope", scope, "--org", muster.owner)
    return Script(muster, made["key"])


def test_a_list_is_made_connected_filled_and_read(muster: Muster, staff: Idp) -> None:
    script = new_script(muster)
    made = script.ask("POST", "/lists", {"name": f"By script {staff.list_id}"}).json()
    path = f"/lists/{made['id']}"
    connected = script.ask("POST", f"{path}/connection", {"unique_identifier": "userName"}).json()
    issued = script.ask("POST", f"{path}/tokens", {"label": "Okta"}).json()

    with Idp(made["id"], connected["scim_base_url"], issued["token"]) as idp:
        idp.create(user("ada@north.example"))
    found = eventually(lambda: script.ask("GET", f"{path}/people").json()["items"], 10, "the person in the list")

    assert [one["uid"] for one in found] == ["ada@north.example"]
    entries = script.ask("GET", f"{path}/log").json()["items"]
    assert [(one["operation"], one["result"]) for one in entries] == [("create", "applied")]


def test_a_file_is_brought_and_the_people_are_taken_away_as_one(muster: Muster, staff: Idp) -> None:
    script, path = new_script(muster), f"/lists/{staff.list_id}"
    content = b"UID,Notes\n" + b"".join(b"P%05d,%0500d\n" % (number, 0) for number in range(6_000))
    made = send(script, f"{path}/imports?name=joiners.csv", content)
    one = f"{path}/imports/{made.json()['id']}"

    def reached(state: str) -> bool:
        return bool(script.ask("GET", one).json()["state"] == state)

    assert script.ask("POST", f"{one}/preview", {}).status_code == 202
    eventually(partial(reached, "previewed"), 30, "the preview")
    assert script.ask("POST", f"{one}/run").status_code == 202
    eventually(partial(reached, "done"), 30, "the end of the run")

    lines = script.ask("GET", f"{path}/people-export?format=ndjson&q=P0").text.splitlines()
    assert [msgspec.json.decode(line)["uid"] for line in lines] == [f"P{number:05d}" for number in range(6_000)]


def test_who_may_not_is_told_so_before_a_large_file_is_taken(muster: Muster, staff: Idp) -> None:
    content = b"UID\n" * 4_000_000
    reads = new_script(muster, "read")

    assert send(reads, f"/lists/{staff.list_id}/imports", content).status_code == 403


def send(script: Script, path: str, content: bytes) -> httpx.Response:
    """A file."""
    named = {"Authorization": f"Bearer {script.key}", "Content-Type": "text/csv"}
    with httpx.Client(trust_env=False, timeout=30) as client:
        return client.post(f"{script.root}{path}", content=content, headers=named)


def test_a_revoked_key_is_refused_in_every_process(muster: Muster, staff: Idp) -> None:
    script = new_script(muster, "read")
    assert {script.ask("GET", "/lists").status_code for _ in range(10)} == {200}

    muster.cli("api-key", "revoke", script.key)

    assert {script.ask("GET", "/lists").status_code for _ in range(20)} == {401}


def test_what_a_killed_process_did_not_answer_is_asked_again_and_done_once() -> None:
    with running("--ingress", "2", "--workers", "1", "--no-demo") as stack:
        list_id = stack.new_list().list_id
        script, processes = new_script(stack), Processes(stack)
        with ThreadPoolExecutor(8) as threads:
            answers = [threads.submit(add, script, list_id, number) for number in range(PEOPLE)]
            for wanted in (PEOPLE // 4, PEOPLE // 2):
                eventually(partial(answered, answers, wanted), 30, "some answers")
                processes.kill("ingress")
            statuses = [one.result() for one in answers]
        people, acts = stack.people(list_id), stack.rows("select from audit_entry where action = 'person.add'")

    assert set(statuses) == {201}
    assert len(people) == PEOPLE == len(acts)


def answered(answers: Sequence["Future[int]"], wanted: int) -> bool:
    """Whether so many are there."""
    return sum(one.done() for one in answers) >= wanted


def add(script: Script, list_id: str, number: int) -> int:
    """Add a person, as often as it takes to be answered; the answer's status."""
    for _ in range(TRIES):
        try:
            path, key = f"/lists/{list_id}/people", f'"{number}"'
            answer = script.ask("POST", path, {"uid": f"E{number}"}, Idempotency_Key=key)
        except httpx.TransportError:
            continue  # nobody is there for a moment, or died with it in hand
        if answer.status_code not in (409, 503):
            return answer.status_code
    raise AssertionError(f"E{number} was never answered")
