"""Imports of people: all of a list's, and a new one's file."""

from typing import Any
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.exceptions import ClientException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

from ingress import http, uploads
from ingress.console import import_words, pages
from ingress.console.desk import Call, Desk, ListId, at_desk, in_thread
from models import audit
from models.errors import Refused
from models.imports import store
from models.imports.encoding import LARGEST_FILE, OLD

MOST_BYTES = LARGEST_FILE + 65_536  # of the form with the file
NO_FILE = "choose a file first"


@get("/lists/{list_id:str}/imports")
@in_thread
def imports(request: Call, list_id: ListId) -> Response[str]:
    """Every import, newest first."""
    with at_desk(request, list_id) as desk:
        before = pages.moment(request.query_params.get("before"))
        found = store.listing(desk.cursor, list_id, store.PAGE + 1, before)
        shown = found[: store.PAGE]
        older = urlencode({"before": shown[-1].created_at.isoformat()}) if len(found) > store.PAGE else None
        return pages.page(desk, "imports.html", imports=shown, older=older, before=before, words=import_words)


@get("/lists/{list_id:str}/imports/new")
@in_thread
def new_import(request: Call, list_id: ListId) -> Response[str]:
    """The form that takes a file."""
    with at_desk(request, list_id, change=True) as desk:
        return _form(desk)


@post("/lists/{list_id:str}/imports/new", request_max_body_size=MOST_BYTES)
async def upload(request: Call, list_id: ListId) -> Response[str]:
    """Keep a file's rows. The form goes to disk as it comes; nothing of it is read before whoever sends it is known."""
    with uploads.turn(await _admit(request, list_id)) as busy:
        if busy:
            await http.discard(request.scope, request.receive, LARGEST_FILE)
            return await _refuse(request, list_id, busy, 503)
        return await _take(request, list_id)


async def _take(request: Call, list_id: str) -> Response[str]:
    request.receive = http.Heard(request.receive)
    try:
        form: Any = await request.form()
    except RequestEntityTooLarge:
        await http.discard(request.scope, request.receive, LARGEST_FILE)
        return await _refuse(request, list_id, uploads.TOO_LARGE)
    except OSError as error:
        uploads.check_full(error)
        await http.discard(request.scope, request.receive, LARGEST_FILE)
        return await _refuse(request, list_id, uploads.NO_ROOM, 503)
    except ClientException:
        return await _refuse(request, list_id, NO_FILE)
    try:
        return await _stage(request, list_id, form)
    finally:
        await form.close()


@in_thread
def _admit(request: Call, list_id: str) -> str:
    """Whose organisation it is."""
    with at_desk(request, list_id, before_body=True) as desk:
        return desk.session.organisation_id


@in_thread
def _refuse(request: Call, list_id: str, sentence: str, status: int = 422) -> Response[str]:
    with at_desk(request, list_id, before_body=True) as desk:
        return _form(desk, sentence, status)


@in_thread
def _stage(request: Call, list_id: str, form: Any) -> Response[str]:
    with at_desk(request, list_id, form) as desk:
        file = form.get("file")
        try:
            if not isinstance(file, UploadFile):
                raise Refused(NO_FILE)
            with desk.cursor.connection.transaction():
                content: Any = file.file
                old = str(form.get("encoding") or "")
                one = store.stage(desk.cursor, list_id, file.filename, desk.session.email, content, old)
        except Refused as refusal:
            return _form(desk, refusal.detail)
        audit.record(desk.cursor, desk.session, list_id, "import.upload", one.summary)
    return pages.go(request, f"/lists/{list_id}/imports/{one.id}")


def _form(desk: Desk, error: str | None = None, status: int = 422) -> Response[str]:
    status = status if error else 200
    return pages.page(desk, "import_new.html", status, error=error, most=LARGEST_FILE // 1_048_576, encodings=OLD)


ROUTES = [imports, new_import, upload]
