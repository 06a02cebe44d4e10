"""The ceiling: a bare Litestar route that decodes the same user and answers an id, with no database."""

from typing import Any

import msgspec
from litestar import Litestar, Request, Response, post

_decode = msgspec.json.Decoder().decode


@post("/Users")
async def create(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Decode, answer."""
    user = _decode(await request.body())
    return Response(b'{"id":"' + user["userName"].encode() + b'"}', status_code=201, media_type="application/scim+json")


app = Litestar([create], openapi_config=None, logging_config=None)
