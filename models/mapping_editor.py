"""A list's mappings as they are opened for editing, by an operator or by a script (product rules M1–M5)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from models import connection, extension, mapping_choice, mapping_edit
from models.attributes import ENTERPRISE, GRAPH
from models.database import Cursor
from models.errors import Refused
from models.mapping_choice import Choice
from models.master_list import MasterList
from models.organisation import DIRECTORY

# Where the unique identifier comes from.
UID_PATHS = {
    "employeeNumber": f"{ENTERPRISE}:employeeNumber",
    "userName": "userName",
    "email": "emails[primary eq true].value",
}
MANAGER = f"{ENTERPRISE}:manager"


@dataclass(frozen=True, slots=True)
class Editor:
    """What the list has, whatever was chosen: the mappings in force, and the extension attributes on offer."""

    stored: Sequence[Choice]
    types: Mapping[str, str]
    unique_identifier: str
    version: int
    graph: Mapping[str, str] | None  # of a Directory Sync: Microsoft Graph's name of each attribute that it has

    def has(self, path: str | None) -> bool:
        """Whether the provider can fill an attribute at all; a slot, what was chosen for it."""
        return self.graph is None or path is None or path in self.graph or path in self.types

    def possible(self, choices: Iterable[Choice]) -> list[Choice]:
        """The choices; what the provider cannot fill is off."""
        return [one if self.has(one.attribute.path) else replace(one, on=False) for one in choices]

    def reads_everybody(self, choices: Sequence[Choice]) -> bool:
        """Whether these choices turn the manager on, for which a Directory Sync reads everybody anew."""
        on = {one.path for one in choices if one.on} - {one.path for one in self.stored if one.on}
        return self.graph is not None and MANAGER in on


def opened(cursor: Cursor, current: MasterList) -> Editor:
    """What there is to edit; refused where the list is not connected."""
    if not current.is_connected:
        raise Refused("this list is not connected: connect it on its Sync tab, then map its attributes")
    stored = mapping_edit.stored(cursor, current.id, current.fields)
    types = mapping_choice.offered(extension.listing(cursor, current.id), stored)
    identifier = connection.unique_identifier(cursor, current.id)
    graph = GRAPH if current.provider == DIRECTORY else None
    return Editor(stored, types, identifier, mapping_edit.version(cursor, current.id), graph)
