"""What the simulated Graph lets go wrong, and what it records."""

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from ops.simulators.graph import Directory, GraphServer
from ops.simulators.graph.exchange import Refused
from ops.simulators.graph.faults import Throttle
from tests.ops.graph_client import EVENTUAL, Asking, Client


@pytest.fixture
def server() -> Iterator[GraphServer]:
    with GraphServer(Directory(users=3, groups=1)) as server:
        yield server


@pytest.fixture
def client(server: GraphServer) -> Iterator[Client]:
    with closing(Client(server)) as client:
        yield client


def statuses(client: Client, *paths: str) -> list[int]:
    return [client.get(path).status for path in paths]


def test_the_next_requests_that_match_are_answered_otherwise(client: Client, server: GraphServer) -> None:
    server.faults.add(r"GET /v1.0/users/delta\?\$select=id", times=2, status=429, headers={"Retry-After": "7"},
                      body={"error": {"code": "TooManyRequests"}})  # fmt: skip
    select = "/users/delta?$select=id"
    reply = client.get(select)

    assert (reply.status, reply.headers["retry-after"], reply.body["error"]["code"]) == (429, "7", "TooManyRequests")
    assert statuses(client, "/groups/delta", "/users/delta", select, select) == [200, 200, 429, 200]


def test_a_request_is_chosen_by_a_function_too(client: Client, server: GraphServer) -> None:
    server.faults.add(lambda request: request.eventual, status=503)

    assert statuses(client, "/users/delta") == [200]
    assert client.get("/users/$count", **EVENTUAL).status == 503


def test_a_proxys_page_and_an_answer_that_is_cut_short(client: Client, server: GraphServer) -> None:
    server.faults.add(status=500, body="<html>Bad gateway</html>")
    server.faults.add(status=200, body=b'{"value": [')
    page = client.get("/users/delta")

    assert (page.status, page.body, page.headers["content-type"]) == (500, "<html>Bad gateway</html>", "text/html")
    with pytest.raises(ValueError, match="Expecting value"):
        client.get("/users/delta")


def test_the_token_endpoint_fails_too(client: Client, server: GraphServer) -> None:
    server.faults.add("oauth2", status=503)

    assert [client.token().status, client.token().status] == [503, 200]


def test_connections_are_cut(client: Client, server: GraphServer) -> None:
    server.faults.add(cut="before")
    server.faults.add(cut="middle")
    with pytest.raises(http.client.RemoteDisconnected):
        client.get("/users/delta")
    client.close()
    with pytest.raises(http.client.IncompleteRead):
        client.get("/users/delta")
    client.close()

    assert client.get("/users/delta").status == 200
    assert [one.status for one in server.requests] == [0, 200, 200]


def test_a_request_waits_until_it_is_let_go(client: Client, server: GraphServer) -> None:
    go = threading.Event()
    server.faults.add("users", hold=go)
    asking = Asking(client, "/users/delta?$select=id")
    [held] = server.wait_for(lambda requests: len(requests) == 1)
    before = (asking.is_alive(), held.status)
    go.set()

    assert before == (True, None)
    assert asking.reply().status == 200


def test_a_delay(client: Client, server: GraphServer) -> None:
    server.faults.add(delay=0.2)
    begun = time.monotonic()
    client.get("/users/delta")

    assert time.monotonic() - begun >= 0.2


def test_a_server_that_closes_lets_everything_go() -> None:
    with ExitStack() as clients:
        with GraphServer(Directory()) as server:
            client, idle = (clients.enter_context(closing(Client(server))) for _ in range(2))
            idle.get("/users/delta")
            server.faults.add("groups", hold=threading.Event())
            waiting = Asking(client, "/groups")
            server.wait_for(lambda requests: len(requests) == 2)
        waiting.join(10)

        assert not waiting.is_alive()
        with pytest.raises(ConnectionError):
            idle.get("/users/delta")


def test_faults_that_are_cleared_do_not_happen(client: Client, server: GraphServer) -> None:
    server.faults.add(status=500, times=1000)
    server.faults.clear()

    assert statuses(client, "/users/delta") == [200]


def test_a_bucket_that_is_empty_says_when_to_come_again() -> None:
    now = [100.0]
    throttle = Throttle(lambda: now[0])
    throttle.check()
    throttle.set(5)
    for _ in range(5):
        throttle.check()
    with pytest.raises(Refused) as refused:
        throttle.check()
    now[0] += 2
    throttle.check()
    with pytest.raises(Refused):
        throttle.check()
    now[0] += 100
    for _ in range(5):
        throttle.check()
    throttle.set(None)
    throttle.check()

    assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "2"})


def test_throttling_is_of_each_request_of_a_batch(client: Client, server: GraphServer) -> None:
    server.throttle(per_10_seconds=3)
    reply = client.batch(*["/groups"] * 4)
    inner = [(one["id"], one["status"], "Retry-After" in one["headers"]) for one in reply.body["responses"]]

    assert reply.status == 200
    assert inner == [("4", 429, True), ("3", 200, False), ("2", 200, False), ("1", 200, False)]
    assert client.get("/groups").status == 429
    assert client.token().status == 200


def test_a_request_inside_a_batch_fails_by_itself(client: Client, server: GraphServer) -> None:
    server.faults.add("/groups", status=429, headers={"Retry-After": "4"})
    responses = client.batch("/groups", "/groups").body["responses"]

    assert [(one["status"], one["headers"].get("Retry-After")) for one in responses] == [(200, None), (429, "4")]


def test_every_request_is_recorded(client: Client, server: GraphServer) -> None:
    begun = time.monotonic()
    client.get("/users/delta?$filter=id eq 'x'")
    client.get("/nothing")
    client.batch("/groups")

    assert [(str(one), one.status) for one in server.requests] == [
        ("GET /v1.0/users/delta?$filter=id eq 'x'", 200), ("GET /v1.0/nothing", 400), ("POST /v1.0/$batch", 200)
    ]  # fmt: skip
    assert begun <= server.requests[0].at <= server.requests[1].at <= time.monotonic()
    with pytest.raises(TimeoutError, match="GET /v1.0/nothing"):
        server.wait_for(lambda requests: len(requests) > 3, 0.01)
