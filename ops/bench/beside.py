"""What is measured beside Muster in the same minute: the ceiling (a bare route), and a server that only echoes."""

import importlib.util
import itertools
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from ops import addresses
from ops.account import Unusable
from ops.bench import load
from ops.bench.load import Tally, request
from ops.bench.processes import clean_environment
from ops.bench.system import ROOT
from ops.bench.traffic import user

UP_WITHIN, STOP_WITHIN = 15.0, 10.0  # seconds


class Beside:
    """A server of the bench's own, of which every request is a create."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._request = request("POST", "/Users", "none", msgspec.json.encode(user("ceiling.1")))

    def run(self, connections: int, seconds: float) -> Tally:
        """Load it for so long."""
        requests = [itertools.repeat(self._request) for _ in range(connections)]
        return load.run(addresses.LOOPBACK, self.port, requests, seconds)


@contextmanager
def ceiling() -> Iterator[Beside]:
    """The bare route, one process of granian, until this is left."""
    if importlib.util.find_spec("granian") is None:
        raise Unusable("the ceiling is measured behind granian, which is not installed: run `./muster install`")
    port = addresses.free_port()
    options = ["--interface", "asgi", "--no-ws", "--log-level", "error", "--loop", "uvloop"]
    options += ["--workers-kill-timeout", "3", "--port", str(port), "ops.bench.ceiling:app"]
    with _served([sys.executable, "-m", "granian", *options], port):
        yield Beside(port)


@contextmanager
def echo() -> Iterator[Beside]:
    """The server that only echoes, until this is left."""
    port = addresses.free_port()
    with _served([sys.executable, "-m", "ops.bench.echo", str(port)], port):
        yield Beside(port)


@contextmanager
def _served(command: Sequence[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, cwd=ROOT, env=clean_environment(), start_new_session=True)
    try:
        end = time.monotonic() + UP_WITHIN
        while addresses.status(addresses.LOOPBACK, port, "/") is None:
            if time.monotonic() > end or process.poll() is not None:
                raise TimeoutError(f"{' '.join(command)} did not come up")
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(STOP_WITHIN)
