"""Signing in: verified first and begun afterwards, whatever happens to the password in between."""

import pytest
from argon2 import PasswordHasher
from psycopg.errors import LockNotAvailable

from models import database, operator, operator_session, organisation, password
from models.database import Connection
from models.operator_session import Verified, WrongPassword

EMAIL = "ada@north.example"


@pytest.fixture
def right(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> str:
    """The password of Ada, digested cheaply."""
    monkeypatch.setattr(password, "_hasher", PasswordHasher(1, 8, 1))
    with database.transaction(connection) as cursor:
        return operator.add(cursor, organisation.ensure(cursor, "North"), EMAIL)


def verified(connection: Connection, given: str, email: str = EMAIL) -> Verified:
    with database.transaction(connection) as cursor:
        found = operator_session.account(cursor, email, "127.0.0.1")
    return operator_session.verify(found, given)


def begun(connection: Connection, proof: Verified) -> str | None:
    with database.transaction(connection) as cursor:
        return operator_session.begin(cursor, proof, None)


def sessions(connection: Connection) -> int:
    return len(connection.execute("select from operator_session").fetchall())


@pytest.mark.parametrize(("email", "given"), [(EMAIL, "wrong"), ("nobody@north.example", "wrong"), ("\x00", "")])
def test_who_is_not_known_is_refused_as_a_wrong_password_is(
    connection: Connection, right: str, email: str, given: str
) -> None:
    with pytest.raises(WrongPassword, match="the e-mail address or the password is wrong"):
        verified(connection, given, email)


def test_a_password_that_was_reset_meanwhile_begins_nothing(connection: Connection, right: str) -> None:
    proof = verified(connection, right)
    with database.transaction(connection) as cursor:
        operator.reset(cursor, EMAIL)

    assert begun(connection, proof) is None
    assert sessions(connection) == 0


def test_a_reset_waits_for_a_session_that_is_begun_and_ends_it(
    connection: Connection, right: str, database_url: str
) -> None:
    proof = verified(connection, right)
    with database.connect(database_url, "test") as other, database.transaction(connection) as cursor:
        assert operator_session.begin(cursor, proof, None)
        other.execute("set lock_timeout = '50ms'")
        with pytest.raises(LockNotAvailable), database.transaction(other) as late:
            operator.reset(late, EMAIL)
    assert sessions(connection) == 1

    with database.transaction(connection) as cursor:
        operator.reset(cursor, EMAIL)
    assert sessions(connection) == 0


def test_a_digest_with_parameters_of_the_past_is_renewed_once(
    connection: Connection, right: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(password, "_hasher", PasswordHasher(2, 8, 1))
    first, second = verified(connection, right), verified(connection, right)

    assert begun(connection, first)
    assert connection.execute("select password_digest from operator").fetchall() == [(first.renewed,)]
    # The other of two that were verified at once has to look again, and finds nothing to renew.
    assert begun(connection, second) is None
    again = verified(connection, right)
    assert again.renewed is None
    assert begun(connection, again)
