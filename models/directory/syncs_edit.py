"""How a list is pulled, as an operator or a script chooses it (product rule D2)."""

from models import audit
from models.audit import Actor
from models.database import Cursor
from models.directory import syncs
from models.directory.schedule import Schedule
from models.directory.syncs import Scope
from models.errors import Refused
from models.master_list import MasterList
from models.organisation import DIRECTORY


def put_in_force(
    cursor: Cursor, actor: Actor, current: MasterList, connection_id: str, unique_identifier: str, scope: Scope,
    schedule: Schedule,
) -> None:  # fmt: skip
    """Connect the list to Directory Sync, or pull it another way from the next run on; then the identifier stays."""
    if not connection_id:
        raise Refused("choose a directory connection, or add one")
    which = (actor.organisation_id, current.id, connection_id)
    if current.provider == DIRECTORY and current.is_connected:
        changed = syncs.change(cursor, *which, scope, schedule)
        if changed:
            audit.record(cursor, actor, current.id, "sync.change", ", ".join(changed))
        return
    if not unique_identifier:
        raise Refused("choose a unique identifier: people are recognised by it")
    syncs.connect(cursor, *which, unique_identifier, scope, schedule, actor.who)
    audit.record(cursor, actor, current.id, "connection.connect", f"Directory Sync, {unique_identifier}")
