"""Network namespaces that stand for hosts, joined by a bridge.

The bridge is in a namespace too, and the measuring thread with it: in the machine's own network nothing appears,
no address of it can clash, and its packet filter has no say.
"""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ops.account import Unusable
from ops.supervisor import end_all

ROOT = Path(__file__).resolve().parents[2]
_NAMED = Path("/run/netns")
_OWN = "/proc/thread-self/ns/net"
_CLONE_NEWNET = 0x40000000
_BRIDGE, _NET = "br0", "10.0.0"
_LONGEST_QUEUE = "10000"  # frames; a TAP device drops those beyond it


def refusal() -> str | None:
    """Why this machine has no hosts to offer; None where it has."""
    if shutil.which("ip") is None:
        return "there is no program 'ip': install the system package iproute2"
    name = f"muster-{os.getpid()}-probe"
    try:
        _ip("netns", "add", name)
    except Unusable as error:
        return f"network namespaces are refused here ({error}): run it as root, on Linux"
    _ip("netns", "del", name)
    return None


class Network:
    """Hosts by name, each with an address; all of them gone when this is left."""

    def __init__(self, delay_ms: float = 0.0) -> None:
        self._delay_ms = delay_ms
        self._prefix = f"muster-{os.getpid()}-"
        self._hosts: dict[str, str] = {}
        self._links: dict[str, subprocess.Popen[bytes]] = {}
        self._own: int | None = None

    def __enter__(self) -> "Network":
        why = refusal()
        if why is not None:
            raise Unusable(why)
        if self._delay_ms and not os.access("/dev/net/tun", os.W_OK):
            raise Unusable("links cannot be delayed here: /dev/net/tun is absent or closed")
        try:
            self._begin()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self) -> None:
        middle = f"{self._prefix}net"
        _ip("netns", "add", middle)
        self._own = os.open(_OWN, os.O_RDONLY)
        _enter(_NAMED / middle)
        _ip("link", "add", _BRIDGE, "type", "bridge")
        _ip("addr", "add", f"{_NET}.1/24", "dev", _BRIDGE)
        for device in ("lo", _BRIDGE):
            _ip("link", "set", device, "up")

    def add(self, host: str, delayed: bool = False) -> str:
        """A host, joined to the bridge; returns its address."""
        name, address = self._prefix + host, f"{_NET}.{len(self._hosts) + 2}"
        self._hosts[host] = address  # first: whoever is interrupted between the two still takes it down
        _ip("netns", "add", name)
        if delayed and self._delay_ms:
            self._links[host] = self._slow_link(host, name)
        else:
            _ip("link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip("-n", name, "link", "set", device, "up")
        _ip("link", "set", host, "master", _BRIDGE, "up")
        return address

    def _slow_link(self, host: str, name: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "ops.bench.delay", host, str(_NAMED / name), "eth0", str(self._delay_ms)]
        link = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True)
        assert link.stdout
        if not link.stdout.readline():
            raise Unusable(f"the delayed link to {host} did not come up")
        _ip("link", "set", host, "txqueuelen", _LONGEST_QUEUE)
        _ip("-n", name, "link", "set", "eth0", "txqueuelen", _LONGEST_QUEUE)
        return link

    @contextlib.contextmanager
    def inside(self, host: str) -> Iterator[None]:
        """This thread, and what it starts, as on that host."""
        with _kept_open(_OWN) as back:
            _enter(_NAMED / (self._prefix + host))
            try:
                yield
            finally:
                _setns(back)

    def links(self) -> dict[str, int]:
        """The pids of the programs that delay, by host."""
        return {host: link.pid for host, link in self._links.items()}

    def bytes(self) -> dict[str, int]:
        """What went to and from each host so far."""
        told = json.loads(_ip("-s", "-j", "link", "show"))
        counted = {link["ifname"]: link["stats64"]["rx"]["bytes"] + link["stats64"]["tx"]["bytes"] for link in told}
        return {host: counted[host] for host in self._hosts}

    def close(self) -> None:
        """Back into the network that we came from; every host with all its processes is gone."""
        if self._own is not None:
            _setns(self._own)
            os.close(self._own)
            self._own = None
        for link in self._links.values():
            link.send_signal(signal.SIGKILL)
            link.communicate()
        for name in (self._prefix + host for host in (*self._hosts, "net")):
            if (_NAMED / name).exists():
                end_all(map(int, _ip("netns", "pids", name).split()))
                _ip("netns", "del", name)
        self._links, self._hosts = {}, {}


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise Unusable(f"ip {' '.join(arguments[:3])}: {done.stderr.strip() or done.returncode}")
    return done.stdout


@contextlib.contextmanager
def _kept_open(path: str) -> Iterator[int]:
    number = os.open(path, os.O_RDONLY)
    try:
        yield number
    finally:
        os.close(number)


def _enter(namespace: Path) -> None:
    with _kept_open(str(namespace)) as number:
        _setns(number)


def _setns(number: int) -> None:
    # os.setns is younger than the oldest Python that we support.
    if ctypes.CDLL(None, use_errno=True).setns(number, _CLONE_NEWNET) != 0:
        raise Unusable(f"a network namespace cannot be entered: {os.strerror(ctypes.get_errno())}")


def enter(namespace: str) -> None:
    """This thread into the namespace of that path, for good."""
    _enter(Path(namespace))
