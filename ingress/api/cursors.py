"""Pages of a list: a cursor is the place of the last item that was seen, so that changes hide and repeat none."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from ingress.api.problems import wrong_parameter

MOST, USUAL = 200, 50
LONGEST = 2_000  # characters of a cursor
Cursor = Annotated[
    Annotated[str, Meta(max_length=LONGEST)] | None,
    Meta(description="Where to go on: `next_cursor` of the page before. Opaque."),
]
Limit = Annotated[int, Meta(description="How many items a page has at most.", ge=1, le=MOST)]
Next = Annotated[str | None, Meta(description="The cursor of the next page; null on the last one.")]


class Paged(Struct, kw_only=True, forbid_unknown_fields=True):
    """The parameters of every list that has pages."""

    cursor: Cursor = None
    limit: Limit = USUAL


def write(kind: str, key: Any) -> str | None:
    """A cursor of a kind of list; None where there is no next page."""
    return None if key is None else urlsafe_b64encode(msgspec.json.encode([kind, key])).decode().rstrip("=")


def read(kind: str, cursor: str | None, of: Any) -> Any:
    """The key, of this type, in a cursor that `write` wrote."""
    if cursor is None:
        return None
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        named, key = msgspec.json.decode(text, type=tuple[str, of])
        if named == kind and "\x00" not in str(key):
            return key
    except (ValueError, msgspec.DecodeError):
        pass
    raise wrong_parameter("this cursor is none of this list's: begin again without one", "cursor")
