"""API keys: what opens the API, for whom, and until when."""

from datetime import UTC, datetime, timedelta

import pytest

from models import api_key, database, token
from models.database import Connection
from models.errors import Refused
from models.text import checksum
from tests.ingress.api.conftest import Caller


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("", "Send an API key"), ("Basic abc", "Send an API key"), ("Bearer", "Send an API key"),
        ("Bearer sct_x", "This is no API key"), ("Bearer msk_" + "a" * 46, "This is no API key"),
    ],
)  # fmt: skip
def test_without_a_key_nothing_is_told(caller: Caller, header: str, says: str) -> None:
    answer = caller.ask("GET", "/lists", Authorization=header)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="Muster API"'
    assert answer.json()["detail"].startswith(says)
    assert answer.headers["x-request-id"] == answer.json()["request_id"]


def test_a_key_with_another_s_prefix_opens_nothing(caller: Caller) -> None:
    body = caller.key[:12] + token.generate(api_key.MARK)[12:44]
    caller.key = body + token._base62(checksum(body), 6)
    assert api_key.well_formed(caller.key)

    assert "does not exist" in caller.get("/lists", 401)["detail"]


def test_a_revoked_key_is_refused_from_the_next_request_on(caller: Caller, reader: Caller) -> None:
    assert reader.get("/organisation")["name"] == "North"
    caller.delete(f"/api-keys/{reader.key[:12]}")

    assert "was revoked" in reader.get("/organisation", 401)["detail"]
    caller.delete(f"/api-keys/{caller.key[:12]}")
    assert "was revoked" in caller.get("/organisation", 401)["detail"]


def test_a_key_that_is_revoked_twice_is_revoked_and_written_down_once(
    caller: Caller, reader: Caller, connection: Connection
) -> None:
    for _ in range(2):
        caller.delete(f"/api-keys/{reader.key[:12]}")

    assert connection.execute("select detail from audit_entry").fetchall() == [(reader.key[:12],)]


def test_an_expired_key_is_refused(caller: Caller, connection: Connection) -> None:
    with database.transaction(connection) as cursor:
        past = datetime.now(UTC) - timedelta(seconds=1)
        caller.key = api_key.create(cursor, caller.tenant.organisation_id, "old", "read", past, "test").token

    assert "has expired" in caller.get("/lists", 401)["detail"]


def test_its_use_is_written_down_and_no_digest_is_told(caller: Caller) -> None:
    caller.get("/lists")

    found = caller.get("/api-keys")["items"]
    used = next(one for one in found if one["prefix"] == caller.key[:12])
    assert used["last_used_at"] is not None
    assert used["last_used_address"]
    assert all(caller.key not in str(one) and "digest" not in one for one in found)


def test_a_key_has_a_label_and_one_of_two_scopes(caller: Caller, connection: Connection) -> None:
    with database.transaction(connection) as cursor:
        for label, scope in (("", "read"), ("x" * 61, "read"), ("a\nb", "read"), ("a", "admin")):
            with pytest.raises(Refused):
                api_key.create(cursor, caller.tenant.organisation_id, label, scope, None, "test")
