"""Single `muster ingress` processes, each at an address of its own, beside a running stack."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.journeys.idp import Idp
from tests.journeys.system import ROOT, STOP_WITHIN, Muster, NewList
from tests.journeys.waiting import eventually


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Door:
    """One ingress process, known by its address."""

    def __init__(self, root: str) -> None:
        self.root = root

    def idp(self, target: NewList) -> Idp:
        """An IdP that comes in by this door."""
        return Idp(target.list_id, f"{self.root}/{target.list_id}", target.token)


@contextmanager
def ingress(muster: Muster) -> Iterator[Door]:
    """One more ingress process on the stack's Postgres and Valkey."""
    port = free_port()
    environment = muster.environment(
        MUSTER_PORT=str(port), MUSTER_INTERNAL_PORT=str(free_port()), MUSTER_INGRESS_PROCESSES="1"
    )
    log = (muster.folder / f"ingress-{port}.txt").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "ops.cli", "ingress"], cwd=ROOT, env=environment, stdout=log, stderr=log
    )
    door = Door(f"http://127.0.0.1:{port}/scim/v2")
    try:
        eventually(lambda: _answers(door.root), 30, f"an answer at {door.root}")
        yield door
    finally:
        process.terminate()
        process.wait(STOP_WITHIN)
        log.close()


def _answers(root: str) -> bool:
    try:
        return httpx.get(f"{root}/aaaaaaaaaa/Users", trust_env=False).status_code == 401
    except httpx.TransportError:
        return False
