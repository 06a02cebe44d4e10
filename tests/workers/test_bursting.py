"""Bursts are made beside the sweep's work, list by list."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from models import burst, database
from models.database import Connection
from models.text import new_list_id
from tests.models.test_burst import minute
from workers.bursting import Bursting


@pytest.fixture
def guarded(connection: Connection, owner_url: str) -> Iterator[str]:
    """A list whose bursts cannot be written."""
    list_id = new_list_id()
    with database.connect(owner_url) as owner:
        owner.execute(f"alter table burst add constraint refused check (list_id <> '{list_id}') not valid")
        yield list_id
        owner.execute("alter table burst drop constraint refused")


def test_a_list_whose_bursts_fail_does_not_hold_the_others_up(connection: Connection, guarded: str) -> None:
    lists = [guarded, new_list_id(), new_list_id()]
    for list_id in lists:
        with database.transaction(connection, [list_id]) as cursor:
            burst.note(cursor, [minute(list_id, timedelta(minutes=30))])

    Bursting().some(connection)

    made = {row[0] for row in connection.execute("select list_id from burst").fetchall()}
    assert made == set(lists[1:])
