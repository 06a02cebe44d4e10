"""What becomes of a batch whose connection dies while COMMIT is on its way."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from ingress import commit
from ingress.batches import CommitUnknown
from models import connection as connections
from models import database, master_list, organisation, token
from models.change import Change, Request
from models.database import Connection
from models.resource import Document


class Dying:
    """A connection that was lost in a pipeline, and has not noticed: psycopg says that it is open, and busy."""

    closed = False

    @contextmanager
    def pipeline(self) -> Iterator[None]:
        yield
        raise psycopg.OperationalError("cannot exit pipeline mode while busy")

    def execute(self, *_: object) -> "Dying":
        return self

    def fetchall(self) -> list[Any]:
        return []

    def rollback(self) -> None:
        raise psycopg.OperationalError("the connection is lost")

    def close(self) -> None:
        self.closed = True


def test_a_batch_that_may_be_stored_is_not_tried_again() -> None:
    dying = Dying()

    with pytest.raises(CommitUnknown):
        commit._commit(cast(Any, dying), [])

    assert dying.closed


def test_one_that_fails_before_commit_is_rolled_back_and_its_connection_goes_on(connection: Connection) -> None:
    with database.transaction(connection) as cursor:
        list_id = master_list.create(cursor, organisation.ensure(cursor, "North", "business"), "Staff")
        database.allow(cursor, [list_id])
        connections.connect(cursor, list_id, "userName", "test")
        holder = token.holder(cursor, token.issue(cursor, list_id, "test", None, "test").token)
    assert holder

    def broken(_: Document | None) -> Document:
        raise ZeroDivisionError

    ask = commit.Ask(holder, Change(list_id, "create", Request("a"), broken), "127.0.0.1")

    with pytest.raises(ZeroDivisionError):
        commit._commit(connection, [ask])

    assert connection.info.transaction_status == TransactionStatus.IDLE
    assert not connection.closed
