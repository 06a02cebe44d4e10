"""Clients of the directories that a process asks: a token of Microsoft's is good for an hour."""

import threading

from models.database import Cursor
from models.directory import syncs
from models.directory.connections import DirectoryConnection
from ops.graph import RUN, Graph, Patience, connected
from ops.settings import Settings
from ops.vault import Vault

MOST = 100


class Graphs:
    """One client a connection, for as long as its credentials stay as they are."""

    def __init__(self, settings: Settings, patience: Patience = RUN) -> None:
        self._vault, self._simulator, self._patience = Vault(settings.secret_keys()), settings.graph_simulator, patience
        self._known: dict[tuple[str, ...], Graph] = {}
        self._lock = threading.Lock()

    def of(self, one: DirectoryConnection, anew: bool = False) -> Graph:
        """The client of a connection. `anew` signs in again: a token has the permissions of when it was given."""
        key = (one.id, one.cloud, one.tenant_id, one.client_id, one.secret.hex())
        with self._lock:
            if anew or key not in self._known:
                if len(self._known) >= MOST:
                    self._known.clear()
                self._known[key] = self._open(one)
            return self._known[key]

    def of_list(self, cursor: Cursor, list_id: str) -> Graph:
        """The client of the directory that a list is pulled from."""
        return self.of(syncs.credentials(cursor, list_id))

    def _open(self, one: DirectoryConnection) -> Graph:
        return connected(
            self._vault, one.cloud, one.tenant_id, one.client_id, one.secret, self._simulator, self._patience
        )
