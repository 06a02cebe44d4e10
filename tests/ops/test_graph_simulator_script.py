"""The recorded Graph exchanges, answered again by the simulated one."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ops.simulators.graph import Directory, GraphServer
from tests.ops.graph_client import Client

RECORDED = json.loads((Path(__file__).parents[1] / "traffic" / "graph.json").read_text())
SCENARIOS: list[dict[str, Any]] = RECORDED["scenarios"]
EXCHANGES = {one["name"]: one for scenario in SCENARIOS for one in scenario["exchanges"]}
MICROSOFT = re.compile(r"https://(graph\.microsoft|login\.microsoftonline)\.com")


@pytest.fixture
def client() -> Iterator[Client]:
    with GraphServer(Directory(users=2)) as server, closing(Client(server)) as client:
        yield client


def ask(client: Client, exchange: dict[str, Any]) -> Any:
    """What a recorded request is answered."""
    request = exchange["request"]
    url, body, headers = urlsplit(request["url"]), request.get("body"), request["headers"]
    sent = json.dumps(body) if isinstance(body, dict) else body
    own = {name: value for name, value in headers.items() if name != "Authorization"}
    return client.send(request["method"], f"{url.path}?{url.query}".rstrip("?"), sent, **own)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: str(scenario["id"]))
def test_every_recorded_exchange_is_answered_as_recorded(client: Client, scenario: dict[str, Any]) -> None:
    client.server.script(scenario["exchanges"])

    for exchange in scenario["exchanges"]:
        reply, response = ask(client, exchange), exchange["response"]
        expected = json.loads(MICROSOFT.sub(client.server.url, json.dumps(response)))
        assert (reply.status, reply.body) == (response["status"], expected["body"]), exchange["name"]
        assert {name.lower(): value for name, value in expected["headers"].items()}.items() <= reply.headers.items()
    assert client.server.unscripted == []


def test_there_are_as_many_exchanges_as_were_recorded() -> None:
    assert sum(len(scenario["exchanges"]) for scenario in SCENARIOS) == 24


def test_an_exchange_is_answered_once_and_then_as_the_directory_is(client: Client) -> None:
    client.server.script([EXCHANGES["throttled"], EXCHANGES["after the wait"]])
    path = "/users/delta?$deltatoken=ROUND4"

    assert [client.get(path).status for _ in range(2)] == [429, 200]
    assert client.error(path) == (400, "syncStateNotFound")


def test_more_may_be_selected_than_was_recorded_and_in_any_order(client: Client) -> None:
    exchange = EXCHANGES["page 1"]
    path, _, select = exchange["request"]["url"].removeprefix("https://graph.microsoft.com/v1.0").partition("=")
    more = ",".join(["manager", *reversed(select.split(",")), "employeeOrgData"])
    client.server.script([exchange])
    less = client.good(f"{path}=displayName")
    reply = client.good(f"{path}={more}")

    assert [one["id"] for one in less["value"]] == client.directory.user_ids()
    assert reply["@odata.nextLink"] == f"{client.server.url}/v1.0/users/delta?$skiptoken=PAGE2"


def test_the_exchange_that_names_a_secret_is_for_that_secret(client: Client) -> None:
    client.server.script(SCENARIOS[0]["exchanges"])

    assert client.token(client_secret="wrong").body["error_codes"] == [7000215]
    assert client.token().body["access_token"] == "eyJ0eXAi.FAKE.TOKEN"


def test_a_token_that_was_recorded_is_good_for_the_directory(client: Client) -> None:
    client.server.script([EXCHANGES["client-credentials token"]])
    client.authorization = f"Bearer {client.token().body['access_token']}"

    assert len(client.round("/users/delta")[0]) == 2


def test_a_batch_of_another_shape_is_answered_by_the_directory(client: Client) -> None:
    client.server.script([EXCHANGES["two photos or managers in one batch"]])
    first, second = client.directory.user_ids()
    alone = client.batch(f"/users/{second}/manager")
    both = client.batch(f"/users/{second}/manager", f"/users/{first}/manager")

    assert alone.body["responses"][0]["body"]["id"] == first
    assert [(one["id"], one["status"]) for one in both.body["responses"]] == [("2", 429), ("1", 200)]


def test_faults_come_before_the_script(client: Client) -> None:
    client.server.script([EXCHANGES["count users"]])
    client.server.faults.add("count", status=503)
    eventual = {"ConsistencyLevel": "eventual"}

    replies = [client.get("/users/$count", **eventual) for _ in range(3)]
    assert [(one.status, one.body) for one in replies[1:]] == [(200, "4"), (200, "2")]
    assert (replies[0].status, replies[0].body["error"]["code"]) == (503, "ServiceUnavailable")
