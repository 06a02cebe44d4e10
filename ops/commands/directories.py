"""What `muster directory` and `muster sync` share: a connection by its name, its client, and what Microsoft refuses."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ops.commands.shared import FAILED, Target, stop

if TYPE_CHECKING:
    from models.directory.connections import DirectoryConnection
    from ops.graph import Graph
    from ops.vault import Vault


def find_connection(present: "Iterable[DirectoryConnection]", wanted: str) -> "DirectoryConnection":
    """The connection among these that has this id or, if only one has it, this name."""
    from models.errors import Unknown
    from models.text import equality_key

    present = list(present)
    by_id = [one for one in present if one.id == wanted.lower()]
    found = by_id or [one for one in present if equality_key(one.name) == equality_key(wanted)]
    if len(found) > 1:
        ids = ", ".join(one.id for one in found)
        raise Unknown(f"{len(found)} directory connections are called '{wanted}': name one by its id ({ids})")
    if not found:
        raise Unknown(f"no directory connection has the id or the name '{wanted}'")
    return found[0]


def vault(at: Target) -> "Vault":
    """The keys of the system that a command speaks to."""
    from ops.vault import Vault

    return Vault(at.secret_keys)


def client(at: Target, one: "DirectoryConnection") -> "Graph":
    """The client of a stored connection."""
    from ops.graph import connected

    return connected(vault(at), one.cloud, one.tenant_id, one.client_id, one.secret, at.graph_simulator)


@contextmanager
def asking() -> Iterator[None]:
    """What Microsoft refuses is no wrong use: its sentence, and exit code 1."""
    from models.errors import Unavailable
    from ops.graph_errors import GraphRefused
    from ops.vault import Locked

    try:
        yield
    except (GraphRefused, Unavailable, Locked) as refused:
        stop(FAILED, refused.detail)
