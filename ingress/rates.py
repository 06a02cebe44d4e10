"""How many requests a bearer token may send a minute (MUSTER_TOKEN_RATE), counted by all processes together.

Each process takes what a token may send within a tenth of a second out of the shared bucket, and gives that out itself:
never more than there is, and Valkey is asked ten times a second and token, not at each request.
"""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass

from ingress.buckets import Buckets, TooFast
from models.token import Holder
from ops import metrics

SHARE = 600  # of a minute: what is taken at once
KEPT = 1.0  # seconds that what was taken is good for
REMEMBERED = 10_000


@dataclass(slots=True)
class _Purse:
    left: int = 0
    until: float = 0.0
    asked: "asyncio.Task[tuple[int, int, int] | None] | None" = None


class Rates:
    """The purses of one process."""

    def __init__(self, url: str, most: int) -> None:
        """`most` requests a minute; 0: any number."""
        self._most = most
        self._buckets = Buckets(url, "token", most)
        self._purses: OrderedDict[str, _Purse] = OrderedDict()

    async def take(self, holder: Holder) -> None:
        """One request. Refused where there is none left."""
        if not self._most:
            return
        purse = self._purse(holder.token_id)
        while not purse.left or time.monotonic() > purse.until:
            asked = purse.asked = purse.asked or asyncio.create_task(self._ask(holder.token_id))
            try:
                found = await asyncio.shield(asked)
            finally:
                first = purse.asked is asked and asked.done()
                if first:
                    purse.asked = None
            if found is None:
                metrics.TOKENS_UNLIMITED.inc()
                return
            if first:
                purse.left, purse.until = found[0], time.monotonic() + KEPT
            if not found[0]:
                wait = max(1, -(-found[2] // 1000))
                raise TooFast(f"this token may send {self._most:,} requests a minute, and has: wait {wait} s", wait)
        purse.left -= 1

    def _purse(self, token_id: str) -> _Purse:
        purse = self._purses.get(token_id)
        if purse is None:
            purse = self._purses[token_id] = _Purse()
            if len(self._purses) > REMEMBERED:
                self._purses.popitem(last=False)
        return purse

    async def _ask(self, token_id: str) -> tuple[int, int, int] | None:
        return await asyncio.to_thread(self._buckets.take, token_id, max(1, self._most // SHARE))
