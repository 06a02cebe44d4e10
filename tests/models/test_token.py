"""Bearer tokens: their form, what is kept of them, and when they stop working."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from models import connection as connections
from models import database, master_list, organisation, token
from models.database import Connection
from models.errors import PlanTooLow, Refused, Unauthorised


@pytest.fixture
def list_id(connection: Connection) -> str:
    with database.transaction(connection) as cursor:
        made = master_list.create(cursor, organisation.ensure(cursor, "North School"), "Staff")
        connections.connect(cursor, made, "userName", "test")
    return made


def issue(connection: Connection, list_id: str, expires_at: datetime | None = None) -> token.Issued:
    with database.transaction(connection, [list_id]) as cursor:
        return token.issue(cursor, list_id, "Okta", expires_at, "test")


def check(connection: Connection, issued: token.Issued) -> token.Grant | Refused | None:
    with database.transaction(connection) as cursor:
        holder = token.holder(cursor, issued.token)
        database.allow(cursor, [holder.list_id] if holder else [])
        return token.check(cursor, [holder.token_id]).get(holder.token_id) if holder else None


def test_a_token_has_the_published_form() -> None:
    assert re.fullmatch(r"sct_[0-9A-Za-z]{46}", token.generate())


@pytest.mark.parametrize(
    "junk",
    ["", "sct_", "sct_" + "a" * 46, token.generate()[:-1], token.generate() + "a", token.generate().upper(), "é" * 50],
    ids=["empty", "prefix", "checksum", "short", "long", "upper case", "letters"],
)
def test_junk_is_told_from_tokens_without_the_database(junk: str) -> None:
    assert not token.well_formed(junk)


def test_one_wrong_character_is_noticed() -> None:
    good = token.generate()
    wrong = good[:20] + ("a" if good[20] != "a" else "b") + good[21:]

    assert token.well_formed(good)
    assert not token.well_formed(wrong)


def test_only_a_digest_and_the_prefix_are_stored(connection: Connection, list_id: str) -> None:
    issued = issue(connection, list_id)

    row = connection.execute("select t::text from bearer_token t").fetchone()
    assert row
    assert issued.token not in row[0]
    assert issued.prefix in row[0]
    assert issued.prefix == issued.token[:12]


def test_a_revoked_token_is_refused_while_its_sibling_still_works(connection: Connection, list_id: str) -> None:
    revoked, sibling = issue(connection, list_id), issue(connection, list_id)

    with database.transaction(connection, [list_id]) as cursor:
        assert token.revoke(cursor, revoked.prefix) == list_id

    assert isinstance(check(connection, revoked), Unauthorised)
    assert isinstance(check(connection, sibling), token.Grant)


def test_an_expired_token_is_refused(connection: Connection, list_id: str) -> None:
    expired = issue(connection, list_id, datetime.now(UTC) - timedelta(seconds=1))
    good = issue(connection, list_id, datetime.now(UTC) + timedelta(days=1))

    assert isinstance(check(connection, expired), Unauthorised)
    assert isinstance(check(connection, good), token.Grant)


def test_a_plan_that_drops_gets_a_sentence_and_keeps_the_token(connection: Connection, list_id: str) -> None:
    issued = issue(connection, list_id)
    with database.transaction(connection) as cursor:
        organisation.ensure(cursor, "North School", "pro")

    verdict = check(connection, issued)

    assert isinstance(verdict, PlanTooLow)
    assert "Business" in verdict.detail


def test_disconnecting_revokes_every_token_at_once(connection: Connection, list_id: str) -> None:
    first, second = issue(connection, list_id), issue(connection, list_id)

    with database.transaction(connection, [list_id]) as cursor:
        connections.disconnect(cursor, list_id)

    assert isinstance(check(connection, first), Unauthorised)
    assert isinstance(check(connection, second), Unauthorised)


def test_last_used_is_written_at_most_once_a_minute(connection: Connection, list_id: str) -> None:
    issued = issue(connection, list_id)
    with database.transaction(connection, [list_id]) as cursor:
        holder = token.holder(cursor, issued.token)
        assert holder
        token.touch(cursor, holder.token_id, "192.0.2.1")
        token.touch(cursor, holder.token_id, "192.0.2.2")
        (shown,) = token.listing(cursor, list_id)

    assert shown.last_used_address == "192.0.2.1"
    grant = check(connection, issued)
    assert isinstance(grant, token.Grant)
    assert not grant.stale
