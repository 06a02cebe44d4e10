"""The simulated token endpoint, and what an access token opens."""

import re
from collections.abc import Iterator
from contextlib import closing

import pytest

from ops.simulators.graph import Directory, GraphServer
from tests.ops.graph_client import EVENTUAL, Client

DESCRIPTION = re.compile(
    r"AADSTS(\d+): .+ Trace ID: [0-9a-f-]{36} Correlation ID: [0-9a-f-]{36} Timestamp: [\d-]{10} [\d:]{8}Z"
)


@pytest.fixture
def client() -> Iterator[Client]:
    with GraphServer(Directory(users=3, groups=2)) as server, closing(Client(server)) as client:
        yield client


def test_a_token_opens_graph(client: Client) -> None:
    reply = client.token()
    client.authorization = f"Bearer {reply.body['access_token']}"

    assert reply.status == 200
    assert {name: reply.body[name] for name in ("token_type", "expires_in", "ext_expires_in")} == {
        "token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599
    }  # fmt: skip
    assert reply.headers["cache-control"] == "no-store, no-cache"
    assert client.good("/users/$count", **EVENTUAL) == "3"


@pytest.mark.parametrize(
    ("tenant", "changes", "status", "error", "number"),
    [(None, {"client_secret": "wrong"}, 401, "invalid_client", 7000215),
     (None, {"client_id": "33333333-0000-4000-8000-000000000000"}, 400, "unauthorized_client", 700016),
     ("99999999-0000-4000-8000-000000000000", {}, 400, "invalid_request", 90002),
     ("unknown.example", {}, 400, "invalid_request", 90002),
     ("not a tenant", {}, 400, "invalid_request", 900023),
     (None, {"client_id": None}, 400, "invalid_request", 900144),
     (None, {"client_secret": None}, 400, "invalid_request", 900144),
     (None, {"grant_type": None}, 400, "invalid_request", 900144),
     (None, {"scope": None}, 400, "invalid_request", 900144),
     (None, {"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
     (None, {"scope": "https://graph.microsoft.com/User.Read.All"}, 400, "invalid_scope", 1002012)],
)  # fmt: skip
def test_what_is_wrong_is_said_in_microsofts_numbers(
    client: Client, tenant: str | None, changes: dict[str, str | None], status: int, error: str, number: int
) -> None:
    reply = client.token(tenant, **changes)
    described = DESCRIPTION.fullmatch(reply.body["error_description"])

    assert (reply.status, reply.body["error"], reply.body["error_codes"]) == (status, error, [number])
    assert described is not None
    assert described[1] == str(number)


def test_a_secret_that_expired(client: Client) -> None:
    client.directory.sessions.secret_expired = True
    reply = client.token()

    assert (reply.status, reply.body["error"], reply.body["error_codes"]) == (401, "invalid_client", [7000222])


def test_without_a_good_token_nothing_is_answered(client: Client) -> None:
    for authorization in ("", "Bearer nonsense"):
        client.authorization = authorization
        assert client.error("/users/delta") == (401, "InvalidAuthenticationToken")
        assert client.batch("/users/delta").status == 401


def test_tokens_expire(client: Client) -> None:
    client.directory.sessions.seconds = 0
    reply = client.token()
    client.authorization = f"Bearer {reply.body['access_token']}"

    assert reply.body["expires_in"] == 0
    assert client.error("/users/delta") == (401, "InvalidAuthenticationToken")


def test_tokens_end_when_the_tenant_ends_them(client: Client) -> None:
    client.good("/users/delta")
    client.directory.sessions.end()

    assert client.error("/users/delta") == (401, "InvalidAuthenticationToken")


@pytest.mark.parametrize(
    ("permission", "closed", "opened"),
    [("User.Read.All", "/users/delta", "/groups/delta"), ("GroupMember.Read.All", "/groups/delta", "/users/delta"),
     ("User.Read.All", "/users/$count", "/groups/$count"), ("GroupMember.Read.All", "/groups", "/users/$count")],
)  # fmt: skip
def test_a_permission_without_consent(client: Client, permission: str, closed: str, opened: str) -> None:
    client.directory.permissions.discard(permission)
    client.good(opened, **EVENTUAL)

    assert client.error(closed, **EVENTUAL) == (403, "Authorization_RequestDenied")


def test_the_tenant_is_the_same_for_a_seed() -> None:
    one, two, other = Directory(seed=7), Directory(seed=7), Directory(seed=8)

    assert (one.tenant_id, one.client_id, one.client_secret) == (two.tenant_id, two.client_id, two.client_secret)
    assert not {one.tenant_id, one.client_id, one.client_secret} & {other.tenant_id, other.client_id}
