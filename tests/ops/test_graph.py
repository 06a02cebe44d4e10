"""Microsoft Graph's client: what it says when Microsoft says no, and whom it trusts."""

import gzip
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from models.errors import Refused
from ops import graph_look
from ops.graph import CLOUDS, LONGEST_ANSWER, Cloud, Graph, Patience, clouds, connected
from ops.graph_errors import Broken, ConnectionRefused, GraphRefused, StateLost, Throttled, refusal_of_token
from ops.simulators.graph import Directory, GraphServer
from ops.vault import Vault, new_key


@pytest.fixture
def directory() -> Directory:
    """Five users and three groups."""
    made = Directory(users=5)
    for name in ("Teachers", "Teaching assistants", "Office"):
        made.add_group(name, made.user_ids()[:2])
    return made


@pytest.fixture
def server(directory: Directory) -> Iterator[GraphServer]:
    """It, served."""
    with GraphServer(directory) as served:
        yield served


def client(server: GraphServer, tenant: str = "", application: str = "", secret: str = "") -> Graph:
    one = server.directory
    cloud = clouds(server.url)["simulated"]
    return Graph(cloud, tenant or one.tenant_id, application or one.client_id, secret or one.client_secret)


def sentence(graph: Graph) -> str:
    with pytest.raises(GraphRefused) as refused:
        graph_look.test(graph)
    return refused.value.detail


def test_a_connection_that_works_counts(server: GraphServer) -> None:
    assert graph_look.test(client(server)) == (5, 3)


OTHER = "99999999-2222-4333-8444-555555555555"


@pytest.mark.parametrize(
    ("tenant", "application", "secret", "begins", "code"),
    [
        ("", "", "wrong", "the client secret is wrong: enter the Value", "AADSTS7000215"),
        ("", OTHER, "", "no application has this Client ID in the tenant", "AADSTS700016"),
        (OTHER, "", "", "no tenant has this Tenant ID", "AADSTS90002"),
    ],
)
def test_wrong_credentials_are_told_with_what_to_do(
    server: GraphServer, tenant: str, application: str, secret: str, begins: str, code: str
) -> None:
    told = sentence(client(server, tenant, application, secret))

    assert told.startswith(begins)
    assert told.endswith(f"({code})")


def test_a_secret_that_has_expired_is_told(server: GraphServer) -> None:
    server.directory.sessions.secret_expired = True

    assert "the client secret has expired: make a new one" in sentence(client(server))


def test_what_is_not_known_is_told_in_microsofts_words_without_the_rest() -> None:
    description = "AADSTS999: Something odd. Trace ID: 1 Timestamp: 2"
    data = json.dumps({"error": "x", "error_description": description, "error_codes": [999]}).encode()

    assert refusal_of_token(400, {}, data).detail == "Microsoft's sign-in refused: AADSTS999: Something odd."


@pytest.mark.parametrize("permission", ["users", "groups"])
def test_missing_permissions_are_named(server: GraphServer, permission: str) -> None:
    server.directory.permissions.discard(permission)
    server.faults.add(
        f"{permission}/delta",
        times=2,
        status=403,
        body={"error": {"code": "Authorization_RequestDenied", "message": "no"}},
    )

    told = sentence(client(server))

    assert "User.Read.All and GroupMember.Read.All" in told
    assert "grant admin consent" in told


def test_consent_that_was_given_since_holds_at_once(server: GraphServer) -> None:
    graph = client(server)
    graph.get("/users/delta?$select=id")
    server.faults.add("users/delta", status=403, body={"error": {"code": "Authorization_RequestDenied"}})

    graph.get("/users/delta?$select=id")

    assert len([one for one in server.requests if one.method == "POST"]) == 2, "a new token has what was consented to"


def test_throttling_tells_for_how_long(server: GraphServer) -> None:
    server.faults.add("count", status=429, headers={"Retry-After": "42"})

    with pytest.raises(Throttled) as refused:
        client(server).get("/users/$count", {"ConsistencyLevel": "eventual"})

    assert refused.value.seconds == 42


@pytest.mark.parametrize("lost", ["expire_delta_tokens", "demand_resync"])
def test_a_lost_state_is_told_apart(server: GraphServer, lost: str) -> None:
    graph = client(server)
    link = graph.get("/users/delta?$select=id")["@odata.deltaLink"]
    getattr(server.directory, lost)()

    with pytest.raises(StateLost):
        graph.get(link)


def test_nobody_there_is_told() -> None:
    nowhere = Cloud("Nowhere", "http://127.0.0.1:1", "http://127.0.0.1:1")

    with pytest.raises(ConnectionRefused, match=r"127\.0\.0\.1:1 cannot be reached"):
        Graph(nowhere, "t", "c", "s").get("/users/$count")


@pytest.mark.parametrize("body", ["<html>a proxy</html>", b'{"value": [', b""])
def test_what_is_no_answer_is_told(server: GraphServer, body: str | bytes) -> None:
    server.faults.add("users/delta", status=200, body=body)

    with pytest.raises(Broken, match="not JSON"):
        client(server).get("/users/delta?$select=id")


def test_the_token_is_not_sent_elsewhere(server: GraphServer) -> None:
    graph = client(server)
    for link in ("https://evil.example/v1.0/users", server.url.replace("127.0.0.1", "127.0.0.2") + "/v1.0/users"):
        with pytest.raises(Broken, match="which is not followed"):
            graph.get(link)
    server.faults.add("users/delta", status=302, headers={"Location": "https://evil.example/"})
    with pytest.raises(GraphRefused, match="Microsoft Graph refused"):
        graph.get("/users/delta?$select=id")
    assert [one.target for one in server.requests if "token" not in one.target] == ["/v1.0/users/delta?$select=id"]


def test_a_token_is_used_until_it_ends(server: GraphServer) -> None:
    graph = client(server)
    for _ in range(3):
        graph.get("/users/delta?$select=id")
    assert len([one for one in server.requests if one.method == "POST"]) == 1

    server.directory.sessions.end()
    graph.get("/users/delta?$select=id")

    assert len([one for one in server.requests if one.method == "POST"]) == 2


def test_groups_are_found_by_the_beginnings_of_words(server: GraphServer) -> None:
    graph = client(server)

    assert [one.name for one in graph_look.search_groups(graph, "")] == ["Office", "Teachers", "Teaching assistants"]
    found = graph_look.search_groups(graph, "teach")
    assert [(one.name, one.members) for one in found] == [("Teachers", 2), ("Teaching assistants", 2)]
    assert graph_look.search_groups(graph, 'nobody" or "x\\') == []


def test_secrets_stay_with_their_clouds() -> None:
    vault = Vault([new_key()])
    sealed = vault.seal("secret")

    connected(vault, "global", "t", "c", sealed, None)
    assert set(clouds(None)) == set(CLOUDS) == {"global", "us", "dod", "china"}
    with pytest.raises(Refused, match="cloud 'simulated' is not offered"):
        connected(vault, "simulated", "t", "c", sealed, None)


@pytest.fixture
def trickle() -> Iterator[str]:
    """The URL of a server that sends a byte at a time, and never the last one."""
    ended = threading.Event()

    def serve(listening: socket.socket) -> None:
        one, _ = listening.accept()
        with one, suppress(OSError):
            one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while not ended.wait(0.01):
                one.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        ended.set()
        thread.join()


def test_an_answer_that_trickles_is_not_waited_for(trickle: str) -> None:
    graph = Graph(Cloud("", trickle, trickle), OTHER, OTHER, "secret", Patience(0.5, 1))

    with pytest.raises(ConnectionRefused, match="cannot be reached"):
        graph.get("/users/delta")


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_an_answer_that_is_too_long_is_not_kept(server: GraphServer, encoding: str) -> None:
    body = b" " * (LONGEST_ANSWER + 1)
    packed = gzip.compress(body, 1) if encoding == "gzip" else body
    server.faults.add("users/delta", status=200, body=packed, headers={"Content-Encoding": encoding})

    with pytest.raises(Broken, match="more than 16 MB"):
        client(server).get("/users/delta")


def test_an_answer_that_is_packed_is_read(server: GraphServer) -> None:
    packed = gzip.compress(b'{"value": []}')
    server.faults.add("users/delta", status=200, body=packed, headers={"Content-Encoding": "gzip"})

    assert client(server).get("/users/delta") == {"value": []}
