"""Request bodies as the log keeps them: without passwords (product rule L1)."""

from typing import Any

import msgspec


def body(raw: bytes, parsed: Any) -> str:
    """The text of a body, its passwords taken out. Untouched where none can be in it."""
    # An escaped spelling ("p\u0061ssword") would slip past the search for the plain one.
    if b"\\u" not in raw and b"password" not in raw.lower():
        return raw.decode("utf-8", "replace")
    return msgspec.json.encode(_without(parsed)).decode()


def _is_password(name: Any) -> bool:
    if not isinstance(name, str):
        return False
    return name.strip().lower().replace(".", ":").rsplit(":", 1)[-1] == "password"


def _without(value: Any) -> Any:
    if isinstance(value, list):
        return [_without(element) for element in value]
    if not isinstance(value, dict):
        return value
    by_path = any(key.lower() == "path" and _is_password(item) for key, item in value.items())
    return {
        key: "(removed)" if _is_password(key) or (by_path and key.lower() == "value") else _without(item)
        for key, item in value.items()
    }
