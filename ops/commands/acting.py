"""What commands that change a list share: the list, who types, and the bell after COMMIT."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from ops.commands.shared import Target, find_list, whoami

if TYPE_CHECKING:
    from models.audit import Somebody
    from models.database import Connection, Cursor
    from models.journal import Lane
    from models.master_list import MasterList
    from ops.bell import Bell


class Acting(NamedTuple):
    """A list in its transaction, and who acts for its organisation."""

    cursor: "Cursor"
    list: "MasterList"
    actor: "Somebody"

    def record(self, action: str, detail: str = "") -> None:
        """Write an act down, in the transaction that does it."""
        from models import audit

        audit.record(self.cursor, self.actor, self.list.id, action, detail)


@contextmanager
def at_list(at: Target, wanted: str) -> Iterator[Acting]:
    """The list that has this id or name, in one transaction."""
    from models import database

    with database.connect(at.database_url) as opened, acting_on(opened, wanted) as acting:
        yield acting


@contextmanager
def acting_on(opened: "Connection", wanted: str) -> Iterator[Acting]:
    """The list that has this id or name, in a transaction of a connection that is used further."""
    from models import database, master_list

    with database.transaction(opened) as cursor:
        list_id = find_list(cursor, wanted)
        database.allow(cursor, [list_id])
        actor = of_list(cursor, list_id)
        yield Acting(cursor, master_list.of_organisation(cursor, actor.organisation_id, list_id), actor)


def of_list(cursor: "Cursor", list_id: str) -> "Somebody":
    """Whoever types, for the organisation of a list."""
    from models import organisation

    return somebody(organisation.of_list(cursor, list_id))


def somebody(organisation_id: str) -> "Somebody":
    """Whoever types, for an organisation."""
    from models import audit

    return audit.Somebody(organisation_id, whoami())


def record(cursor: "Cursor", list_id: str, action: str, detail: str) -> None:
    """Write an act of whoever types down, where no `at_list` is open."""
    from models import audit, organisation

    audit.record(cursor, audit.Somebody(organisation.of_list(cursor, list_id), whoami()), list_id, action, detail)


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
