"""What goes wrong on purpose: answers that are not Graph's own, lost connections, delays, and throttling."""

import json
import math
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import unquote

from ops.simulators.graph.exchange import Answer, Refused, Request

Match = str | re.Pattern[str] | Callable[[Request], bool]
WINDOW = 10  # seconds that a rate is given for


@dataclass
class Fault:
    """One thing that goes wrong, `times` times, for requests that match.

    A `match` that is text is a regular expression for "METHOD /path?query", decoded. With a `status` the request is
    answered so, and never reaches the directory; without one it is answered as usual after `delay` seconds, or once
    `hold` is set. `cut` ends the connection "before" the answer or in the "middle" of it.
    """

    match: Match = ""
    times: int = 1
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None  # bytes and text as they are, everything else as JSON; None is Graph's own error
    delay: float = 0.0
    hold: threading.Event | None = None
    cut: Literal["before", "middle"] | None = None

    def matches(self, request: Request) -> bool:
        """Whether this is a request that it is for."""
        if callable(self.match):
            return self.match(request)
        return re.search(self.match, f"{request.method} {unquote(request.target)}") is not None

    def answer(self) -> Answer | None:
        """What is answered instead; None is what is usual."""
        if self.status is None:
            return None
        if self.body is None:
            phrase = HTTPStatus(self.status).phrase
            return Refused(self.status, phrase.title().replace(" ", ""), f"{phrase}.", self.headers).answer()
        kind, body = "application/json", self.body
        if isinstance(body, str):
            kind, body = "text/html", body.encode()
        elif not isinstance(body, bytes):
            body = json.dumps(body).encode()
        return Answer(self.status, body, {"Content-Type": kind, **self.headers})


class Faults:
    """Those that are still to come, first come first served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, match: Match = "", **what: Any) -> Fault:
        """Let something go wrong: the fields of `Fault`."""
        fault = Fault(match, **what)
        with self._lock:
            self._waiting.append(fault)
        return fault

    def clear(self) -> None:
        """Nothing goes wrong any longer."""
        with self._lock:
            self._waiting.clear()

    def take(self, request: Request) -> Fault | None:
        """What is to go wrong with this request, once."""
        with self._lock:
            found = next((one for one in self._waiting if one.matches(request)), None)
            if found is not None:
                found.times -= 1
                if found.times <= 0:
                    self._waiting.remove(found)
            return found


class Throttle:
    """A bucket of tokens, a request each; `rate` a second flow in, None is no throttling."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._rate: float | None = None
        self._size = self._left = 0.0
        self._at = clock()

    def set(self, per_10_seconds: float | None) -> None:
        """So many requests in ten seconds from now on, all of which may come at once."""
        with self._lock:
            self._rate = None if per_10_seconds is None else per_10_seconds / WINDOW
            self._size = self._left = float(per_10_seconds or 0)
            self._at = self._clock()

    def check(self) -> None:
        """Refused (429, with the seconds until there is room) where the bucket is empty."""
        with self._lock:
            if self._rate is None:
                return
            now = self._clock()
            self._left = min(self._size, self._left + (now - self._at) * self._rate)
            self._at = now
            if self._left >= 1:
                self._left -= 1
                return
            seconds = math.ceil((1 - self._left) / self._rate) if self._rate else WINDOW
        raise Refused(429, "TooManyRequests", "Too many requests.", {"Retry-After": str(max(1, seconds))})
