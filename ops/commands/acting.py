"""What commands that change a list share: the list, who types, and the bell after COMMIT."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from ops.commands.shared import Target, find_list, whoami

if TYPE_CHECKING:
    from models.audit import Somebody
    from models.database import Cursor
    from models.journal import Lane
    from models.master_list import MasterList
    from ops.bell import Bell


class Acting(NamedTuple):
    """A list in its transaction, and who acts for its organisation."""

    cursor: "Cursor"
    list: "MasterList"
    actor: "Somebody"


@contextmanager
def at_list(at: Target, wanted: str) -> Iterator[Acting]:
    """The list that has this id or name, in one transaction."""
    from models import audit, database, master_list, organisation

    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        list_id = find_list(cursor, wanted)
        database.allow(cursor, [list_id])
        owner = organisation.of_list(cursor, list_id)
        current = master_list.of_organisation(cursor, owner, list_id)
        yield Acting(cursor, current, audit.Somebody(owner, whoami()))


def bell(at: Target) -> "Bell":
    """The bell of the system; what it cannot tell, the sweep finds."""
    from ops import logs
    from ops.bell import Bell

    logs.configure("warning")  # stdout is for the document
    return Bell(at.redis_url)


def ring(at: Target, lanes: "Iterable[Lane]") -> None:
    """Ring lanes, after COMMIT."""
    found = list(lanes)
    if found:
        bell(at).ring(found)
