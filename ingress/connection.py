"""One client's connection, HTTP/1.1: requests in their order, and an end to whoever sends too much or too slowly.

Ours rather than a server's from elsewhere because a third of a request's time was theirs (ingress CPU of 1,000
creates: 0.132 s behind granian, with which uvicorn was level, and 0.094 here). What is hard to get right, reading HTTP,
is llhttp's, by way of httptools.
"""

import asyncio
from collections import deque
from typing import TYPE_CHECKING

import httptools

from ingress.exchange import Exchange
from ingress.head import Headers, is_sound, refusal, scope_of, without_offer

if TYPE_CHECKING:
    from ingress.server import Server

OF_EACH = 8192  # bytes that a connection takes in memory before anything is sent, about
MOST_HEAD = 65_536  # bytes of a request's line and headers, or of what follows a chunked body
MOST_HEADERS = 200
SLICE = 4096  # bytes that are parsed at once, as long as
MOST_AHEAD = 8  # requests wait for the answers before theirs: what is sent further ahead is kept as it came
MOST_OFFERS = 16  # of another protocol in what arrives at once: what follows one is parsed anew
HIGH_WATER = 65_536  # bytes of a body that nobody has read: then the client has to wait
# Seconds: a connection without a request (longer than proxies keep theirs), a head, a client that takes no answer, and
# a body, which has as long again for every so many bytes of it.
IDLE, HEAD_WITHIN, TAKEN_WITHIN, BODY_WITHIN, LEAST_RATE = 90.0, 20.0, 60.0, 30.0, 1024

TOO_LARGE = "the request's line and headers are too large: send fewer or shorter ones"
TOO_SLOW = "the request did not arrive in time: send it again"
NOT_HTTP = "this is no HTTP/1.1 request"
# llhttp looks at the last coding alone, and would hand compressed bytes on as the body (RFC 9112 §6.1).
CODED = "this Transfer-Encoding is not understood: send the body as it is, or chunked"


class Connection(asyncio.Protocol):
    """Reads requests, has each answered by the application, and then the next."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._loop = server.loop
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._reading: Exchange | None = None  # whose body is being read
        self._answering: Exchange | None = None
        self._waiting: deque[Exchange] = deque()  # pipelined
        self._ahead = b""  # sent ahead, and not parsed yet
        self._unheard = 0  # bytes that have led to nothing yet
        self._since = 0.0  # when it began to wait for what it waits for now
        self._received = 0
        self._rejection: tuple[int, str] | None = None
        self._coding: bytes | None = None  # what the head says of its body's Transfer-Encoding
        self._in_head = self._paused = False
        self._ending = self._deaf = False  # the connection ends soon; what it still sends is not looked at
        self.drained: asyncio.Future[None] | None = None

    @property
    def date(self) -> bytes:
        return self._server.date

    @property
    def held(self) -> int:
        """How many bytes of memory it takes, about: what was sent and nobody has read, what nobody has taken."""
        if self._transport is None:
            return 0
        body = len(self._reading.body) if self._reading is not None else 0
        sent = len(self._ahead) + self._unheard + body + sum(map(_size, self._waiting))
        return OF_EACH + sent + self._transport.get_write_buffer_size()

    def burden(self, now: float) -> float:
        """How much it has held for how long, in bytes times seconds; 0 where it waits for our answer."""
        waits = self._answering is not None and self._reading is None and self.drained is None
        return 0.0 if waits else self.held * (now - self._since)

    def end(self) -> None:
        """Hang up, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        peer = transport.get_extra_info("peername")
        self._client = peer[:2] if isinstance(peer, tuple) else None
        self._since = self._loop.time()
        self._ending = self._server.leaving
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self._transport = None
        # Parser and connection know each other: without this what was sent would be kept until that is found out.
        self._parser = None  # type: ignore[assignment]
        self._ahead = b""
        self.resume_writing()
        for one in (self._answering, *self._waiting):
            if one is not None:
                one.lost()
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        self._ahead += data
        self._server.came(len(data))
        self._read()
        self._begin()

    def _read(self) -> None:
        """Have parsed what has come, a few requests ahead at most: taken apart they are many times as large."""
        while self._ahead and not self._deaf and len(self._waiting) < MOST_AHEAD:
            piece, self._ahead = self._ahead[:SLICE], self._ahead[SLICE:]
            self._unheard += len(piece)
            offers = 0
            while piece and not self._deaf:
                piece = self._feed(piece)
                offers += 1
                if piece and offers > MOST_OFFERS:
                    self._reject(400, NOT_HTTP)
            if self._unheard > MOST_HEAD and not self._deaf:
                self._reject(431, TOO_LARGE)
        if self._deaf:
            self._ahead = b""

    def _feed(self, data: bytes) -> bytes:
        """Have it parsed; what is to be parsed after it, if anything."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            return self._without_offer() + data[upgrade.args[0] :]
        except httptools.HttpParserError:
            if not self._deaf:
                self._reject(400, NOT_HTTP)
        return b""

    def _without_offer(self) -> bytes:
        """An offer of another protocol (Java's client makes it) is not taken: the request is read again without it,
        for the parser reads no body behind one (RFC 9110 §7.8)."""
        if not self._waiting or self._waiting[-1].scope["headers"] is not self._headers:
            return b""  # it was refused already
        offered, closes = self._waiting.pop().scope, self._deaf
        if offered["method"] == "CONNECT":
            self._reject(400, NOT_HTTP)
            return b""
        self._parser, self._deaf = httptools.HttpRequestParser(self), False
        return without_offer(offered, self._url, closes)

    def eof_received(self) -> bool:
        """A client that has no more to say may still listen; one that hangs up in the middle of an answer does not."""
        if self._answering is None or self._answering.begun or self._reading is not None:
            return False
        self._deaf = self._ending = True
        self._last(self._answering).close_after()
        return True

    def _last(self, answering: Exchange) -> Exchange:
        return self._waiting[-1] if self._waiting else answering

    def pause_writing(self) -> None:
        self.drained = self._loop.create_future()
        self._since = self._loop.time()

    def resume_writing(self) -> None:
        if self.drained is not None:
            self.drained.set_result(None)
            self.drained = None

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._url, self._headers = b"", Headers()
        self._in_head, self._expects, self._hosts, self._coding = True, False, 0, None
        self._since = self._loop.time()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # else it follows a chunked body
            name = name.lower()
            self._headers.append((name, value))
            if name == b"expect":
                self._expects = value.lower() == b"100-continue"  # in any case (RFC 9110 §10.1.1)
            elif name == b"host":
                self._hosts += 1  # with two, whoever stands before this may have taken the other (RFC 9112 §3.2)
            elif name == b"transfer-encoding":
                self._coding = value if self._coding is None else self._coding + b"," + value

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._unheard = self._received = 0
        if self._deaf:  # it came together with what was refused
            return
        parser, version = self._parser, self._parser.get_http_version()
        keeps = parser.should_keep_alive() and not self._ending
        expects = version == "1.1" and self._expects
        scope = scope_of(parser.get_method(), self._url, version, self._headers)
        # Each request writes into its own state.
        scope |= {"client": self._client, "server": self._server.address, "state": self._server.state.copy()}
        self._reading = Exchange(self, scope, keeps, keeps and version == "1.0", expects)
        self._waiting.append(self._reading)
        if len(self._headers) > MOST_HEADERS:
            self._reject(431, TOO_LARGE)
        elif self._hosts > 1 or not is_sound(version, self._headers, self._hosts):
            self._reject(400, NOT_HTTP)
        elif self._coding is not None and self._coding.strip().lower() != b"chunked":
            self._reject(501, CODED)

    def on_body(self, body: bytes) -> None:
        self._unheard = 0
        self._received += len(body)
        if self._reading is not None:
            self._reading.add(body)
            if len(self._reading.body) > HIGH_WATER:
                self._pause()

    def on_message_complete(self) -> None:
        self._unheard = 0
        if self._reading is not None:
            self._reading.end()
            self._reading = None
        self._deaf = self._deaf or not self._parser.should_keep_alive()

    # One request after the other.

    def _begin(self) -> None:
        if self._answering is None and self._waiting and self._transport is not None:
            self._answering = exchange = self._waiting.popleft()
            self._server.answer(self, exchange)
        if self._waiting:
            self._pause()  # whoever sends ahead waits for the answers

    def failed(self, exchange: Exchange) -> None:
        """The application could not answer."""
        if exchange.gone or self._transport is None:
            return
        if exchange.begun:
            self._transport.abort()  # what was sent cannot be told from a whole answer otherwise
        else:
            self._refuse(500, "something went wrong here: try again later")

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def taken(self) -> None:
        self._resume()

    def answered(self, closes: bool) -> None:
        self._answering = None
        self._since = self._loop.time()
        if self._transport is None:
            return
        if self._rejection is not None and not (closes or self._waiting):
            self._refuse(*self._rejection)
        elif closes or self._ending and not self._waiting:
            self._ending = True
            self._transport.close()
        else:
            self._read()
            self._begin()
            self._resume()

    def _pause(self) -> None:
        if not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused and self._transport is not None and not (self._waiting or self._ahead):
            self._paused = False
            self._since = self._loop.time()
            self._transport.resume_reading()

    # Its end.

    def look(self, now: float) -> None:
        """End what takes too long."""
        exchange, transport = self._answering, self._transport
        waited = now - self._since
        if transport is None:
            return
        if self.drained is not None or transport.is_closing():
            if waited > TAKEN_WITHIN:
                transport.abort()
        elif exchange is None:
            if self._in_head and waited > HEAD_WITHIN:
                self._refuse(408, TOO_SLOW)
            elif waited > IDLE:
                self._close()
        elif exchange.wants_body and waited > BODY_WITHIN + self._received / LEAST_RATE:
            self._refuse(408, TOO_SLOW)

    def leave(self) -> None:
        """Let what is answered now be the last, or else what is asked next."""
        self._ending = True
        if self._answering is not None:
            self._last(self._answering).close_after()

    def finish(self, linger: float) -> None:
        """Answer what has come, and what comes within so many seconds to a client that does not know yet."""
        self.leave()
        if self._answering is None:
            self._loop.call_later(linger, self._close)

    def _close(self) -> None:
        if self._transport is not None and self._answering is None:
            self._transport.close()

    def _reject(self, status: int, detail: str) -> None:
        """Refuse what was read last, once what came before it is answered: each answer is taken for that of the next
        request (RFC 9112 §9.3.2)."""
        if self._reading is not None and self._reading is not self._answering:
            self._waiting.remove(self._reading)
            self._reading = None
        if self._reading is None and (self._answering is not None or self._waiting):
            self._deaf, self._rejection = True, (status, detail)
        else:
            self._refuse(status, detail)

    def _refuse(self, status: int, detail: str) -> None:
        """Answer what nobody else will, and hang up."""
        if self._transport is None:
            return
        self._ending = self._deaf = True
        self._since = self._loop.time()
        self._waiting.clear()
        begun = self._answering is not None and self._answering.begun
        for one in (self._answering, self._reading):
            if one is not None:
                one.lost()
        self._reading = None
        if not begun:
            self._transport.write(refusal(status, detail, self.date))
        self._transport.close()


def _size(exchange: Exchange) -> int:
    """Bytes of a request that waits for the answers before its own, about."""
    return OF_EACH // 4 + sum(len(name) + len(value) for name, value in exchange.scope["headers"])
