"""Bearer header + list in the path → that list's token holder, or 401 in SCIM words."""

import asyncio
import time
from collections import OrderedDict
from hashlib import sha256
from typing import Any

from ingress.batches import Batches
from ingress.lookup import Ask, Query
from ingress.strangers import Strangers
from models import token
from models.database import Cursor
from models.errors import Refused, Unauthorised
from models.token import Holder

CACHE_SECONDS = 5.0
CACHE_SIZE = 10_000
LONGEST_HEADER = 512  # bytes; a token has 50

MISSING = "no bearer token came with this request: put the list's token into the Authorization header"
MALFORMED = "this is not a bearer token of Muster (sct_…): copy the whole token again, without blanks"
ELSEWHERE = "this bearer token was used on another list's Base URL: use it with the URL shown beside it"


class WrongList(Unauthorised):
    """A good token on another list's Base URL (product rule T4); the holder is who is to be told."""

    def __init__(self, holder: Holder) -> None:
        # The answer is the same as for an unknown token: it must not tell that the token is good.
        super().__init__(token.unknown().detail, "wrong_list")
        self.holder = holder


def bearer(header: bytes | None) -> str:
    """The token in an Authorization header: scheme in any case, extra blanks, or none at all (C1)."""
    if header is None:
        raise Unauthorised(MISSING, "missing")
    if len(header) > LONGEST_HEADER:
        raise Unauthorised(MALFORMED, "malformed")
    words = header.decode("latin-1").split()
    while words and words[0].lower() == "bearer":
        words.pop(0)
    value = " ".join(words)
    if not value:
        raise Unauthorised(MISSING, "missing")
    if not token.well_formed(value):
        raise Unauthorised(MALFORMED, "malformed")
    return value


class Holders:
    """Whose tokens these are, remembered for seconds by the digest of the header that they came in.

    A token never changes hands, so an entry cannot be wrong; whether its token is still good is
    asked by every batch in its own transaction (I7), and unknown tokens are not remembered.
    """

    def __init__(self, reader: Batches[Ask, Any], strangers: Strangers) -> None:
        self._reader, self._strangers = reader, strangers
        self._known: OrderedDict[bytes, tuple[float, Holder]] = OrderedDict()
        self._asked: dict[tuple[bytes | None, str], asyncio.Task[Holder]] = {}

    async def holder(self, header: bytes | None, list_id: str, address: str = "") -> Holder:
        """The holder of the request's token, which belongs to the list in its path."""
        found = self._remembered(header) or await self._shared(header, address)
        if found.list_id != list_id:
            raise WrongList(found)
        return found

    def _remembered(self, header: bytes | None) -> Holder | None:
        known = self._known.get(sha256(header).digest()) if header is not None else None
        return known[1] if known is not None and time.monotonic() - known[0] < CACHE_SECONDS else None

    async def _shared(self, header: bytes | None, address: str) -> Holder:
        """One look for all who ask for the same meanwhile: the thousand connections of one list did it each by
        themselves, once in `CACHE_SECONDS`, and another list's token waited for 0.4 s behind them."""
        key = header, address
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.ensure_future(self._read(header, address))
            task.add_done_callback(lambda _: self._asked.pop(key))
            task.add_done_callback(_heard)
        return await asyncio.shield(task)  # whoever hangs up does not take it from the others

    async def _read(self, header: bytes | None, address: str) -> Holder:
        value = bearer(header)
        assert header is not None
        digest = sha256(header).digest()
        self._strangers.check(digest, address)

        def read(cursor: Cursor) -> Holder | None:
            return token.holder(cursor, value)

        found: Holder | Refused | None = await self._reader.submit(Ask(None, Query(read), ""))
        if isinstance(found, Refused):
            raise found
        if found is None:
            await asyncio.to_thread(self._strangers.failed, address)
            raise token.unknown()
        self._strangers.know(digest)
        self._known[digest] = (time.monotonic(), found)
        if len(self._known) > CACHE_SIZE:
            self._known.popitem(last=False)
        return found


def _heard(task: "asyncio.Task[Holder]") -> None:
    """asyncio complains of an error that nobody has asked for; all who did may have hung up."""
    if not task.cancelled():
        task.exception()
