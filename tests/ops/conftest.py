"""What tests of operations share."""

from collections.abc import Iterator

import pytest

from models.database import Connection
from ops.simulators.graph import Directory, GraphServer
from ops.vault import new_key
from tests.ops.directory_commands import Muster

KEY = new_key()


@pytest.fixture
def entra(
    monkeypatch: pytest.MonkeyPatch, connection: Connection, database_url: str, owner_url: str
) -> Iterator[Muster]:
    """The command line beside a directory of twelve users and three groups."""
    directory = Directory(users=12, groups=3)
    with GraphServer(directory) as server:
        monkeypatch.setenv("MUSTER_DATABASE_URL", database_url)
        monkeypatch.setenv("MUSTER_OWNER_URL", owner_url)
        monkeypatch.setenv("MUSTER_REDIS_URL", "redis://127.0.0.1:1/0")  # a bell that nobody hears
        monkeypatch.setenv("MUSTER_SECRET_KEY", KEY)
        monkeypatch.setenv("MUSTER_GRAPH_SIMULATOR", server.url)
        yield Muster(directory, server, database_url)
