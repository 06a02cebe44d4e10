"""Text as keys: what counts as equal."""

import re
import secrets
import time
import unicodedata
from zlib import crc32

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
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
    """A UUID version 7 (RFC 9562 §5.7) in text form: ids made together lie together in an index."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_list_id() -> str:
    """Ten characters a–z2–7: no underscore, which Okta refuses in a base URL, and 50 bits."""
    return "".join(secrets.choice(LIST_ID_ALPHABET) for _ in range(10))


def checksum(text: str) -> int:
    """CRC-32 of the text's UTF-8."""
    return crc32(text.encode())
