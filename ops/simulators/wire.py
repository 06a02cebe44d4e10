"""One kept-alive connection of a simulated identity provider, and the pace of all of them."""

import http.client
import json
import random
import threading
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from ops.simulators.schemas import Document
from ops.simulators.tally import REPEAT, Tally, fine

PATIENCE = 60  # seconds; Okta's
TRIES = 3  # of a request answered 429 or 503


class Refusal(Exception):
    """The server refused; the text is its own sentence."""


class Pace:
    """At most so many requests a second, over all connections; without a rate as many as go."""

    def __init__(self, rate: float | None = None) -> None:
        self._seconds = 1 / rate if rate else 0.0
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> None:
        """Until the next request may go."""
        if not self._seconds:
            return
        with self._lock:
            now = time.monotonic()
            turn = max(self._next, now)
            self._next = turn + self._seconds
        time.sleep(turn - now)


class Wire:
    """A kept-alive connection to one SCIM Base URL, with an IdP's headers."""

    def __init__(
        self,
        base_url: str,
        authorization: str,
        headers: Mapping[str, str],
        pace: Pace | None = None,
        repeats: float = 0.0,
    ) -> None:
        self._pace = pace or Pace()
        self._repeats, self._chance = repeats, random.Random(0)  # noqa: S311
        self._parts = urlsplit(base_url)
        self._headers = {"Authorization": authorization, **headers}
        self._connection: http.client.HTTPConnection | None = None
        self.tally = Tally()

    def call(self, step: str, method: str, path: str, body: Document | None = None) -> Document:
        """One request, repeated when the server is busy; its answer, or Refusal."""
        for _ in range(TRIES - 1):
            status, answer, wait = self._once(step, method, path, body)
            if status not in (429, 503):
                break
            time.sleep(wait)
        else:
            status, answer, _ = self._once(step, method, path, body)
        if not fine(status):
            raise Refusal(f"{step}: {status} {answer.get('detail', '')}".strip())
        if method != "GET" and self._chance.random() < self._repeats:
            # As after an answer that was lost on its way: whatever it says now, the first one holds.
            self._once(REPEAT, method, path, body)
        return answer

    def _once(self, step: str, method: str, path: str, body: Document | None) -> tuple[int, Document, float]:
        payload = None if body is None else json.dumps(body).encode()
        self._pace.wait()
        started = time.perf_counter()
        response, text = self._exchange(method, self._parts.path + path, payload)
        self.tally.seconds[step].append(time.perf_counter() - started)
        self.tally.statuses[step, response.status] += 1
        answer: Document = json.loads(text) if text else {}
        return response.status, answer, float(response.headers.get("Retry-After", 1))

    def _exchange(self, method: str, path: str, payload: bytes | None) -> tuple[http.client.HTTPResponse, bytes]:
        headers = (
            self._headers if payload is not None else {k: v for k, v in self._headers.items() if k != "Content-Type"}
        )
        for last in (False, True):
            connection = self._connection or self._connect()
            try:
                connection.request(method, path, payload, headers)
                response = connection.getresponse()
                return response, response.read()
            except (http.client.HTTPException, ConnectionError):
                # A kept-alive connection that the server closed: once more on a new one, as IdPs do.
                self.close()
                if last:
                    raise
        raise AssertionError("unreachable")

    def _connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(self._parts.hostname or "", self._parts.port, timeout=PATIENCE)
        return self._connection

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
