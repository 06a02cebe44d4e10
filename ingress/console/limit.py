"""How often somebody may try to sign in: counted in Valkey, for an account and for an address.

Where Valkey is away nobody is held up: argon2 keeps guesses slow, and operators must get in when things are broken.
"""

from functools import cache

import redis
import structlog

from ingress.buckets import whose

MOST, WINDOW = 8, 15 * 60  # tries for an account from an address, and the seconds that they are remembered
MOST_OF_ADDRESS = 60  # from an address, whatever the account
_log = structlog.get_logger()


@cache
def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)


class Limit:
    """Counts tries before they are made, so that many at once are no more than one after the other."""

    def __init__(self, url: str, account: str, address: str) -> None:
        self._redis = _client(url)
        self._of_address = f"muster:signin:{whose(address)}"
        self._of_account = f"muster:signin:{account[:200]}:{whose(address)}"

    def take(self) -> int:
        """One try: 0, or how many seconds nobody may try for this account from this address."""
        try:
            with self._redis.pipeline() as pipeline:
                for key in (self._of_account, self._of_address):
                    pipeline.incr(key)
                    pipeline.expire(key, WINDOW, nx=True)
                    pipeline.ttl(key)
                found = [int(value) for value in pipeline.execute()]
        except redis.RedisError as error:
            _log.warning("sign_in_limit_failed", error=repr(error))
            return 0
        waits = [
            ttl
            for tries, ttl, most in ((found[0], found[2], MOST), (found[3], found[5], MOST_OF_ADDRESS))
            if tries > most
        ]
        return max(1, *waits) if waits else 0

    def give_back(self) -> None:
        """Somebody knew the password: neither their tries nor this one count."""
        try:
            with self._redis.pipeline() as pipeline:
                pipeline.delete(self._of_account)
                pipeline.decr(self._of_address)
                pipeline.execute()
        except redis.RedisError as error:
            _log.warning("sign_in_limit_failed", error=repr(error))
