"""HTTP/1.1 as clients speak it, well and badly, over real sockets."""

import asyncio
import errno
import gc
import json
import select
import socket
import struct
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from ingress import connection, server
from ingress.http import discard
from ingress.listening import refuse_more
from ingress.server import Server
from ops.addresses import BACKLOG

WITHIN = 10  # seconds until a test gives up
CHUNKED = b"POST /a HTTP/1.1\r\nHost: m\r\nTransfer-Encoding: %b\r\n\r\n1\r\na\r\n0\r\n\r\n"
GET = b"GET /%b HTTP/1.1\r\nHost: muster.example\r\n\r\n"


class App:
    """Answers what it was asked, and can be made to wait."""

    def __init__(self) -> None:
        self.padding, self.asked = "", list[str]()
        self.go_on = threading.Event()
        self.gone = threading.Event()
        self.begun = threading.Event()
        self.go_on.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(scope["path"])
        body, more = b"", True
        if scope["path"] == "/refused":
            await discard(scope, receive, 1_000_000)
        elif scope["path"] != "/unread":
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    self.gone.set()
                    return
                body += message["body"]
                more = message["more_body"]
        self.begun.set()
        while not self.go_on.is_set():
            await asyncio.sleep(0.005)
        await self._answer(scope, receive, send, body)

    async def _answer(self, scope: Any, receive: Any, send: Any, body: bytes) -> None:
        what = scope["path"].strip("/")
        if what == "broken":
            raise ZeroDivisionError
        told = [scope["method"], scope["path"], scope["query_string"].decode(), len(body)]
        said = (self.padding + json.dumps(told)).encode()
        headers = [(b"content-length", str(len(said)).encode())]
        match what:
            case "stream":
                headers = []
            case "split":
                headers.append((b"location", b"/a\r\nset-cookie: b"))
            case "none":
                await send({"type": "http.response.start", "status": 204, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if what == "half":
            await send({"type": "http.response.body", "body": said[:3], "more_body": True})
            raise ZeroDivisionError
        if what == "stream":
            await send({"type": "http.response.body", "body": said, "more_body": True})
            while (await receive())["type"] != "http.disconnect":
                pass
            self.gone.set()
            return
        await send({"type": "http.response.body", "body": said})


class Running:
    """A server in a thread, and clients of it."""

    def __init__(self) -> None:
        self.app = App()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.stopped = threading.Event()
        self.delay = 0.0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        assert self._ready.wait(WITHIN)

    def _work(self) -> None:
        with suppress(asyncio.CancelledError):
            asyncio.run(self._run())

    async def _run(self) -> None:
        self._task = asyncio.current_task()
        self.server = Server(self.app, self.listener.getsockname())
        self._stop = asyncio.Event()
        self.server.listen(self.listener)
        self._ready.set()
        await self._stop.wait()
        await self.server.stop(WITHIN, self.delay)
        self.stopped.set()

    def stop(self) -> None:
        """Ask it to."""
        with suppress(RuntimeError):  # it is gone already
            self.server.loop.call_soon_threadsafe(self._stop.set)

    def cancel(self) -> None:
        """End it in the middle of its stop."""
        assert self._task
        self.server.loop.call_soon_threadsafe(self._task.cancel)

    def close(self) -> None:
        self.app.go_on.set()
        self.stop()
        self._thread.join(WITHIN)
        self.listener.close()

    def connect(self) -> socket.socket:
        client = socket.create_connection(self.listener.getsockname(), WITHIN)
        client.settimeout(WITHIN)
        return client

    def ask(self, *sent: bytes) -> bytes:
        """All that comes back until the server hangs up; the client says beforehand that it has no more to say."""
        with self.connect() as client:
            for part in sent:
                client.sendall(part)
            client.shutdown(socket.SHUT_WR)
            return rest(client)

    def later(self, seconds: float) -> None:
        """Have the server look at its connections as if so much time had passed."""

        def look() -> None:
            for one in tuple(self.server.connections):
                one.look(self.server.loop.time() + seconds)

        self.server.loop.call_soon_threadsafe(look)

    def relieve(self) -> None:
        """Have it end connections where they hold too much, and wait until it has."""
        done = threading.Event()
        self.server.loop.call_soon_threadsafe(self.server.relieve, self.server.loop.time() + 1)
        self.server.loop.call_soon_threadsafe(done.set)
        assert done.wait(WITHIN)


def rest_of(client: socket.socket) -> bytes | None:
    """What has come; None where nothing has, and the other side has not hung up."""
    client.setblocking(False)
    try:
        return client.recv(65536)
    except BlockingIOError:
        return None
    except ConnectionResetError:
        return b""


def rest(client: socket.socket) -> bytes:
    """What comes until the other side hangs up."""
    found = b""
    try:
        while part := client.recv(65536):
            found += part
    except ConnectionResetError:
        pass
    return found


def until(client: socket.socket, wanted: bytes) -> bytes:
    """What comes up to and with these bytes."""
    found = b""
    while not found.endswith(wanted):
        part = client.recv(1)
        assert part, found
        found += part
    return found


@pytest.fixture
def running() -> Iterator[Running]:
    one = Running()
    try:
        yield one
    finally:
        one.close()


def bodies(answers: bytes) -> list[Any]:
    """The JSON of each answer."""
    decoder, found, at = json.JSONDecoder(), [], 0
    text = answers.decode()
    while (at := text.find("\r\n\r\n", at)) >= 0:
        value, at = decoder.raw_decode(text, at + 4)
        found.append(value)
    return found


def status(answers: bytes) -> int:
    return int(answers.split()[1])


def test_requests_of_one_connection_are_answered_in_their_order(running: Running) -> None:
    answers = running.ask(*(GET % b"%d?n=%d" % (number, number) for number in range(50)))

    assert bodies(answers) == [["GET", f"/{number}", f"n={number}", 0] for number in range(50)]


def test_requests_that_are_sent_far_ahead_are_not_all_taken_apart(running: Running) -> None:
    running.app.go_on.clear()
    with running.connect() as client:
        client.sendall(b"".join(GET % b"%d" % number for number in range(2000)))
        client.shutdown(socket.SHUT_WR)
        assert running.app.begun.wait(WITHIN)
        (one,) = running.server.connections
        eventually(lambda: one._paused)
        waiting = len(one._waiting)
        running.app.go_on.set()
        answers = bodies(rest(client))

    assert waiting < connection.MOST_AHEAD + connection.SLICE // len(GET % b"0")
    assert [int(told[1:]) for _, told, *_ in answers] == list(range(2000))


def test_a_body_arrives_whole_however_it_is_cut(running: Running) -> None:
    chunked = b"".join(b"%x;of=it\r\n%b\r\n" % (size, b"x" * size) for size in (1, 70_000, 3))
    answers = running.ask(
        b"POST /a HTTP/1.1\r\nHost: m\r\nContent-Length: 10\r\n\r\n123",
        b"4567",
        b"890POST /b HTTP/1.1\r\nHost: m\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked[:50_000],
        chunked[50_000:] + b"0\r\nafter: wards\r\n\r\n" + GET % b"c",
    )

    assert [one[1:] for one in bodies(answers)] == [["/a", "", 10], ["/b", "", 70_004], ["/c", "", 0]]


def test_a_body_larger_than_what_is_held_goes_through(running: Running) -> None:
    size = 3_000_000
    answers = running.ask(b"POST /a HTTP/1.1\r\nHost: m\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)

    assert bodies(answers) == [["POST", "/a", "", size]]


def test_a_pipelined_body_is_read_once_its_turn_comes(running: Running) -> None:
    running.app.go_on.clear()
    post = b"POST /b HTTP/1.1\r\nHost: m\r\nContent-Length: 500000\r\n\r\n"
    with running.connect() as client:
        client.sendall(GET % b"a" + post)
        assert running.app.begun.wait(WITHIN)
        running.app.go_on.set()
        client.sendall(b"x" * 500_000)
        client.shutdown(socket.SHUT_WR)

        assert [one[1:] for one in bodies(rest(client))] == [["/a", "", 0], ["/b", "", 500_000]]


@pytest.mark.parametrize("expected", [b"100-continue", b"100-Continue"])
def test_who_expects_to_be_told_is_told_to_go_on(running: Running, expected: bytes) -> None:
    with running.connect() as client:
        client.sendall(b"POST /a HTTP/1.1\r\nHost: m\r\nExpect: %b\r\nContent-Length: 2\r\n\r\n" % expected)
        assert until(client, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"{}")
        client.shutdown(socket.SHUT_WR)

        assert bodies(rest(client)) == [["POST", "/a", "", 2]]


def test_an_expectation_is_one_in_any_case(running: Running) -> None:
    with running.connect() as client:
        client.sendall(b"POST /a HTTP/1.1\r\nHost: m\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n")
        client.shutdown(socket.SHUT_WR)

        assert rest(client).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")


def test_a_refusal_of_what_was_not_sent_ends_the_connection(running: Running) -> None:
    answer = running.ask(b"POST /unread HTTP/1.1\r\nHost: m\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")

    assert b"100 Continue" not in answer
    assert b"connection: close" in answer


def test_a_body_that_is_refused_is_not_asked_for(running: Running) -> None:
    waits = b"POST /refused HTTP/1.1\r\nHost: m\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    with running.connect() as client:
        client.sendall(waits)
        told = rest(client)
    sent_all_the_same = running.ask(waits + b"{}")

    assert told.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"connection: close" in told
    assert sent_all_the_same.startswith(b"HTTP/1.1 200 OK\r\n")


def test_an_offer_of_another_protocol_is_not_taken(running: Running) -> None:
    offer = b"Host: m\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
    answers = running.ask(
        b"GET /a HTTP/1.1\r\n" + offer + b"\r\n" + GET % b"b",
        b"POST /c HTTP/1.1\r\n" + offer + b"Content-Length: 4\r\n\r\nbody" + GET % b"d",
    )

    assert [one[1] for one in bodies(answers)] == ["/a", "/b", "/c", "/d"]


@pytest.mark.parametrize("line", [b"GET /a HTTP/1.1\r\nConnection: Upgrade, close", b"GET /a HTTP/1.0"])
def test_an_offer_over_a_connection_that_is_to_end_is_answered(running: Running, line: bytes) -> None:
    answers = running.ask(line + b"\r\nHost: m\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + GET % b"b")

    assert [one[1] for one in bodies(answers)] == ["/a"]
    assert b"connection: close" in answers


def test_endless_offers_are_refused(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    offer = b"GET /a HTTP/1.1\r\nHost: m\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    with running.connect() as client:
        client.sendall(offer * 1000)
        answers = rest(client)

    assert bodies(answers)[-1]["status"] == "400"
    assert "RecursionError" not in caplog.text


@pytest.mark.parametrize(
    ("wrong", "expected"), [(b"nonsense\r\n\r\n", 400), (b"GET /b HTTP/1.1\r\n" + b"x: y\r\n" * 300 + b"\r\n", 431)]
)
@pytest.mark.parametrize("apart", [False, True])
def test_what_is_refused_spoils_no_answer_before_it(running: Running, wrong: bytes, expected: int, apart: bool) -> None:
    running.app.go_on.clear()
    with running.connect() as client:
        client.sendall(GET % b"a" if apart else GET % b"a" + wrong + GET % b"c")
        assert running.app.begun.wait(WITHIN)
        if apart:
            client.sendall(wrong + GET % b"c")
        running.app.go_on.set()
        first, second = bodies(rest(client))

    assert first[1] == "/a"
    assert second["status"] == str(expected)


@pytest.mark.parametrize(
    ("request_", "kept", "named"),
    [
        (b"GET /a HTTP/1.0\r\n\r\n", False, b"connection: close"),
        (b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True, b"connection: keep-alive"),
        (b"GET /a HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n", False, b"connection: close"),
        (GET % b"a", True, None),
    ],
)
def test_connections_are_kept_as_the_client_wants(
    running: Running, request_: bytes, kept: bool, named: bytes | None
) -> None:
    answers = running.ask(request_ + GET % b"b")

    assert len(bodies(answers)) == 1 + kept
    assert named is None or named in answers


def test_what_has_no_body_is_answered_without_one(running: Running) -> None:
    answers = running.ask(b"HEAD /a HTTP/1.1\r\nHost: m\r\n\r\n", GET % b"none", GET % b"b")

    assert [line for line in answers.splitlines() if line.startswith(b"HTTP/1.1")] == [
        b"HTTP/1.1 200 OK", b"HTTP/1.1 204 No Content", b"HTTP/1.1 200 OK",
    ]  # fmt: skip
    assert answers.count(b'"/a"') == 0
    assert answers.count(b"date: ") == 3


def test_paths_are_decoded_and_absolute_targets_understood(running: Running) -> None:
    answers = running.ask(GET % b"a%20b%2Fc?d=%20", b"GET http://muster.example/e?f HTTP/1.1\r\nHost: m\r\n\r\n")

    assert [one[1:3] for one in bodies(answers)] == [["/a b/c", "d=%20"], ["/e", "f"]]


def test_a_failure_is_answered_and_one_in_the_middle_cannot_be_taken_for_a_whole_answer(running: Running) -> None:
    assert status(running.ask(GET % b"broken")) == 500
    assert status(running.ask(GET % b"split")) == 500
    assert b"set-cookie" not in running.ask(GET % b"split")
    assert not running.ask(GET % b"half").endswith(b"]")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET /a HTTP/1.1\r\nHost: m\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET /a HTTP/1.1\r\nHost: m\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (b"GET /a HTTP/1.1\r\nHost : m\r\n\r\n", 400),
        (b"GET /a HTTP/1.1\r\nHost: m\r\nHost: n\r\n\r\n", 400),
        (b"GET /a HTTP/2.0\r\nHost: m\r\n\r\n", 400),
        (b"GET /a\r\n\r\n", 400),
        (b"POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET /a HTTP/1.1\r\nHost: m\r\n folded: yes\r\n\r\n", 400),
        (b"GET /a HTTP/1.1\r\nHost: m\r\nX: a\x00b\r\n\r\n", 400),
        (b"GET /" + b"a" * 200_000, 431),
        (b"GET /a HTTP/1.1\r\nHost: m\r\nX: " + b"a" * 200_000, 431),
        (b"GET /a HTTP/1.1\r\nHost: m\r\n" + b"x: y\r\n" * 300 + b"\r\n", 431),
        (b"GET /a HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n" + b"x: y\r\n" * 300 + b"\r\n", 431),
        (b"\r\n" * 100_000, 431),
        (b"CONNECT muster.example:443 HTTP/1.1\r\nHost: m\r\n\r\n", 400),
        (b"GET /a HTTP/1.1\r\nX: y\r\n\r\n", 400),
        (CHUNKED % b"gzip, chunked", 501),
        (CHUNKED % b"gzip\r\nTransfer-Encoding: chunked", 501),
        (CHUNKED % b"chunked, chunked", 400),
    ],
)
def test_what_is_no_request_is_refused_in_words(running: Running, sent: bytes, expected: int) -> None:
    with running.connect() as client:
        client.sendall(sent)
        answer = rest(client)

    assert status(answer) == expected
    assert bodies(answer)[0]["status"] == str(expected)
    assert b"connection: close" in answer


def test_what_follows_a_request_that_is_refused_is_not_carried_out(running: Running) -> None:
    crowded = b"GET /a HTTP/1.1\r\n" + b"x: y\r\n" * (connection.MOST_HEADERS + 1) + b"\r\n"

    assert status(running.ask(crowded + GET % b"b")) == 431
    running.ask(GET % b"c")
    assert running.app.asked == ["/c"]


def test_endless_trailers_are_not_kept(running: Running) -> None:
    with running.connect() as client:
        client.sendall(b"POST /a HTTP/1.1\r\nHost: m\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: ")
        client.sendall(b"y" * 200_000)

        assert status(rest(client)) == 431


@pytest.mark.parametrize(
    ("sent", "seconds", "expected"),
    [
        (b"GET /a HTTP/1.1\r\nHo", connection.HEAD_WITHIN, b"HTTP/1.1 408"),
        (b"POST /a HTTP/1.1\r\nHost: m\r\nContent-Length: 9\r\n\r\n1", connection.BODY_WITHIN, b"HTTP/1.1 408"),
        (b"", connection.IDLE, b""),
    ],
)
def test_who_is_too_slow_is_not_waited_for(running: Running, sent: bytes, seconds: float, expected: bytes) -> None:
    with running.connect() as client:
        client.sendall(sent + b"")
        client.sendall(b"")
        with running.connect() as other:  # the server has read what came before this
            other.sendall(GET % b"b")
            until(other, b"]")
        running.later(seconds / 2)
        running.later(seconds + 2)

        assert rest(client)[: len(expected)] == expected


def test_there_is_an_end_to_what_all_connections_hold_and_whoever_held_most_for_longest_goes_first(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_HELD", 6 * connection.OF_EACH + 130_000)
    with ExitStack() as opened:
        quiet, *others = (opened.enter_context(running.connect()) for _ in range(5))
        quiet.sendall(GET % b"a")
        until(quiet, b"]")
        for one in others:
            one.sendall(b"GET /a HTTP/1.1\r\nHost: m\r\n" + b"x: y\r\n" * 150)
        others[1].sendall(b"y: " + b"z" * 59_000)
        others[2].sendall(b"y: " + b"z" * 59_000)
        opened.enter_context(running.connect())
        eventually(lambda: sum(one.held for one in running.server.connections) > 6 * connection.OF_EACH + 110_000)
        running.relieve()
        assert len(running.server.connections) == 6  # there is room for that
        others[3].sendall(b"y: " + b"z" * 50_000)
        eventually(lambda: sum(one.held for one in running.server.connections) > server.MOST_HELD)
        running.relieve()

        eventually(lambda: len(running.server.connections) == 5)
        quiet.sendall(GET % b"b")
        until(quiet, b"]")


def test_of_a_connection_that_is_over_nothing_is_kept(running: Running) -> None:
    gc.disable()
    try:
        with running.connect() as client:
            client.sendall(b"GET /a HTTP/1.1\r\nHost: m\r\ny: ")
            eventually(lambda: len(running.server.connections) == 1)
            one = weakref.ref(next(iter(running.server.connections)))
            client.shutdown(socket.SHUT_WR)
            rest(client)

        eventually(lambda: one() is None)
    finally:
        gc.enable()


def test_whoever_sends_much_within_a_second_is_looked_at_before_it_is_over(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_HELD", 2 * connection.OF_EACH)
    monkeypatch.setattr(server, "LOOK_AGAIN", 3 * connection.OF_EACH)
    monkeypatch.setattr(running.server, "_look", lambda: None)  # not by the clock
    with running.connect() as client:
        client.sendall(b"GET /a HTTP/1.1\r\nHost: m\r\ny: " + b"z" * (connection.MOST_HEAD - 1000))

        assert rest(client) == b""


def test_requests_that_are_sent_ahead_cost_others_no_connection(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for answers is no more than it is, and for nobody else to pay."""
    monkeypatch.setattr(server, "MOST_HELD", 3 * connection.OF_EACH)
    running.app.go_on.clear()
    with ExitStack() as opened:
        for _ in range(3):
            opened.enter_context(running.connect()).sendall(GET % b"a" * 8)
        idle = [opened.enter_context(running.connect()) for _ in range(2)]
        eventually(lambda: sum(len(one._waiting) for one in running.server.connections) == 3 * 7)
        eventually(lambda: len(running.server.connections) == 5)
        running.relieve()
        running.relieve()
        for one in idle:
            one.sendall(GET % b"b")
        running.app.go_on.set()
        assert [one.recv(12) for one in idle] == [b"HTTP/1.1 200"] * 2


def test_connections_without_a_request_go_before_those_that_are_answered(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_HELD", 3 * connection.OF_EACH)
    running.app.go_on.clear()
    with ExitStack() as opened:
        busy = opened.enter_context(running.connect())
        busy.sendall(GET % b"a")
        assert running.app.begun.wait(WITHIN)
        idle = [opened.enter_context(running.connect()) for _ in range(5)]
        eventually(lambda: len(running.server.connections) == 6)
        running.relieve()
        eventually(lambda: len(running.server.connections) == 4)
        running.app.go_on.set()

        assert until(busy, b"]").startswith(b"HTTP/1.1 200")
        assert len([one for one in idle if rest_of(one) == b""]) == 2


def test_a_request_that_is_being_answered_may_take_its_time(running: Running) -> None:
    running.app.go_on.clear()
    with running.connect() as client:
        client.sendall(GET % b"a")
        assert running.app.begun.wait(WITHIN)
        running.later(3600)
        running.app.go_on.set()

        assert until(client, b"]").startswith(b"HTTP/1.1 200")


def test_a_last_answer_that_nobody_takes_is_not_kept(running: Running) -> None:
    running.app.padding = " " * 8_000_000
    running.app.go_on.clear()
    with running.connect() as client:
        client.sendall(b"GET /a HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n")
        assert running.app.begun.wait(WITHIN)
        (one,) = running.server.connections
        transport = one._transport
        assert transport is not None
        transport.set_write_buffer_limits(1 << 30)  # the server is not told that the client is behind
        running.app.go_on.set()
        eventually(transport.is_closing)
        running.later(connection.TAKEN_WITHIN + 2)

        eventually(lambda: not running.server.connections)


def test_a_client_that_hangs_up_is_noticed(running: Running) -> None:
    with running.connect() as client:
        client.sendall(GET % b"stream")
        until(client, b"]\r\n")
    assert running.app.gone.wait(WITHIN)

    running.app.gone.clear()
    with running.connect() as client:
        client.sendall(b"POST /a HTTP/1.1\r\nHost: m\r\nContent-Length: 9\r\n\r\n1")
    assert running.app.gone.wait(WITHIN)


def test_told_to_stop_it_answers_what_was_asked_and_what_is_on_its_way(running: Running) -> None:
    running.app.go_on.clear()
    with running.connect() as asked, running.connect() as kept:
        kept.sendall(GET % b"unread")
        asked.sendall(GET % b"a")
        assert running.app.begun.wait(WITHIN)
        running.stop()
        eventually(lambda: all(one._ending for one in tuple(running.server.connections)))
        running.app.go_on.set()
        first, second = rest(asked), rest(kept)

    assert (status(first), status(second)) == (200, 200)
    assert b"connection: close" in first
    assert running.stopped.wait(WITHIN)


def test_told_to_stop_it_answers_what_was_sent_ahead_too(running: Running) -> None:
    running.app.go_on.clear()
    with running.connect() as client:
        client.sendall(GET % b"a" + GET % b"b" + GET % b"c")
        assert running.app.begun.wait(WITHIN)
        running.stop()
        eventually(lambda: all(one._ending for one in tuple(running.server.connections)))
        running.app.go_on.set()
        answers = rest(client)

    assert [one[1] for one in bodies(answers)] == ["/a", "/b", "/c"]
    assert answers.count(b"connection: close") == 1


def test_told_to_stop_a_kept_connection_may_ask_once_more(running: Running) -> None:
    with running.connect() as kept:
        kept.sendall(GET % b"a")
        until(kept, b"]")
        running.stop()
        eventually(lambda: all(one._ending for one in tuple(running.server.connections)))
        kept.sendall(GET % b"b")
        answer = rest(kept)

    assert bodies(answer) == [["GET", "/b", "", 0]]
    assert b"connection: close" in answer


def test_told_to_stop_it_takes_who_waits_in_the_backlog(running: Running) -> None:
    looked_away = threading.Event()

    def look_away() -> None:
        running.server.loop.remove_reader(running.listener)
        looked_away.set()

    running.server.loop.call_soon_threadsafe(look_away)
    assert looked_away.wait(WITHIN)
    clients = [running.connect() for _ in range(20)]
    for client in clients:
        client.sendall(GET % b"a")
    running.stop()
    answers = [rest(client) for client in clients]
    for client in clients:
        client.close()

    assert [status(answer) for answer in answers] == [200] * 20
    assert all(b"connection: close" in answer for answer in answers)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_socket_that_takes_no_more_connections_keeps_those_that_there_are(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        socket.create_server((host, 0), family=family) as listener,
        socket.create_connection(listener.getsockname()[:2], WITHIN) as client,
        socket.socket(family) as late,
    ):
        refuse_more(listener)
        late.setblocking(False)
        assert late.connect_ex(listener.getsockname()) == errno.EINPROGRESS
        taken, _ = listener.accept()
        with taken:
            client.sendall(b"ping")
            assert taken.recv(4) == b"ping"
            taken.sendall(b"pong")
            assert client.recv(4) == b"pong"
        assert select.select([], [late], [], 0)[1] == []


def test_as_many_may_wait_in_the_backlog_as_we_say(running: Running) -> None:
    told = running.listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    most = struct.unpack_from("8B6I", told)[-1]  # tcpi_sacked, of a socket that listens

    with open("/proc/sys/net/core/somaxconn") as file:
        assert most == min(BACKLOG, int(file.read()))


def test_for_a_while_it_goes_on_with_one_answer_a_connection(running: Running) -> None:
    running.delay = 3600.0
    with running.connect() as kept:
        kept.sendall(GET % b"a")
        until(kept, b"]")
        running.stop()
        eventually(lambda: running.server.leaving)
        kept.sendall(GET % b"b")
        last = rest(kept)
    fresh = running.ask(GET % b"c")
    assert not running.server.stopping.is_set()
    running.cancel()

    assert [bodies(answer)[0][1] for answer in (last, fresh)] == ["/b", "/c"]
    assert b"connection: close" in last
    assert b"connection: close" in fresh


def eventually(holds: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(WITHIN * 100):
        if holds():
            return
        pause.wait(0.01)
    raise AssertionError("not within time")


def test_an_address_has_the_two_parts_that_asgi_knows() -> None:
    async def address(of: Any) -> Any:
        return Server(App(), of).address

    assert asyncio.run(address(("::1", 8080, 0, 0))) == ("::1", 8080)
    assert asyncio.run(address("/run/socket")) is None
