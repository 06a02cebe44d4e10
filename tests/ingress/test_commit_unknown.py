"""What becomes of a batch whose connection dies while COMMIT is on its way."""

from collections.abc import Callable, Iterator

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


@pytest.fixture
def deadly(owner_url: str) -> Iterator[None]:
    """Whoever commits a new identity loses the connection at that moment."""
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(
            "create function die() returns trigger language plpgsql as"
            " $$begin perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(10); return null; end$$"
        )
        owner.execute(
            "create constraint trigger deadly after insert on identity deferrable initially deferred"
            " for each row execute function die()"
        )
        yield
        owner.execute("drop trigger deadly on identity")
        owner.execute("drop function die")


def _create(connection: Connection, apply: Callable[[Document | None], Document]) -> commit.Ask:
    with database.transaction(connection) as cursor:
        list_id = master_list.create(cursor, organisation.ensure(cursor, "North", "business"), "Staff")
        database.allow(cursor, [list_id])
        connections.connect(cursor, list_id, "userName", "test")
        holder = token.holder(cursor, token.issue(cursor, list_id, "test", None, "test").token)
    assert holder
    return commit.Ask(holder, Change(list_id, "create", Request("a"), apply), "127.0.0.1")


def test_a_batch_that_may_be_stored_is_not_tried_again(connection: Connection, database_url: str, deadly: None) -> None:
    ask = _create(connection, lambda _: {"schemas": [], "userName": "ana", "active": True})

    with database.connect(database_url) as dying:
        with pytest.raises(CommitUnknown):
            commit._commit(dying, [ask], {})

        assert dying.closed


def test_one_that_fails_before_commit_is_rolled_back_and_its_connection_goes_on(connection: Connection) -> None:
    def broken(_: Document | None) -> Document:
        raise ZeroDivisionError

    ask = _create(connection, broken)

    with pytest.raises(ZeroDivisionError):
        commit._commit(connection, [ask], {})

    assert connection.info.transaction_status == TransactionStatus.IDLE
    assert not connection.closed
