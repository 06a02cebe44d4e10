"""How often somebody may try to sign in: counted in Valkey, for an account and for an address.

Where Valkey is away nobody is held up: argon2 keeps guesses slow, and operators must get in when things are broken.
"""

from functools import cache

import redis
import structlog

MOST, WINDOW = 8, 15 * 60  # wrong passwords for an account from an address, and the seconds that they are remembered
MOST_OF_ADDRESS = 60  # from an address, whatever the account
_log = structlog.get_logger()


@cache
def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)


class Limit:
    """Counts wrong passwords."""

    def __init__(self, url: str) -> None:
        self._redis = _client(url)

    def seconds_to_wait(self, account: str, address: str) -> int:
        """0, or how long nobody may try for this account from this address."""
        try:
            for key, most in zip(_keys(account, address), (MOST, MOST_OF_ADDRESS), strict=True):
                if int(self._redis.get(key) or 0) >= most:
                    return max(1, int(self._redis.ttl(key)))
        except redis.RedisError as error:
            _log.warning("sign_in_limit_failed", error=repr(error))
        return 0

    def count(self, account: str, address: str) -> None:
        """One more wrong password."""
        try:
            with self._redis.pipeline() as pipeline:
                for key in _keys(account, address):
                    pipeline.incr(key)
                    pipeline.expire(key, WINDOW, nx=True)
                pipeline.execute()
        except redis.RedisError as error:
            _log.warning("sign_in_limit_failed", error=repr(error))

    def forget(self, account: str, address: str) -> None:
        """Somebody knew the password."""
        try:
            self._redis.delete(_keys(account, address)[0])
        except redis.RedisError as error:
            _log.warning("sign_in_limit_failed", error=repr(error))


def _keys(account: str, address: str) -> tuple[str, str]:
    return f"muster:signin:{account[:200]}:{address}", f"muster:signin:{address}"
