"""The ingress: one ASGI application of SCIM below Litestar. The only wiring here."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
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
from ingress.refusals import Recorder
from ingress.scim import discovery, errors, query, redact, render
from ingress.scim.errors import InvalidSyntax, NotAllowed, NotFound, NotImplemented_
from ingress.scim.users import Call, Users, named_in
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
Handler = Callable[[Call], Awaitable[Response]]


class Scim:
    """Everything below /scim/v2: authenticate, route, answer; refusals in SCIM words, logged for their list."""

    def __init__(self, settings: Settings) -> None:
        self._root = f"{settings.public_root()}/scim/v2"
        self._max_body = settings.max_body
        self.recorder = Recorder(settings.database_url)
        bell = Bell(settings.redis_url)
        self.writer = commit.writer(settings.database_url, bell, self.recorder.touch, settings.queue_limit)
        self.reader = lookup.reader(settings.database_url, self.recorder.touch, settings.queue_limit)
        self._holders = Holders(self.reader)
        self._users = Users(self.writer, self.reader)

    def start(self) -> None:
        """Start the threads that hold the database's connections."""
        for part in (self.recorder, self.writer, self.reader):
            part.start()

    def stop(self) -> None:
        """Finish what was accepted."""
        for part in (self.writer, self.reader, self.recorder):
            part.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        started = time.perf_counter()
        request = _request(scope)
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
            call = Call(request, holder, f"{self._root}/{request.list_id}", idp.guess(request.headers))
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
        try:
            handler = self._handler(call)
            if call.request.method in _WITH_BODY:
                http.check_media_type(call.request.headers)
                call.request.body = await http.read_body(call.request.headers, receive, self._max_body)
                call.request.whole = True
            return await handler(call)
        except Refused as refusal:
            # What is wrong with a request is told to good tokens only, whether or not a batch was asked.
            if not isinstance(refusal, Unauthorised | Unavailable):
                await self._check(call)
            raise

    def _handler(self, call: Call) -> Handler:
        method, path = call.request.method, call.request.path
        match path:
            case ("Users",):
                return _choose(method, {"GET": self._users.page, "POST": self._users.create})
            case ("Users", user_id) if user_id != ".search":
                return _choose(
                    method,
                    {
                        "GET": lambda call: self._users.get(call, user_id),
                        "PUT": lambda call: self._users.replace(call, user_id),
                        "PATCH": lambda call: self._users.modify(call, user_id),
                        "DELETE": lambda call: self._users.delete(call, user_id),
                    },
                )
            case ("Groups",):
                return _choose(method, {"GET": self._no_groups}, not_yet=("POST",))
            case ("Groups", group_id) if group_id != ".search":
                return _choose(method, {"GET": lambda call: self._no_group(call, group_id)}, ("PUT", "PATCH", "DELETE"))
            case (name, *_) if name in _DISCOVERY and len(path) <= 2:
                return _choose(method, {"GET": self._discovery})
            case ("Me", *_) | ("Bulk",) | (".search",) | (_, ".search"):
                raise NotImplemented_(f"/{'/'.join(path)} is not supported: see /ServiceProviderConfig for what is")
        raise NotFound(f"/{'/'.join(path)[:200]} is no SCIM endpoint: check the SCIM Base URL and what follows it")

    async def _check(self, call: Call) -> None:
        """Whether the token is still good, in a read batch: requests that need no row ask it too (I7)."""
        answer = await self.reader.submit(lookup.Ask(call.holder, None, call.request.address))
        if isinstance(answer, Refused):
            raise answer

    async def _discovery(self, call: Call) -> Response:
        await self._check(call)
        # The first time a library is imported for it, which would hold everybody else up.
        documents = await asyncio.to_thread(discovery.documents, call.base)
        body = documents.get("/".join(call.request.path))
        if body is None:
            raise NotFound(f"'{call.request.path[-1][:200]}' is not described here: see /{call.request.path[0]}")
        return Response(200, body)

    async def _no_groups(self, call: Call) -> Response:
        await self._check(call)
        parameters = query.parameters(call.request.query)
        if parameters.get("filter"):
            query.parse(parameters["filter"])
        return Response(200, render.listing([], 0, query.page(parameters).start_index))

    async def _no_group(self, call: Call, group_id: str) -> Response:
        await self._check(call)
        raise NotFound(f"no group has the id '{group_id[:100]}' in this list")

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
        self.recorder.refuse(
            Refusal(
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
            ),
            authentication=failed_authentication,
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


def _choose(method: str, handlers: dict[str, Any], not_yet: tuple[str, ...] = ()) -> Handler:
    handler: Handler | None = handlers.get("GET" if method == "HEAD" else method)
    if handler is not None:
        return handler
    if method in not_yet:
        raise NotImplemented_("groups cannot be written here yet: provision users, and leave groups out")
    raise NotAllowed(method, sorted(handlers))


def _refuse(refusal: Refused) -> Response:
    headers: list[tuple[bytes, bytes]] = []
    if refusal.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="SCIM"'))
    if isinstance(refusal, Unavailable):
        headers.append((b"retry-after", str(refusal.retry_after).encode()))
    if isinstance(refusal, NotAllowed):
        headers.append((b"allow", ", ".join(refusal.allowed).encode()))
    return Response(refusal.status, errors.body(refusal), headers)


def _request(scope: Scope) -> Request:
    # Litestar strips a mount's path in different ways over the versions: what counts follows "/scim/v2".
    path: str = scope["path"]
    parts = tuple(part for part in path.removeprefix("/scim/v2").split("/") if part)
    return Request(
        scope["method"],  # type: ignore[typeddict-item]
        parts[0] if parts else "",
        parts[1:],
        scope.get("query_string", b""),
        dict(scope["headers"]),
        http.peer(scope),
        uuid4().hex,
    )


def _outside(_: Any, error: HTTPException) -> Answer[bytes]:
    """What is not below a SCIM Base URL is refused in SCIM words all the same: an IdP has a wrong URL."""
    refusal = NotFound("this is no SCIM Base URL: copy it from the list's Sync tab, whole")
    return Answer(errors.body(refusal), status_code=error.status_code, media_type=http.SCIM_JSON.decode())


def _route(path: tuple[str, ...]) -> str:
    """The route's template, from a closed set: a metric label must not hold what clients type."""
    if not path or path[0] not in ("Users", "Groups", "Me", "Bulk", *_DISCOVERY):
        return "other"
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
