"""The audit log: added to and read, by organisation and filter; nobody changes what is in it."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from models import audit, audit_page, database, master_list, organisation
from models.audit import Somebody
from models.audit_page import Filters, Key
from models.database import Connection, Cursor


@pytest.fixture
def owner(connection: Connection) -> str:
    with database.transaction(connection) as cursor:
        return organisation.ensure(cursor, "North")


def write(cursor: Cursor, owner: str, count: int) -> None:
    for number in range(count):
        audit.record(cursor, Somebody(owner, "Mila@North.example", "203.0.113.7"), None, "token.issue", str(number))


def told(connection: Connection, owner: str, filters: Filters, **edges: Key) -> list[str]:
    with database.transaction(connection) as cursor:
        return [one.detail for one in audit_page.page(cursor, owner, filters, **edges, count=2).entries]


@pytest.mark.parametrize(
    "statement",
    ["update audit_entry set operator = 'nobody'", "delete from audit_entry", "truncate audit_entry"],
)
def test_the_serving_role_adds_and_reads_and_the_owner_changes_nothing_either(
    connection: Connection, owner: str, owner_url: str, statement: str
) -> None:
    with database.transaction(connection) as cursor:
        write(cursor, owner, 1)

    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
        connection.execute(statement.encode())
    with (
        database.connect(owner_url) as owning,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="only added to"),
    ):
        owning.execute(statement.encode())
    assert told(connection, owner, Filters()) == ["0"]


def test_no_entry_is_of_another_time_than_when_it_was_written(connection: Connection, owner: str) -> None:
    with database.transaction(connection) as cursor, pytest.raises(psycopg.errors.InsufficientPrivilege):
        cursor.execute(
            "insert into audit_entry (id, organisation_id, at, operator, action)"
            " values (gen_random_uuid(), %s, now() - interval '1 day', 'a', 'b.c')", (owner,),
        )  # fmt: skip


def test_the_owner_may_delete_what_is_older_than_a_year(connection: Connection, owner: str, owner_url: str) -> None:
    connection.execute(
        "insert into audit_entry (id, organisation_id, at, operator, action)"
        " values (gen_random_uuid(), %s, now() - interval '366 days', 'a', 'b.c')", (owner,),
    )  # fmt: skip

    with database.connect(owner_url) as owning:
        assert owning.execute("delete from audit_entry where at < now() - interval '1 year'").rowcount == 1


def test_pages_go_on_where_the_one_before_ended_and_back(connection: Connection, owner: str) -> None:
    with database.transaction(connection) as cursor:
        write(cursor, owner, 5)
        first = audit_page.page(cursor, owner, Filters(), count=2)
        second = audit_page.page(cursor, owner, Filters(), older=first.older, count=2)
        third = audit_page.page(cursor, owner, Filters(), older=second.older, count=2)
        back = audit_page.page(cursor, owner, Filters(), newer=third.newer, count=2)

    assert [[one.detail for one in page.entries] for page in (first, second, third, back)] == [
        ["4", "3"], ["2", "1"], ["0"], ["2", "1"],
    ]  # fmt: skip
    assert (first.newer, third.older, Key.parse(str(second.older))) == (None, None, second.older)
    assert [Key.parse(text) for text in (None, "", "1", "x.y", f"{'9' * 30}.{first.entries[0].id}")] == [None] * 5


def test_filters_narrow_by_who_what_when_and_list(connection: Connection, owner: str) -> None:
    with database.transaction(connection) as cursor:
        list_id = master_list.create(cursor, owner, "Staff")
        database.allow(cursor, [list_id])
        other = organisation.ensure(cursor, "South")
        audit.record(cursor, Somebody(owner, "mila@north.example"), list_id, "token.issue", "a")
        audit.record(cursor, Somebody(owner, "API key msk_a1B2c3D4"), None, "tokens.odd", "b")
        audit.record(cursor, Somebody(other, "mila@north.example"), None, "token.issue", "theirs")

    tomorrow = datetime.now(UTC) + timedelta(days=1)
    asked = {
        "a": [Filters("MILA"), Filters(what="token"), Filters(what="token.issue"), Filters(list_id=list_id)],
        "b": [Filters("msk_a1"), Filters(what="tokens")],
        "": [Filters("mil_"), Filters("%"), Filters(what="tok"), Filters(since=tomorrow), Filters(list_id="x")],
        "ba": [Filters(), Filters(until=tomorrow)],
    }
    for wanted, filters in asked.items():
        assert ["".join(told(connection, owner, one)) for one in filters] == [wanted] * len(filters)
    with database.transaction(connection, [list_id]) as cursor:
        [entry] = audit_page.page(cursor, owner, Filters(list_id=list_id)).entries
    assert (entry.list, entry.address, entry.who) == ("Staff", audit.COMMAND_LINE, "mila@north.example")
