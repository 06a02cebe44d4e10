"""The proxy and the plan of `muster chaos`."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from ops.addresses import LOOPBACK
from ops.chaos.faults import FAULTS, planned
from ops.chaos.ledger import Wait
from ops.chaos.proxy import Proxy
from ops.chaos.run import Done, longest

WITHIN = 5  # seconds until a test gives up


@pytest.fixture
def echo() -> Iterator[Proxy]:
    """A proxy before a server that says everything again."""

    def say_again(connection: socket.socket) -> None:
        with connection, contextlib.suppress(ConnectionError):
            while data := connection.recv(1000):
                connection.sendall(data)

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=say_again, args=[connection], daemon=True).start()

    with socket.create_server((LOOPBACK, 0)) as server, Proxy.to_port(server.getsockname()[1]) as proxy:
        threading.Thread(target=serve, daemon=True).start()
        yield proxy
        server.shutdown(socket.SHUT_RDWR)


def opened(proxy: Proxy) -> socket.socket:
    return socket.create_connection((LOOPBACK, proxy.port), WITHIN)


def said(connection: socket.socket) -> bytes:
    connection.sendall(b"hello")
    return connection.recv(1000)


def said_once(proxy: Proxy) -> bytes:
    with opened(proxy) as connection:
        return said(connection)


def test_what_is_said_goes_through_and_an_end_is_told(echo: Proxy) -> None:
    with opened(echo) as connection:
        assert said(connection) == b"hello"
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1000) == b""


def test_a_cut_connection_is_reset_and_another_may_be_opened(echo: Proxy) -> None:
    with opened(echo) as connection:
        assert said(connection) == b"hello"
        echo.cut()
        with pytest.raises(ConnectionResetError):
            connection.recv(1000)
    with opened(echo) as connection:
        assert said(connection) == b"hello"


def test_while_it_refuses_nobody_gets_through_until_it_is_mended(echo: Proxy) -> None:
    echo.cut(refuse=True)
    with pytest.raises(ConnectionError):
        said_once(echo)
    echo.mend()
    with opened(echo) as connection:
        assert said(connection) == b"hello"


def test_what_is_stalled_comes_later(echo: Proxy) -> None:
    with opened(echo) as connection:
        assert said(connection) == b"hello"
        echo.stall()
        connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            said(connection)
        echo.flow()
        connection.settimeout(WITHIN)
        assert connection.recv(1000) == b"hello"


def test_a_seed_has_one_plan_with_every_fault_before_any_comes_again() -> None:
    def first(seed: int, count: int) -> list[tuple[str, float, int]]:
        following = planned(seed, list(FAULTS))
        return [following() for _ in range(count)]

    once = first(7, 2 * len(FAULTS))

    assert once == first(7, 2 * len(FAULTS))
    assert once != first(8, 2 * len(FAULTS))
    for turn in (once[: len(FAULTS)], once[len(FAULTS) :]):
        assert sorted(kind for kind, _, _ in turn) == sorted(FAULTS)


def test_the_longest_outage_of_a_fault_is_the_longest_wait_that_overlaps_it() -> None:
    waits = [Wait(0, 9), Wait(10, 12), Wait(19, 22), Wait(30, 37)]

    assert longest([Done("cut-clients", 11, 20)], waits) == 3
    assert longest([Done("cut-clients", 13, 15)], waits) == 0
