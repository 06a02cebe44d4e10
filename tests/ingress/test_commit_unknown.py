"""What becomes of a batch whose connection dies while COMMIT is on its way."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from ingress import commit
from ingress.slots import CommitUnknown
from models import database
from models.database import Connection
from tests.ingress.commits import ask, create, holder_of, refused


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


def test_a_batch_that_may_be_stored_is_not_tried_again(connection: Connection, database_url: str, deadly: None) -> None:
    one = create(holder_of(connection), "ana")

    with database.connect(database_url) as dying:
        with pytest.raises(CommitUnknown):
            commit._commit(dying, [one], {})

        assert dying.closed


def test_one_that_fails_before_commit_is_rolled_back_and_its_connection_goes_on(connection: Connection) -> None:
    one = ask(holder_of(connection), "create", refused(ZeroDivisionError()))

    with pytest.raises(ZeroDivisionError):
        commit._commit(connection, [one], {})

    assert connection.info.transaction_status == TransactionStatus.IDLE
    assert not connection.closed
