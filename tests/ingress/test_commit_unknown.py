"""What becomes of a batch whose connection dies while COMMIT is on its way."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import psycopg
import pytest

from ingress import commit
from ingress.batches import CommitUnknown
from models import database
from models.database import Connection
from models.errors import Unavailable


class Dying:
    """A connection that was lost in a pipeline, and has not noticed: psycopg says that it is open and busy."""

    closed = False

    @contextmanager
    def pipeline(self) -> Iterator[None]:
        yield
        raise psycopg.OperationalError("cannot exit pipeline mode while busy")

    def execute(self, *_: object) -> None:
        """Sent."""

    def rollback(self) -> None:
        raise psycopg.OperationalError("the connection is lost")

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "_enter", lambda cursor, asks: {})
    monkeypatch.setattr(commit, "_accept", lambda cursor, asks, grants: ([], []))


def test_a_batch_that_may_be_stored_is_not_tried_again() -> None:
    dying = Dying()

    with pytest.raises(CommitUnknown):
        commit._commit(cast(Any, dying), [])

    assert dying.closed


def test_nor_is_one_whose_server_ends_the_session_at_commit(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(cursor: Any, asks: Any, grants: Any) -> Any:
        cursor.execute("select pg_terminate_backend(pg_backend_pid())")
        return [], []

    monkeypatch.setattr(commit, "_accept", ended)
    with database.connect(database_url) as connection, pytest.raises(CommitUnknown):
        commit._commit(connection, [])


def test_one_that_fails_before_is_rolled_back_and_its_connection_goes_on(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(cursor: Any, asks: Any, grants: Any) -> Any:
        raise Unavailable("not now")

    monkeypatch.setattr(commit, "_accept", refused)
    with database.connect(database_url) as connection:
        with pytest.raises(Unavailable):
            commit._commit(connection, [])

        assert idle(connection)


def idle(connection: Connection) -> bool:
    return connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE and not connection.closed
