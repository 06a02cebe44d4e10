"""A list of a running stack that is synced from a directory which cannot be read."""

from models import database, master_list, organisation
from models.database import Cursor
from models.directory import connections, runs, syncs
from models.directory.connections import Wanted
from models.directory.schedule import Schedule
from models.directory.syncs import Scope
from ops.bell import Bell
from ops.vault import Vault, new_key
from tests.journeys.system import OPERATOR, Muster
from tests.journeys.waiting import eventually


def synced(stack: Muster, schedule: Schedule) -> str:
    """A list whose runs fail: its secret is sealed with a key that the stack does not have."""

    def connect(cursor: Cursor) -> str:
        owner = organisation.ensure(cursor, Muster.owner, "business")
        list_id = master_list.create(cursor, owner, "Pulled")
        database.allow(cursor, [list_id])
        wanted = Wanted("North", "north.example", "22222222-3333-4444-8555-666666666666")
        through = connections.add(cursor, owner, "business", wanted, Vault([new_key()]).seal("a~secret"), OPERATOR)
        syncs.connect(cursor, owner, list_id, through, "userName", Scope(None), schedule, OPERATOR)
        return list_id

    return stack.in_transaction(connect)


def fail(stack: Muster, list_id: str) -> None:
    """A run of such a list, from begin to end."""
    run_id = stack.in_transaction(lambda cursor: runs.start(cursor, list_id, OPERATOR), list_id)
    Bell(stack.ready["redis_url"]).sync(list_id, run_id)

    def is_over() -> bool:
        found = stack.in_transaction(lambda cursor: runs.find(cursor, list_id, run_id), list_id)
        return found is not None and found.state == "failed"

    eventually(is_over, 30, "the end of a run")
