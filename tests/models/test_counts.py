"""How many users and groups a list has is told without counting them, and is what counting them would tell."""

from models import acceptance, database, master_list, organisation
from models import connection as connections
from models.change import Change, Request
from models.database import Connection, Cursor
from models.resource import GROUP
from models.search import TRUE, Search
from tests.models.test_acceptance import accept, accept_one, change, create

LIST = "staffstaff"


def told(cursor: Cursor, list_id: str = LIST) -> tuple[int, int]:
    """Users and groups."""
    users, groups = (Search(list_id, {resource: TRUE}).count(cursor) for resource in ("user", "group"))
    return users, groups


def counted(cursor: Cursor, list_id: str = LIST) -> tuple[int, int]:
    found = [
        cursor.execute(f"select count(*) from {table} where list_id = %s", (list_id,)).fetchone()
        for table in ("identity", "scim_group")
    ]
    return tuple(row[0] for row in found if row)


def test_creates_and_deletes_over_several_connections_are_counted(connection: Connection, database_url: str) -> None:
    with database.connect(database_url) as other, database.connect(database_url) as third:
        ids = [accept_one(one, create(f"{number}")).id for number, one in enumerate((connection, other, third) * 3)]
        accept(other, create("both"), create("both"), change("delete", ids[0]), change("update", ids[3], title="Dean"))
        accept(third, change("delete", ids[1]), change("delete", ids[2]), change("delete", ids[2]))
        with database.transaction(other, [LIST]) as cursor:
            group = Change(LIST, "create", Request("request"), lambda _: {"displayName": "Choir"}, None, resource=GROUP)
            acceptance.accept(cursor, [group], {LIST: "userName"})

    with database.transaction(connection, [LIST, "studentsst"]) as cursor:
        assert told(cursor) == counted(cursor) == (7, 1)
        assert told(cursor, "studentsst") == (0, 0)


def test_what_is_rolled_back_is_not_counted(connection: Connection) -> None:
    accept(connection, create("ada"))
    with database.transaction(connection, [LIST]) as cursor:
        with connection.transaction(force_rollback=True):
            acceptance.accept(cursor, [create("bo")], {LIST: "userName"})
            within = told(cursor)

        assert (within, told(cursor)) == ((2, 0), (1, 0))


def test_a_list_that_is_forgotten_leaves_no_count(connection: Connection) -> None:
    with database.transaction(connection) as cursor:
        list_id = master_list.create(cursor, organisation.ensure(cursor, "North", "business"), "Staff")
        database.allow(cursor, [list_id])
        connections.connect(cursor, list_id, "userName", "test")
        acceptance.accept(
            cursor, [Change(list_id, "create", Request("r"), lambda _: {"userName": "ada", "active": True})],
            {list_id: "userName"},
        )  # fmt: skip
        cursor.execute("delete from journal")
        connections.disconnect(cursor, list_id)
        while connections.forget(cursor, list_id):
            pass
    left = connection.execute("select * from resource_count").fetchall()

    assert left == []
