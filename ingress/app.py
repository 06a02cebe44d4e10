"""The ingress: one ASGI application of SCIM below Litestar. The only wiring here."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

import structlog
from litestar import Litestar, asgi
from litestar import Response as Answer
from litestar.exceptions import HTTPException
from litestar.types import Receive, Scope, Send

from ingress import commit, http, idp, lookup
from ingress.auth import ELSEWHERE, Holders, WrongList
from ingress.http import Request, Response
from ingress.proxy import Proxies
from ingress.refusals import Recorder
from ingress.scim import bulk, discovery, errors, intake, query, redact, render
from ingress.scim.changes import GROUPS, KINDS, USERS
from ingress.scim.errors import InvalidSyntax, NotAllowed, NotFound, NotImplemented_
from ingress.scim.resources import Call, Doors, Resources, name_in, named_in
from ingress.scim.searching import Listing
from models import connection as connections
from models import extension
from models.database import Cursor
from models.errors import Refused, Unauthorised, Unavailable
from models.provisioning_log import Refusal
from models.token import Holder
from ops import metrics
from ops.bell import Bell
from ops.settings import Settings

_log = structlog.get_logger()
DISCARDED = 8 * 1024 * 1024  # bytes of a refused body that are taken so that its sender reads the answer
_WITH_BODY = ("POST", "PUT", "PATCH")
_DISCOVERY = ("ServiceProviderConfig", "ResourceTypes", "Schemas")
_SEARCH = ".search"
Handler = Callable[[Call], Awaitable[Response]]


class Scim:
    """Everything below /scim/v2: authenticate, route, answer; refusals in SCIM words, logged for their list."""

    def __init__(self, settings: Settings) -> None:
        self._proxies = Proxies(settings.trusted_proxies, settings.public_root(), settings.public_url is not None)
        self._settings = settings
        self.recorder = Recorder(settings.database_url)
        bell = Bell(settings.redis_url)
        self.doors = Doors(
            commit.writer(settings.database_url, bell, self.recorder.touch, settings.queue_limit),
            lookup.reader(settings.database_url, self.recorder.touch, settings.queue_limit),
            lookup.scanner(settings.database_url, self.recorder.touch, settings.queue_limit),
        )
        self._holders = Holders(self.doors.reader)
        self._resources = {kind.endpoint: Resources(kind, self.doors) for kind in (USERS, GROUPS)}

    def start(self) -> None:
        """Start the threads that hold the database's connections."""
        for part in (self.recorder, self.doors.writer, self.doors.reader, self.doors.scanner):
            part.start()

    def stop(self) -> None:
        """Finish what was accepted."""
        for part in (self.doors.writer, self.doors.reader, self.doors.scanner, self.recorder):
            part.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        started = time.perf_counter()
        request = _request(scope, self._proxies)
        try:
            response = await self._answer(request, receive)
        except http.ClientGone:
            # A body that ends early or a malformed chunk: the client may be there to be told.
            response = _refuse(InvalidSyntax("the body ended before it was complete: send it again"))
        await http.send(response, request.request_id, send, head=request.method == "HEAD")
        labels = {
            "route": _route(request.path),
            "method": _method(request.method),
            "status": str(response.status),
        }
        metrics.HTTP_REQUESTS.labels(**labels).inc()
        metrics.HTTP_SECONDS.labels(**labels).observe(time.perf_counter() - started)

    async def _answer(self, request: Request, receive: Receive) -> Response:
        holder: Holder | None = None
        try:
            holder = await self._holders.holder(request.headers.get(b"authorization"), request.list_id)
            base = f"{self._proxies.root(request.headers, request.peer)}/scim/v2/{request.list_id}"
            call = Call(request, holder, base, idp.guess(request.headers))
            return await self._route(call, receive)
        except Refused as refusal:
            self._record(request, holder, refusal)
            if request.method in _WITH_BODY and not request.whole:
                await http.discard(receive, DISCARDED)
            return _refuse(refusal)
        except http.ClientGone:
            raise
        except Exception:
            _log.exception("request_failed", request_id=request.request_id, route=_route(request.path))
            return _refuse(errors.Internal(request.request_id))

    async def _route(self, call: Call, receive: Receive) -> Response:
        request = call.request
        try:
            handler = self._handler(call)
            if request.method in _WITH_BODY:
                http.check_media_type(request.headers)
                request.body = await http.read_body(request.headers, receive, self._most(request.path))
                request.whole = True
            return await handler(call)
        except NotAllowed as refusal:
            await self._check(call)
            if request.method != "OPTIONS":
                raise
            return Response(204, b"", [_allow(refusal)])
        except Refused as refusal:
            # What is wrong with a request is told to good tokens only, whether or not a batch was asked.
            if not isinstance(refusal, Unauthorised | Unavailable):
                await self._check(call)
            raise

    def _most(self, path: tuple[str, ...]) -> int:
        """The largest body that is taken: a group's may name every member."""
        return self._settings.max_group_body if path[:1] == ("Groups",) else self._settings.max_body

    def _handler(self, call: Call) -> Handler:
        """What answers this method at this path; raises what the answer is where nothing does."""
        handlers = self._handlers(call.request.path)
        method = call.request.method
        handler = handlers.get("GET" if method == "HEAD" else method)
        if handler is None:
            raise NotAllowed(method, sorted([*handlers, *(["HEAD"] if "GET" in handlers else []), "OPTIONS"]))
        return handler

    def _handlers(self, path: tuple[str, ...]) -> Mapping[str, Handler]:
        """What an endpoint takes, by method."""
        match path:
            case ():
                return {"GET": self._everything}
            case (".search",):
                return {"POST": self._search}
            case ("Bulk",):
                return {"POST": self._bulk}
            case (name, *rest) if name in KINDS and len(rest) <= 1:
                return _of_resources(self._resources[name], *rest)
            case (name, *_) if name in _DISCOVERY and len(path) <= 2:
                return {"GET": self._discovery}
            case ("Me", *_):
                raise NotImplemented_("/Me is not supported: a list's token is nobody's own; use /Users/{id}")
        raise NotFound(f"/{'/'.join(path)[:200]} is no SCIM endpoint: check the SCIM Base URL and what follows it")

    async def _check(self, call: Call) -> None:
        """Whether the token is still good, in a read batch: requests that need no row ask it too (I7)."""
        await self.doors.read(call, None)

    async def _everything(self, call: Call) -> Response:
        """GET of the Base URL itself: users and groups together (RFC 7644 §3.4.2.1)."""
        return await Listing((USERS, GROUPS), self.doors).answer(call, call.parameters())

    async def _search(self, call: Call) -> Response:
        return await Listing((USERS, GROUPS), self.doors).answer(call, query.of_search(intake.load(call.request.body)))

    async def _bulk(self, call: Call) -> Response:
        def record(refusal: Refused, resource: str, method: str, data: Any, request_id: str) -> None:
            entry = _refusal(call.request, call.holder, refusal, refusal.detail, True)
            entry.resource, entry.operation = resource, refusal.operation or _OPERATIONS.get(method, "request")
            entry.request_id, entry.user_name = request_id, refusal.user_name or name_in(data)
            entry.body = _storable(redact.text(data)) if data is not None else None
            self.recorder.refuse(entry)

        return await bulk.answer(call, self.doors, record)

    async def _discovery(self, call: Call) -> Response:
        if call.parameters().get("filter"):
            # RFC 7644 §4: a filter on what describes the server is refused.
            raise errors.Forbidden("what describes this server cannot be filtered: leave the filter out")

        def look(cursor: Cursor) -> tuple[str, tuple[extension.Seen, ...]]:
            list_id = call.holder.list_id
            return connections.unique_identifier(cursor, list_id), extension.listing(cursor, list_id)

        # The first time a library is imported for it, which would hold everybody else up.
        found = await self.doors.read(call, look)
        documents = await asyncio.to_thread(discovery.documents, call.base, *found)
        body = documents.get("/".join(call.request.path).lower())
        if body is None:
            raise NotFound(f"'{call.request.path[-1][:200]}' is not described here: see /{call.request.path[0]}")
        return Response(200, body)

    def _record(self, request: Request, holder: Holder | None, refusal: Refused) -> None:
        detail = refusal.detail
        failed_authentication = isinstance(refusal, Unauthorised)
        if isinstance(refusal, Unauthorised):
            metrics.AUTH_FAILURES.labels(reason=refusal.reason).inc()
        if isinstance(refusal, WrongList):
            holder, detail = refusal.holder, ELSEWHERE
        if holder is None or refusal.status >= 500:
            return
        writes = request.method in (*_WITH_BODY, "DELETE") and not failed_authentication
        entry = _refusal(request, holder, refusal, detail, writes)
        self.recorder.refuse(entry, authentication=failed_authentication)


def _of_resources(resources: Resources, resource_id: str | None = None) -> Mapping[str, Handler]:
    if resource_id is None:
        return {"GET": resources.page, "POST": resources.create}
    if resource_id == _SEARCH:
        return {"POST": resources.search}
    return {
        "GET": partial(_with_id, resources.get, resource_id),
        "PUT": partial(_with_id, resources.replace, resource_id),
        "PATCH": partial(_with_id, resources.modify, resource_id),
        "DELETE": partial(_with_id, resources.delete, resource_id),
    }


def _with_id(act: Callable[[Call, str], Awaitable[Response]], resource_id: str, call: Call) -> Awaitable[Response]:
    return act(call, resource_id)


def _refusal(request: Request, holder: Holder, refusal: Refused, detail: str, writes: bool) -> Refusal:
    """A refused request, or one operation of it, as its log entry begins."""
    return Refusal(
        holder.list_id,
        holder.prefix,
        _resource(request.path) if writes else "request",
        refusal.operation or _OPERATIONS[request.method] if writes else "request",
        _storable(detail),
        request.request_id,
        idp.guess(request.headers),
        _kept(request.body) if writes else None,
        datetime.now(UTC),
        identity_id=refusal.identity_id,
        user_name=refusal.user_name or (named_in(request.body) if writes else None),
    )


_OPERATIONS = {"POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}


def _storable(text: str) -> str:
    """A sentence that quotes what a client sent: Postgres takes neither NUL nor lone surrogates."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _kept(body: bytes) -> str | None:
    """A refused body for the log: only if it can be read, for an unread one may hide a password."""
    try:
        return _storable(redact.body(body, render.decode(body))) or None
    except (ValueError, RecursionError):
        return None


def _resource(path: tuple[str, ...]) -> str:
    return {"Users": "user", "Groups": "group"}.get(path[0] if path else "", "request")


def _refuse(refusal: Refused) -> Response:
    headers: list[tuple[bytes, bytes]] = []
    if refusal.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="SCIM"'))
    if isinstance(refusal, Unavailable):
        headers.append((b"retry-after", str(refusal.retry_after).encode()))
    if isinstance(refusal, NotAllowed):
        headers.append(_allow(refusal))
    return Response(refusal.status, errors.body(refusal), headers)


def _allow(refusal: NotAllowed) -> tuple[bytes, bytes]:
    return b"allow", ", ".join(refusal.allowed).encode()


def _request(scope: Scope, proxies: Proxies) -> Request:
    # Litestar strips a mount's path in different ways over the versions: what counts follows "/scim/v2".
    path: str = scope["path"]
    parts = tuple(part for part in path.removeprefix("/scim/v2").split("/") if part)
    headers, peer = dict(scope["headers"]), http.peer(scope)
    return Request(
        scope["method"],  # type: ignore[typeddict-item]
        parts[0] if parts else "",
        parts[1:],
        scope.get("query_string", b""),
        headers,
        proxies.client(headers, peer),
        uuid4().hex,
        peer,
    )


def _outside(_: Any, error: HTTPException) -> Answer[bytes]:
    """What is not below a SCIM Base URL is refused in SCIM words all the same: an IdP has a wrong URL."""
    refusal = NotFound("this is no SCIM Base URL: copy it from the list's Sync tab, whole")
    return Answer(errors.body(refusal), status_code=error.status_code, media_type=http.SCIM_JSON.decode())


def _route(path: tuple[str, ...]) -> str:
    """The route's template, from a closed set: a metric label must not hold what clients type."""
    if not path or path[0] not in (*KINDS, "Me", "Bulk", _SEARCH, *_DISCOVERY):
        return "other"
    if path[-1] == _SEARCH:
        return "/.search" if len(path) == 1 else f"/{path[0]}/.search"
    return f"/{path[0]}" if len(path) == 1 else f"/{path[0]}/{{id}}"


def _method(method: str) -> str:
    return method if method in ("GET", "HEAD", "OPTIONS", *_WITH_BODY, "DELETE") else "other"


def build(settings: Settings) -> Litestar:
    """The application."""
    scim = Scim(settings)

    @asgi("/scim/v2", is_mount=True, copy_scope=False)
    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        await scim(scope, receive, send)

    return Litestar(
        [mounted],
        on_startup=[scim.start],
        on_shutdown=[scim.stop],
        exception_handlers={HTTPException: _outside},
        openapi_config=None,
        logging_config=None,
    )
