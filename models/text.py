"""Text as keys: what counts as equal."""

import re
import secrets
import threading
import time
import unicodedata
from random import getrandbits
from zlib import crc32

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# A bearer token or an API key; a password, of which nothing is kept.
_ISSUED = re.compile(r"((?:sct|msk)_[0-9A-Za-z]{8}|mpw_)[0-9A-Za-z]{10,}")
LIST_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def equality_key(text: str) -> str:
    """The form in which user names, UIDs and e-mail addresses are compared: NFC, trimmed, casefolded.

    Computed here and never in SQL, so that one rule holds whatever the server's locale is.
    """
    if text.isascii():
        return text.strip().lower()
    # Casefolding can undo the composition (U+0390 for one), hence composed again afterwards.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).strip().casefold())


def fold(text: str) -> str:
    """The same without trimming: what a part of a text is compared by."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def new_id() -> str:
    """A UUID version 7 (RFC 9562 §5.7) in text form: ids made together lie together in an index, and those of one
    process in the order in which they were made (§6.2, method 1: the 12 bits after the time count)."""
    tick = _tick()
    # An id opens nothing, so that the fast generator will do; it is seeded anew in every process that is forked.
    value = (tick >> 12) << 80 | 0x7 << 76 | (tick & 0xFFF) << 64 | 0x2 << 62 | getrandbits(62)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


_ticking = threading.Lock()
_last_tick = 0


def _tick() -> int:
    """Milliseconds and a count of 4,096 within each, never the same twice in a process."""
    global _last_tick
    with _ticking:
        _last_tick = max(time.time_ns() // 1_000_000 << 12, _last_tick + 1)
        return _last_tick


def masked(text: str) -> str:
    """Text that is kept or shown, with bearer tokens and API keys cut to the prefixes that name them, and passwords
    that were made here to their mark: they are sent where they do not belong."""
    return _ISSUED.sub(r"\1…", text)


def literal(word: str) -> str:
    """A word as LIKE takes it for itself."""
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def is_line(text: str, most: int) -> bool:
    """Whether this is one line of 1 to `most` characters that can be shown and stored."""
    return bool(text) and len(text) <= most and text.isprintable()


def plural(count: int, one: str, several: str | None = None) -> str:
    """A count with its noun: 1 person, 2 people."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def new_list_id() -> str:
    """Ten characters a–z2–7: no underscore, which Okta refuses in a base URL, and 50 bits."""
    return "".join(secrets.choice(LIST_ID_ALPHABET) for _ in range(10))


def checksum(text: str) -> int:
    """CRC-32 of the text's UTF-8."""
    return crc32(text.encode())
