"""How many requests a key may send."""

import pytest
from litestar.testing import TestClient

from ingress.api import app
from ingress.api.app import Api
from ingress.api.limit import Limit
from ingress.api.problems import Wrong
from ops import metrics
from ops.embedded import Valkey
from ops.settings import Settings
from tests.ingress.api.conftest import NOWHERE, Caller, Tenant, answered


def test_a_key_has_so_many_requests_and_is_told(
    north: Tenant, south: Tenant, database_url: str, valkey: Valkey
) -> None:
    api = Api(Settings(database_url=database_url, redis_url=valkey.url(), api_rate=2))
    api.start()
    with TestClient(api.app) as client:
        mine, other = (Caller(client, tenant, tenant.reads) for tenant in (north, south))
        first, second, third = (mine.ask("GET", "/organisation") for _ in range(3))
        theirs = other.ask("GET", "/organisation")
    api.stop()

    assert [first.status_code, second.status_code, theirs.status_code] == [200, 200, 200]
    assert first.headers["ratelimit-policy"] == '"key";q=2;w=60'
    assert first.headers["ratelimit"].startswith('"key";r=1;t=')
    told = answered(third, 429)
    assert told["type"].endswith("#problem-rate-limit")
    assert 1 <= int(third.headers["retry-after"]) <= 30


def test_processes_share_the_count(valkey: Valkey) -> None:
    one, other = Limit(valkey.url(), 2), Limit(valkey.url(), 2)

    assert one.take(b"a" * 32)
    assert other.take(b"a" * 32)
    with pytest.raises(Wrong):
        one.take(b"a" * 32)
    room = other.take(b"b" * 32)
    assert room is not None
    assert room.left == 1


def test_without_valkey_everybody_passes_and_is_counted() -> None:
    before = metrics.API_UNLIMITED._value.get()
    limit = Limit(NOWHERE, 1)

    assert [limit.take(b"a" * 32) for _ in range(3)] == [None, None, None]
    assert metrics.API_UNLIMITED._value.get() == before + 3


def test_what_comes_while_too_many_wait_is_told_to_come_again(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "MOST_WAITING", 0)

    answer = caller.ask("GET", "/organisation")

    assert answered(answer, 503)["type"].endswith("#problem-unavailable")
    assert answer.headers["retry-after"] == "1"
