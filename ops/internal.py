"""The internal port: /metrics, /live and /ready, for probes and scrapers; never the public one."""

import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import structlog
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from ops import addresses, metrics
from ops import settings as loader
from ops.forks import Leaving
from ops.probe import Probe
from ops.settings import Settings

Ready = Callable[[], tuple[bool, str]]
LEFT = False, "told to stop: send nobody here"
_log = structlog.get_logger()


def serve(host: str, port: int, ready: Ready, collectors: Iterable[Collector] = ()) -> ThreadingHTTPServer:
    """Answer on the internal port, in threads of its own, for as long as the process lives."""
    collectors = list(collectors)

    class Answer(BaseHTTPRequestHandler):
        """GET of three paths."""

        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:  # noqa: N802 - named by http.server
            """The page at the path."""
            match self.path.partition("?")[0]:
                case "/metrics":
                    self._send(200, metrics.exposition(collectors), CONTENT_TYPE_LATEST)
                case "/live":
                    self._send(200, b"alive\n")
                case "/ready":
                    fine, why = ready()
                    self._send(200 if fine else 503, f"{why}\n".encode())
                case _:
                    self._send(404, b"/metrics, /live and /ready\n")

        def _send(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: a probe every second is not news."""

    server = ThreadingHTTPServer((host, port), Answer)
    threading.Thread(target=server.serve_forever, name="internal", daemon=True).start()
    _log.info("internal_port_open", host=host, port=port)
    return server


def ingress_ready(settings: Settings, probe: Probe, leaving: Leaving) -> Ready:
    """Ready when a worker process answers on the public port, and the database too, until we are told to stop."""

    def ready() -> tuple[bool, str]:
        if leaving():
            return LEFT
        if not probe.database_answers():
            return False, "the database does not answer"
        if addresses.status(settings.host, settings.port, "/") is None:
            return False, "no process answers on the public port"
        # Without Redis changes are accepted and the sweep finds them: late is not down.
        return True, "ready" if probe.redis_answers() else "ready, without Redis"

    return ready


def workers_ready(probe: Probe, leaving: Leaving) -> Ready:
    """Ready when both things that a drain needs answer, until we are told to stop."""

    def ready() -> tuple[bool, str]:
        if leaving():
            return LEFT
        if not probe.database_answers():
            return False, "the database does not answer"
        return (True, "ready") if probe.redis_answers() else (False, "Redis does not answer")

    return ready


def ingress_server(leaving: Leaving) -> None:
    """What runs beside the ingress processes, once they take connections, in a process of its own."""
    settings = loader.load()
    probe = Probe(settings)
    _serve_beside(settings, probe, ingress_ready(settings, probe, leaving))
    url = addresses.local_root(settings.host, settings.port)
    _log.info("serving", url=url, host=settings.host, serves=settings.serve)
    threading.Event().wait()


def worker_server(leaving: Leaving) -> None:
    """What runs beside the workers, once they are up, in a process of its own."""
    settings = loader.load()
    probe = Probe(settings)
    _serve_beside(settings, probe, workers_ready(probe, leaving))
    threading.Event().wait()


def _serve_beside(settings: Settings, probe: Probe, ready: Ready) -> None:
    serve(settings.internal_host, settings.internal_port or 0, ready, [probe])
