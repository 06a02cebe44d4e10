"""Request bodies as the log keeps them: without passwords (product rule L1), bearer tokens and API keys."""

from typing import Any

import msgspec

from ingress.scim.schema import is_password
from models.text import masked

REMOVED = "(removed)"


def body(raw: bytes, parsed: Any) -> str:
    """The text of a body, without whatever may be a password: rather too little of it than too much."""
    # An escaped spelling ("p\u0061ssword") would slip past the search for the plain one.
    if b"\\u" not in raw and b"password" not in raw.lower():
        return masked(raw.decode("utf-8", "replace"))
    return text(parsed)


def text(parsed: Any) -> str:
    """A body, or a part of one, as text without passwords."""
    return masked(msgspec.json.encode(_without(parsed)).decode())


def _without(value: Any) -> Any:
    if isinstance(value, list):
        return [_without(element) for element in value]
    if isinstance(value, str):
        # A filter, a path with a filter, or JSON within text: only the bare name shows nothing.
        return REMOVED if "password" in value.lower() and not is_plain(value) else value
    if not isinstance(value, dict):
        return value
    of_password = any(key.lower() == "path" and "password" in str(item).lower() for key, item in value.items())
    return {
        key if is_plain(key) or "password" not in key.lower() else REMOVED: REMOVED
        if "password" in key.lower() or (of_password and key.lower() == "value")
        else _without(item)
        for key, item in value.items()
    }


def is_plain(name: str) -> bool:
    """A password's name or URN, with nothing else beside it that could be its value."""
    return is_password(name) and not set(name) & set(" \"[]{}'")
