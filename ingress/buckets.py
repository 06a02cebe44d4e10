"""Buckets of tokens in Valkey, shared by all processes: how many requests somebody may send a minute.

While Valkey is away nothing is counted, and everything passes.
"""

import time
from ipaddress import ip_address, ip_network
from typing import Any

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from models.errors import Refused

DEAF = 1.0  # seconds in which Valkey is not asked again after it did not answer
# KEYS[1]: the bucket; ARGV[1]: its size, which is refilled within a minute; ARGV[2]: how many are wanted. Returns how
# many were taken, how many are left, and the milliseconds until the next one.
_TAKE = """
local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
local most = tonumber(ARGV[1])
local each = 60000 / most
local kept = redis.call('HMGET', KEYS[1], 'left', 'at')
local left = math.min(most, (tonumber(kept[1]) or most) + math.max(0, at - (tonumber(kept[2]) or at)) / each)
local taken = math.min(math.floor(left), tonumber(ARGV[2]))
left = left - taken
redis.call('HSET', KEYS[1], 'left', tostring(left), 'at', at)
redis.call('PEXPIRE', KEYS[1], 61000)
return {taken, math.floor(left), math.ceil((1 - left % 1) * each)}
"""
_log = structlog.get_logger()


class TooFast(Refused):
    """Too many requests; `retry_after` is in seconds."""

    status = 429

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Buckets:
    """Those of one kind, each of `most` tokens. For threads: it waits for Valkey, half a second at most."""

    def __init__(self, url: str, kind: str, most: int) -> None:
        client = redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0))
        self._take = client.register_script(_TAKE)
        self._kind, self._most = kind, most
        self._deaf_until = 0.0

    def take(self, name: str, wanted: int = 1) -> tuple[int, int, int] | None:
        """How many were taken, how many are left, milliseconds until the next; None while nobody counts."""
        if time.monotonic() < self._deaf_until:
            return None
        try:
            found: Any = self._take(keys=[f"muster:{self._kind}:{name}"], args=[self._most, wanted])
        except redis.RedisError as error:
            self._deaf_until = time.monotonic() + DEAF
            _log.warning("limit_failed", kind=self._kind, error=type(error).__name__)
            return None
        taken, left, milliseconds = map(int, found)
        return taken, left, milliseconds


def whose(address: str) -> str:
    """An address; of IPv6 the /64 that one customer has to itself."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(parsed) if parsed.version == 4 else str(ip_network((parsed, 64), strict=False))
