"""What identity providers really send, replayed over HTTP; then the list and its log are looked at."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import httpx
import pytest

from models.token import generate
from tests.journeys.expectations import EXPECTED, Expected
from tests.journeys.system import Muster, NewList, moment
from tests.journeys.traffic import EMPTY, Sequence, at_path, difference, fill, header_fits, sequences
from tests.journeys.waiting import eventually

pytestmark = pytest.mark.journey

REPLAYED = list(sequences())


@pytest.fixture(scope="module")
def doors() -> Iterator[list[httpx.Client]]:
    """Kept-alive connections, several, so that both ingress processes are likely to be among them."""
    clients = [httpx.Client(timeout=60, trust_env=False, verify=False) for _ in range(4)]
    yield clients
    for client in clients:
        client.close()


class Replay:
    """One sequence on its way: the next request goes through the next door (I2)."""

    def __init__(self, sequence: Sequence, target: NewList, doors: list[httpx.Client]) -> None:
        self.sequence, self.target, self.doors = sequence, target, cycle(doors)
        self.variables = {"token": target.token, "bad_token": generate()}

    def send(self, step: dict[str, Any]) -> httpx.Response:
        headers = fill(self.sequence.headers | step.get("headers", {}), self.variables)
        content = None
        if "raw_body" in step:
            content = fill(step["raw_body"], self.variables)
        elif "body" in step:
            content = json.dumps(fill(step["body"], self.variables))
        # A request built by hand carries no header that the sequence does not name.
        request = httpx.Request(
            step["method"],
            self.target.base_url + fill(step["path"], self.variables),
            headers={name: value for name, value in headers.items() if value is not None},
            content=content,
        )
        return next(self.doors).send(request)

    def take(self, step: dict[str, Any]) -> None:
        """Send a step and hold the answer, and the state after it, against what is expected."""
        answer = self.send(step)
        about = f"{self.sequence.id} / {step['name']}: {answer.status_code} {answer.text}"
        body = answer.json() if answer.content else None
        for name, path in step["expect"].get("save", {}).items():
            self.variables[name] = at_path(body, path)
        expect = fill(step["expect"], self.variables)
        statuses = expect["status"] if isinstance(expect["status"], list) else [expect["status"]]
        assert answer.status_code in statuses, about
        for name, rule in expect.get("headers", {}).items():
            assert header_fits(rule, answer.headers.get(name, "")), f"{about} {answer.headers}"
        if "body" in expect:
            assert difference(expect["body"], body) is None, about
        assert [path for path in expect.get("body_absent", []) if at_path(body, path) not in EMPTY] == [], about
        for state in expect.get("state", []):
            self.look(state, about)

    def look(self, state: dict[str, Any], about: str) -> None:
        answer = self.send({"method": "GET", "path": state["get"]})
        about = f"{about}\n{state['get']}: {answer.status_code} {answer.text}"
        assert answer.status_code == state["status"], about
        if "match" in state:
            assert difference(state["match"], answer.json()) is None, about
        absent = [path for path in state.get("absent", []) if at_path(answer.json(), path) not in EMPTY]
        assert absent == [], about


@pytest.mark.parametrize("sequence", REPLAYED, ids=[sequence.id for sequence in REPLAYED])
def test_an_idp_is_answered_as_it_expects_and_the_list_follows(
    muster: Muster, doors: list[httpx.Client], sequence: Sequence
) -> None:
    expected = EXPECTED[sequence.id]
    target = muster.new_list(expected.unique_identifier)
    replay = Replay(sequence, target, doors)

    for step in sequence.steps:
        replay.take(step)
    muster.settled(target.list_id)

    _check_people(muster.people(target.list_id), expected, replay.variables)
    _check_log(muster, target, expected)


def _check_people(people: list[dict[str, Any]], expected: Expected, variables: dict[str, str]) -> None:
    assert [
        {"uid": person.uid, "anchor": fill(person.anchor, variables), "active": person.active, "fields": person.fields}
        for person in expected.people
    ] == [
        {
            "uid": person["uid"],
            "anchor": person["anchor"],
            "active": person["active"],
            "fields": {label: value for label, value in person["fields"].items() if value is not None},
        }
        for person in people
    ]


def _check_log(muster: Muster, target: NewList, expected: Expected) -> None:
    def refused() -> Counter[str]:
        entries = [entry for entry in muster.log(target.list_id) if entry["result"] == "rejected"]
        return Counter(f"{entry['operation']} rejected" for entry in entries)

    assert muster.story(target.list_id, "user") == expected.log
    assert muster.story(target.list_id, "group") == expected.groups
    eventually(lambda: refused() >= Counter(expected.refused), 5, f"refusals {expected.refused}")
    for entry in muster.log(target.list_id):
        assert entry["token_prefix"] == target.token[:12]
        assert entry["request_id"]
        if entry["result"] != "rejected":
            assert entry["resource"] in ("user", "group")
            assert moment(entry["accepted_at"]) <= moment(entry["applied_at"])


def test_every_recorded_sequence_is_expected() -> None:
    assert sorted(EXPECTED) == sorted(sequence.id for sequence in REPLAYED)
