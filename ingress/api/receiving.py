"""The file that a request brings: put on disk as it comes, after whoever sends it is known."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, NamedTuple, cast

from litestar import Request
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

from ingress import http
from ingress.uploads import NO_ROOM, TOO_LARGE, check_full, turn
from models.errors import TooLarge, Unavailable
from models.imports.encoding import LARGEST_FILE

IN_MEMORY = 65_536  # bytes of a file that is put on no disk


class File(NamedTuple):
    """A file at its beginning, and the SHA-256 digest of its bytes, made while they came."""

    content: BinaryIO
    digest: bytes


@asynccontextmanager
async def received(request: Request[Any, Any, Any], organisation_id: str) -> AsyncIterator[File]:
    """The body as a file. Refused where it is too large, or where as many files as there is room for are here."""
    with turn(organisation_id) as busy:
        if busy:
            await http.discard(request.scope, request.receive, LARGEST_FILE)
            raise Unavailable(busy)
        with SpooledTemporaryFile(IN_MEMORY) as spooled:
            file = cast(BinaryIO, spooled)
            yield File(file, await _take(request, file))


async def _take(request: Request[Any, Any, Any], file: BinaryIO) -> bytes:
    digest = sha256()
    request.receive = http.Heard(request.receive)
    try:
        async for chunk in request.stream():
            digest.update(chunk)
            file.write(chunk)
    except RequestEntityTooLarge:
        await http.discard(request.scope, request.receive, LARGEST_FILE)
        raise TooLarge(TOO_LARGE) from None
    except OSError as error:
        check_full(error)
        await http.discard(request.scope, request.receive, LARGEST_FILE)
        raise Unavailable(NO_ROOM) from None
    file.seek(0)
    return digest.digest()
