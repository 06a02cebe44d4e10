"""Sealed cursors (RFC 9865): where a page ended, encrypted and signed, for one token and one query alone."""

import time
from base64 import urlsafe_b64encode
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from ingress.scim.errors import ExpiredCursor, InvalidCursor
from models.search import Position

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

LIFETIME = 3_600  # seconds, from one page to the next
LONGEST = 8_000
RESTART = "ask for the first page again, with an empty cursor"


class Mark(msgspec.Struct, array_like=True):
    """What a cursor holds: its query's digest, the value and id of the resource at a page's end, how many there
    were, and whether it leads to the page before."""

    query: bytes
    value: str | None
    id: str
    total: int
    backwards: bool = False

    @property
    def position(self) -> Position:
        """Where to go on."""
        return Position(self.value, self.id)


def key(token: str) -> bytes:
    """A token's own key: nobody else can make or read its cursors, and nothing is to be stored or shared for it."""
    return urlsafe_b64encode(sha256(f"cursor:{token}".encode()).digest())


def digest(*parts: str) -> bytes:
    """A query, as a cursor remembers it."""
    return sha256("\x00".join(parts).encode("utf-8", "surrogatepass")).digest()[:12]


def seal(sealing: bytes, mark: Mark) -> str:
    """The cursor; of RFC 3986's unreserved characters only, as RFC 9865 §2 demands."""
    return _fernet(sealing).encrypt(msgspec.msgpack.encode(mark)).decode().rstrip("=")


def unseal(sealing: bytes, cursor: str, query: bytes) -> Mark:
    """What a cursor holds; refused where it is too old, forged, another token's or another query's."""
    from cryptography.fernet import InvalidToken

    fernet = _fernet(sealing)
    token = cursor[:LONGEST].encode("utf-8", "replace") + b"=" * (-len(cursor) % 4)
    try:
        made_at = fernet.extract_timestamp(token)
        mark = msgspec.msgpack.decode(fernet.decrypt(token), type=Mark)
    except (InvalidToken, msgspec.DecodeError):
        raise InvalidCursor(f"this cursor was not made for this token and list: {RESTART}") from None
    if int(time.time()) - made_at > LIFETIME:
        raise ExpiredCursor(f"this cursor is older than {LIFETIME} seconds: {RESTART}")
    if mark.query != query:
        raise InvalidCursor(f"this cursor was made for another filter or order: send the same ones, or {RESTART}")
    return mark


@lru_cache(maxsize=256)
def _fernet(sealing: bytes) -> "Fernet":
    # Imported here: few ever page by cursor.
    from cryptography.fernet import Fernet

    return Fernet(sealing)
