"""The generator of load counts what came back, and what did not."""

import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ops.bench import load
from ops.bench.beside import echo

ASK = load.request("POST", "/Users", "token", b'{"userName": "ada"}')


@contextmanager
def server(*answers: bytes) -> Iterator[int]:
    """Takes one connection, gives each request the next of these, and hangs up: its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            line, _ = listener.accept()
            with line:
                for answer in answers:
                    line.recv(4096)
                    line.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_answers_are_counted_by_status_and_shown_with_their_requests() -> None:
    seen = []
    answers = (
        b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n",
    )
    with server(*answers) as port:
        tally = load.run("127.0.0.1", port, [iter([ASK, ASK])], 10, lambda *answer: seen.append(answer))

    assert tally.statuses == {201: 1, 409: 1}
    assert tally.unexpected(frozenset({201})) == 1
    assert seen == [(ASK, 201, b"{}"), (ASK, 409, b"")]


def test_a_request_that_was_never_answered_is_counted() -> None:
    with server(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 201") as port:
        tally = load.run("127.0.0.1", port, [itertools.repeat(ASK)], 10)

    assert (tally.statuses, tally.lost) == ({201: 1}, 1)
    assert tally.unexpected(frozenset({201})) == 1


def test_connections_share_the_requests_of_one_iterator() -> None:
    with echo() as least:
        requests = iter([ASK] * 10)
        tally = load.run("127.0.0.1", least.port, [requests] * 3, 10)

    assert tally.statuses == {201: 10}
    assert tally.lost == 0
    assert tally.core_share > 0
