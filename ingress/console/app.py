"""The console: one Litestar application of server-rendered pages. The only wiring here."""

import time
from typing import Any

import structlog
from litestar import Litestar, Response
from litestar.datastructures import MutableScopeHeaders
from litestar.exceptions import HTTPException
from litestar.types import Message, Receive, Scope, Send

from ingress.console import (
    api_keys,
    audit,
    directories,
    directory_connect,
    directory_runs,
    directory_tab,
    field_options,
    fields,
    held,
    help,
    import_steps,
    imports,
    list_session_compare,
    list_session_people,
    list_sessions,
    lists,
    log,
    mappings,
    networks,
    pages,
    people,
    people_export,
    session,
    sync_tab,
    tokens,
)
from ingress.console.desk import Call, Office, OutOfDate, SignedOut
from ingress.console.statics import static
from ingress.console.stream import Streams
from ingress.http import SCIM_JSON
from ingress.scim import errors
from ingress.scim.errors import NotFound
from models import database
from models.errors import Refused
from ops import metrics
from ops.settings import Settings

_log = structlog.get_logger()
POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'",
        "connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
    )
)  # fmt: skip
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
MOST_BYTES = 1_048_576  # of a form
PARTS = (
    session, lists, people, people_export, imports, import_steps, sync_tab, tokens, networks, mappings, held, log,
    directories, directory_connect, directory_tab, directory_runs, api_keys, audit, help, field_options, fields,
    list_sessions, list_session_people, list_session_compare,
)  # fmt: skip
A_YEAR = "max-age=31536000; includeSubDomains"


def _secured(office: Office) -> Any:
    headers = HEADERS | ({"strict-transport-security": A_YEAR} if office.secure else {})

    async def before_send(message: Message, scope: Scope) -> None:
        # Not `after_request`, which refusals of middleware and unknown paths pass by.
        if message["type"] == "http.response.start":
            named = MutableScopeHeaders.from_message(message)
            for name, value in headers.items():
                named.setdefault(name, value)

    return before_send


def _refused(request: Call, refusal: Refused) -> Response[str]:
    if isinstance(refusal, SignedOut):
        return session.sign_in_again(request)
    title = {401: "Sign in", 403: "Not allowed", 404: "Not found", 409: "Changed meanwhile"}.get(
        refusal.status, "Not done"
    )
    if isinstance(refusal, OutOfDate):
        title = "Out of date"
    return _error(request, refusal.status, title, refusal.detail)


def _unknown(request: Call, error: HTTPException) -> Response[Any]:
    if error.status_code == 404 and "text/html" not in request.headers.get("accept", ""):
        # Nobody's browser: an IdP with a wrong SCIM Base URL, whose administrator reads this.
        wrong = NotFound("this is no SCIM Base URL: copy it from the list's Sync tab, whole")
        return Response(errors.body(wrong), status_code=404, media_type=SCIM_JSON.decode())
    if error.status_code == 404:
        return _error(request, 404, "Not found", "There is no such page: check the address, or begin with your lists.")
    return _error(request, error.status_code, "Not done", error.detail if error.status_code < 500 else "")


def _unavailable(request: Call, error: Exception) -> Response[str]:
    """A lock that was not to be had, a statement that took too long, or a database that is away."""
    _log.warning("console_unavailable", path=request.scope.get("path_template", ""), error=repr(error))
    sentence = (
        "This list is busy with changes from its identity provider. Nothing was changed: try again in a moment."
        if isinstance(error, database.BUSY)
        else "The database does not answer at the moment. Look whether it was done, then try again."
    )
    answer = _error(request, 503, "Not now", sentence)
    answer.headers["Retry-After"] = "1"
    return answer


def _failed(request: Call, error: Exception) -> Response[str]:
    _log.exception("console_failed", path=request.scope.get("path_template", ""), exc_info=error)
    return _error(request, 500, "Something failed", "Something went wrong on our side. Nothing was changed: try again.")


def _error(request: Call, status: int, title: str, sentence: str) -> Response[str]:
    template = "_error.html" if pages.is_fragment(request) else "error.html"
    headers = {"HX_Retarget": "#toasts", "HX_Reswap": "beforeend"} if pages.is_fragment(request) else {}
    return pages.html(pages.render(template, title=title, sentence=sentence, status=status), status, **headers)


class Console:
    """The application, begun and ended by whoever mounts it."""

    def __init__(self, settings: Settings) -> None:
        self._office = Office(settings)
        self._streams = Streams(settings.redis_url)
        self.app = Litestar(
            [static, *(route for part in PARTS for route in part.ROUTES)],
            before_send=[_secured(self._office)],
            exception_handlers={
                Refused: _refused,
                HTTPException: _unknown,
                Exception: _failed,
                **dict.fromkeys(database.LOST, _unavailable),
            },
            openapi_config=None,
            logging_config=None,
            request_max_body_size=MOST_BYTES,
        )
        self.app.state.office = self._office
        self.app.state.streams = self._streams

    def start(self) -> None:
        """Open the connections."""
        self._office.pool.open()

    def stop(self) -> None:
        """Let go of them, and of open streams."""
        self._streams.close()
        self._office.pool.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        started = time.perf_counter()

        async def measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                metrics.CONSOLE_SECONDS.labels(str(message["status"])).observe(time.perf_counter() - started)
            await send(message)

        await self.app(scope, receive, measured)
