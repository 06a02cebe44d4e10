"""The HTTP server: kept-alive connections, a thread each, and a record of every request."""

import socket
import socketserver
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from ops.addresses import LOOPBACK, local_root
from ops.simulators.graph.delta import Paging
from ops.simulators.graph.directory import Directory
from ops.simulators.graph.exchange import Answer, Request
from ops.simulators.graph.faults import Fault
from ops.simulators.graph.routes import Routes

PATIENCE = 10.0  # seconds that a test waits for a request
MOST_RECORDED = 100_000  # requests; the oldest are forgotten


@dataclass
class Recorded:
    """A request as it came: `at` is time.monotonic(), `target` the path with its query, `status` None until it is
    answered, and 0 where the connection ended instead."""

    at: float
    method: str
    target: str
    status: int | None = None

    def __str__(self) -> str:
        return f"{self.method} {unquote(self.target)}"


class GraphServer:
    """A directory served over HTTP, as https://graph.microsoft.com and https://login.microsoftonline.com in one.

    As a context manager it answers until it is left. Everything may be changed while it runs.
    """

    def __init__(self, directory: Directory, host: str = LOOPBACK, port: int = 0) -> None:
        self.directory = directory
        self.routes = Routes(directory)
        self.faults = self.routes.faults
        self.changed = threading.Condition()
        self.closing = threading.Event()
        self._recorded: deque[Recorded] = deque(maxlen=MOST_RECORDED)
        self._http = _Http(self, host, port)
        self.url = local_root(host, self._http.server_port)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> "GraphServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.end_connections()
        self._http.server_close()

    @property
    def requests(self) -> list[Recorded]:
        """Every request so far; those inside a batch are not in it."""
        with self.changed:
            return list(self._recorded)

    @property
    def paging(self) -> Paging:
        """How pages of delta queries are cut."""
        return self.routes.paging

    @property
    def unscripted(self) -> list[Mapping[str, Any]]:
        """Exchanges of the script that nobody asked for yet."""
        return self.routes.script.left

    def script(self, exchanges: Sequence[Mapping[str, Any]]) -> None:
        """Answer these recorded exchanges, each once; everything else as the directory is."""
        self.routes.script.set(exchanges)

    def throttle(self, per_10_seconds: float | None) -> None:
        """Answer 429 beyond so many requests, those inside a batch one by one; None ends it."""
        self.routes.throttle.set(per_10_seconds)

    def wait_for(self, condition: Callable[[list[Recorded]], bool], seconds: float = PATIENCE) -> list[Recorded]:
        """The requests, once they meet a condition; TimeoutError if they do not."""
        with self.changed:
            if not self.changed.wait_for(lambda: condition(list(self._recorded)), seconds):
                raise TimeoutError(f"not within {seconds} s; asked so far: {[str(one) for one in self._recorded]}")
            return list(self._recorded)

    def note(self, recorded: Recorded, status: int | None = None) -> None:
        """Record a request that came, and then what it was answered."""
        with self.changed:
            if recorded.status is None and status is None:
                self._recorded.append(recorded)
            recorded.status = status
            self.changed.notify_all()


class _Http(ThreadingHTTPServer):
    """The listening socket and its connections, which end with it."""

    daemon_threads = False  # so that they are waited for
    request_queue_size = 256

    def __init__(self, graph: GraphServer, host: str, port: int) -> None:
        self.graph = graph
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._open: set[socket.socket] = set()
        super().__init__((host, port), _Connection)

    def server_bind(self) -> None:
        """Listen; HTTPServer's own asks the resolver for the host's name besides, which may take long."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """A connection begins."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """A connection ends."""
        self._open.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        """Let those that are kept alive end, or their threads would answer for ever."""
        for one in list(self._open):
            _end(one)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Http

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are recorded, not printed."""

    def _answer(self) -> None:
        graph, recorded = self.server.graph, Recorded(time.monotonic(), self.command, self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        base = f"http://{headers['host']}" if headers.get("host") else graph.url
        request = Request(self.command, self.path, base, headers, body)
        graph.note(recorded)
        fault = graph.faults.take(request)
        answer = (fault and self._after(fault)) or graph.routes.answer(request)
        graph.note(recorded, answer.status)
        self._send(answer, headers, fault.cut if fault else None)

    def _after(self, fault: Fault) -> Answer | None:
        """What a fault has answered, when it lets go."""
        closing = self.server.graph.closing
        closing.wait(fault.delay)
        while fault.hold is not None and not fault.hold.wait(0.01) and not closing.is_set():
            pass
        return Answer(0) if fault.cut == "before" else fault.answer()

    def _send(self, answer: Answer, headers: Mapping[str, str], cut: str | None) -> None:
        if cut == "before":
            return self._cut()
        status = f"HTTP/1.1 {answer.status} {self.responses.get(answer.status, ('Unknown',))[0]}\r\n"
        own = {"Content-Length": str(len(answer.body)), "Date": self.date_time_string()}
        if "client-request-id" in headers:
            own["client-request-id"] = headers["client-request-id"]
        lines = "".join(f"{name}: {value}\r\n" for name, value in {**own, **answer.headers}.items())
        sent = f"{status}{lines}\r\n".encode("latin-1") + answer.body
        if cut == "middle":
            self.wfile.write(sent[: len(sent) - len(answer.body) + len(answer.body) // 2])
            return self._cut()
        self.wfile.write(sent)
        return None

    def _cut(self) -> None:
        self.close_connection = True
        _end(self.connection)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def handle(self) -> None:
        """Until the client has enough, or goes without a word."""
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            self.close_connection = True


def _end(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already
