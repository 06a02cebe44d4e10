"""The console's files, which the pages of the API's documentation are drawn with as well."""

from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from ingress.console.assets import by_path
from models.errors import Unknown


@get("/static/{name:str}", sync_to_thread=False)
def static(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
    """A file whose name tells its content: kept for ever."""
    found = by_path().get(f"/static/{name}")
    if found is None:
        raise Unknown("this file is of another version: reload the page")
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if found.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.compressed, media_type=found.media_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(found.content, media_type=found.media_type, headers=headers)
