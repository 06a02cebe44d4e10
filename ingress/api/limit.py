"""How many requests a key may send. While Valkey is away they pass, and are counted as `api_unlimited_total`."""

from dataclasses import dataclass

from ingress.api.problems import Wrong
from ingress.buckets import Buckets
from ops import metrics

MINUTE = 60


@dataclass(frozen=True, slots=True)
class Room:
    """What is left of a key's requests; seconds until there is one more."""

    most: int
    left: int
    seconds: int

    def headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers-10 tells it."""
        return {
            "RateLimit-Policy": f'"key";q={self.most};w={MINUTE}',
            "RateLimit": f'"key";r={self.left};t={self.seconds}',
        }


class Limit:
    """The buckets of all keys."""

    def __init__(self, url: str, most: int) -> None:
        self._buckets, self._most = Buckets(url, "api", most), most

    def take(self, digest: bytes) -> Room | None:
        """One request of the key with this digest; None while nobody counts. Refused where there is none left."""
        found = self._buckets.take(digest.hex()[:32])
        if found is None:
            metrics.API_UNLIMITED.inc()
            return None
        taken, left, milliseconds = found
        room = Room(self._most, left, max(1, -(-milliseconds // 1000)))
        if not taken:
            sentence = f"this key may send {self._most:,} requests a minute, and has: wait {room.seconds} s"
            headers = {name.replace("-", "_"): value for name, value in room.headers().items()}
            raise Wrong("rate-limit", sentence, Retry_After=str(room.seconds), **headers)
        return room
