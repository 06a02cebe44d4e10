"""Files that are answered stretch by stretch: each is a transaction of its own, and asks who is signed in, so that a
slow reader holds neither a connection nor a snapshot."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from litestar.response import Stream

Place = TypeVar("Place")
CSV, NDJSON = "text/csv", "application/x-ndjson"  # the charset is added to text
MEDIA_TYPES = {"csv": CSV, "ndjson": NDJSON}


async def file(
    name: str, media_type: str, head: str, stretch: Callable[[Place | None], Awaitable[tuple[str, Place | None]]]
) -> Stream:
    """A download: `head`, then what `stretch` tells from the beginning (None) and from wherever it says to go on.

    The first is asked for at once, so that a refusal is an answer of its own.
    """
    first = await stretch(None)

    async def stretches() -> AsyncIterator[str]:
        yield head
        text, place = first
        yield text
        while place is not None:
            text, place = await stretch(place)
            yield text

    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return Stream(stretches(), media_type=media_type, headers=headers)
