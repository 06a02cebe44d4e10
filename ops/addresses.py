"""Hosts, ports and URLs of our own processes."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from random import randrange

EVERYWHERE = frozenset({"0.0.0.0", "::", ""})
LOOPBACK = "127.0.0.1"
BACKLOG = 2048  # connections that wait to be taken


class PortTaken(Exception):
    """Another program listens there."""


def shown(host: str) -> str:
    """A host as it goes into a URL; an address that means "everywhere" is this machine's own."""
    name = LOOPBACK if host in EVERYWHERE else host
    return f"[{name}]" if ":" in name else name


def local_root(host: str, port: int) -> str:
    """`http://host:port`."""
    return f"http://{shown(host)}:{port}"


def _listener(host: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    # As the server will: connections of a predecessor in TIME_WAIT do not count as taken.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return listener


def free_port(host: str = LOOPBACK) -> int:
    """A port that nobody listens on at this moment."""
    with _listener(host) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def lasting_port(host: str = LOOPBACK) -> int:
    """A free port below those that the system gives to whoever connects: a server that is away for a while has it still
    when it comes back."""
    while True:
        port = randrange(16_384, 32_768)  # noqa: S311
        with suppress(PortTaken):
            check_free(host, port, "")
            return port


def check_free(host: str, port: int, cure: str) -> None:
    """PortTaken, with a sentence that ends in the cure, when the address is in use or not ours."""
    with _listener(host) as probe:
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(f"cannot listen on {host}:{port} ({error.strerror or error}): {cure}") from None


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that takes connections, for processes that are forked to share it: one that dies loses none that it had
    not taken yet."""
    with _listener(host) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
        yield listener


def status(host: str, port: int, path: str, within: float = 2.0) -> int | None:
    """The HTTP status of a GET, None when nobody answers."""
    connection = http.client.HTTPConnection(LOOPBACK if host in EVERYWHERE else host, port, timeout=within)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
