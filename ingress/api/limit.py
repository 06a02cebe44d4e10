"""How many requests a key may send: a bucket of tokens in Valkey, shared by all processes.

While Valkey is away requests pass, and are counted as `api_unlimited_total`.
"""

import time
from dataclasses import dataclass

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from ingress.api.problems import Wrong
from ops import metrics

MINUTE = 60
DEAF = 1.0  # seconds in which Valkey is not asked again after it did not answer
# KEYS[1]: the bucket; ARGV[1]: its size, which is refilled within a minute. Returns whether one was taken, how many are
# left, and the milliseconds until the next one.
_TAKE = """
local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
local most = tonumber(ARGV[1])
local each = 60000 / most
local kept = redis.call('HMGET', KEYS[1], 'left', 'at')
local left = math.min(most, (tonumber(kept[1]) or most) + math.max(0, at - (tonumber(kept[2]) or at)) / each)
local taken = 0
if left >= 1 then
  left = left - 1
  taken = 1
end
redis.call('HSET', KEYS[1], 'left', tostring(left), 'at', at)
redis.call('PEXPIRE', KEYS[1], 61000)
return {taken, math.floor(left), math.ceil((1 - left % 1) * each)}
"""
_log = structlog.get_logger()


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
        client = redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0))
        self._take = client.register_script(_TAKE)
        self._most = most
        self._deaf_until = 0.0

    def take(self, digest: bytes) -> Room | None:
        """One request of the key with this digest; None while nobody counts. Refused where there is none left."""
        found = self._asked(digest.hex()[:32])
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

    def _asked(self, name: str) -> tuple[int, int, int] | None:
        if time.monotonic() < self._deaf_until:
            return None
        try:
            taken, left, milliseconds = self._take(keys=[f"muster:api:{name}"], args=[self._most])
        except redis.RedisError as error:
            self._deaf_until = time.monotonic() + DEAF
            _log.warning("api_limit_failed", error=type(error).__name__)
            return None
        return int(taken), int(left), int(milliseconds)
