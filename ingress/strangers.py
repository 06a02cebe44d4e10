"""Addresses that send tokens and keys which open nothing: each costs a look into the database, and may be a guess.

They are counted by address, for all processes together. What has opened something before is never held up by others at
its address, as there are behind one identity provider's or one proxy's.
"""

import time
from collections import OrderedDict

from ingress.buckets import Buckets, TooFast, whose
from ops import metrics

MOST = 60  # a minute, from an address
REMEMBERED = 10_000  # digests that have opened something, and addresses that have to wait


class Strangers:
    """Of one process; `kind` names what is counted together."""

    def __init__(self, url: str, kind: str, most: int = MOST) -> None:
        self._buckets = Buckets(url, f"strangers:{kind}", most)
        self._waits: OrderedDict[str, float] = OrderedDict()  # until when
        self._known: OrderedDict[bytes, None] = OrderedDict()

    def check(self, digest: bytes, address: str) -> None:
        """Before a look into the database; refused where this address has tried too often."""
        if not self._waits or digest in self._known:
            return
        left = self._waits.get(whose(address), 0.0) - time.monotonic()
        if left > 0:
            wait = max(1, -int(-left // 1))
            raise TooFast(f"too many tokens that open nothing came from this address: wait {wait} s", wait)

    def know(self, digest: bytes) -> None:
        """It has opened something."""
        self._known[digest] = None
        _shorten(self._known)

    def failed(self, address: str) -> None:
        """One that opened nothing. For threads: it waits for Valkey."""
        name = whose(address)
        found = self._buckets.take(name)
        if found is None:
            metrics.STRANGERS_UNCOUNTED.inc()
        elif not found[0] or not found[1]:
            self._waits[name] = time.monotonic() + found[2] / 1000
            _shorten(self._waits)


def _shorten(remembered: "OrderedDict[str, float] | OrderedDict[bytes, None]") -> None:
    if len(remembered) > REMEMBERED:
        remembered.popitem(last=False)
