"""Access tokens of a simulated tenant."""

import secrets
import threading
import time


class Sessions:
    """Which tokens are good; `seconds` is how long the next ones will be."""

    def __init__(self) -> None:
        self.seconds = 3599
        self.secret_expired = False  # whether the client's secret has expired
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def issue(self) -> str:
        """A new access token."""
        token = f"eyJ0eXAi.{secrets.token_urlsafe(24)}.simulated"
        self.take(token, self.seconds)
        return token

    def take(self, token: str, seconds: float) -> None:
        """Let a token be good for so long."""
        now = time.monotonic()
        with self._lock:
            self._until = {one: until for one, until in self._until.items() if until > now}
            self._until[token] = now + seconds

    def good(self, authorization: str) -> bool:
        """Whether a header carries a token that is good."""
        return self._until.get(authorization.removeprefix("Bearer "), 0.0) > time.monotonic()

    def end(self) -> None:
        """No token is good any longer."""
        with self._lock:
            self._until.clear()
