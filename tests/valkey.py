"""A Valkey of a test's own."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.embedded import Valkey
from tests.journeys.waiting import eventually

VALKEY_WITHIN = 10  # seconds until a test gives up


@contextmanager
def running_valkey(folder: Path) -> Iterator[Valkey]:
    """One in a folder, until the end."""
    server = Valkey(folder / "valkey", folder)
    server.folder.mkdir(exist_ok=True)
    process = subprocess.Popen(server.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(server.is_ready, VALKEY_WITHIN, "Valkey")
        yield server
    finally:
        process.terminate()
        process.wait(VALKEY_WITHIN)
