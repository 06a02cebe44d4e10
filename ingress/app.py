"""The ingress: one ASGI application of SCIM beside Litestar. The only wiring here."""

import asyncio
import time
from random import random
from typing import TYPE_CHECKING, Any

import structlog
from litestar import Litestar, asgi
from litestar import Response as Answer
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, NotFoundException
from litestar.types import ASGIApp, Receive, Scope, Send

from ingress import commit, entries, http, idp, lookup
from ingress.auth import ELSEWHERE, Holders, WrongList
from ingress.batches import Shed
from ingress.buckets import TooFast
from ingress.http import Request, Response
from ingress.proxy import Proxies, is_host
from ingress.rates import Rates
from ingress.refusals import Recorder
from ingress.ringing import Ringer
from ingress.room import Room
from ingress.scim import errors
from ingress.scim.endpoints import Endpoints, operation, template
from ingress.scim.errors import InvalidSyntax, NotAllowed, NotFound
from ingress.scim.resources import Call, Doors, beside
from ingress.strangers import Strangers
from ingress.traffic import Answered
from models.errors import Refused, Unauthorised, Unavailable
from models.token import Holder
from ops import metrics
from ops.bell import Bell
from ops.settings import Settings

if TYPE_CHECKING:
    from ingress.api.app import Api
    from ingress.console.app import Console

_log = structlog.get_logger()
DISCARDED = 8 * 1024 * 1024  # bytes of a refused body that are taken so that its sender reads the answer
HELD = 0.5  # seconds until somebody who was shed is told, and up to twice as long
_WITH_BODY = ("POST", "PUT", "PATCH")


class Scim:
    """Everything below /scim/v2: authenticate, route, answer; refusals in SCIM words, logged for their list."""

    def __init__(self, settings: Settings) -> None:
        self._proxies = Proxies(settings.trusted_proxies, settings.public_root(), settings.public_url is not None)
        self._settings = settings
        bell = Bell(settings.redis_url)
        self.recorder = Recorder(settings.database_url, bell.tell)
        self.ringer = Ringer(bell.ring)
        url, touch, most = settings.database_url, self.recorder.touch, settings.queue_limit
        self.doors = Doors(
            *commit.writers(url, self.ringer.ring, touch, most),
            lookup.reader(url, touch, most),
            lookup.scanner(url, touch, most),
        )
        self._holders = Holders(self.doors.reader, Strangers(settings.redis_url, "token"))
        self._rates = Rates(settings.redis_url, settings.token_rate)
        self._room = Room(max(settings.max_body, settings.max_group_body))
        self._endpoints = Endpoints(self.doors, self._record_operation)

    def start(self) -> None:
        """Start what works beside the requests."""
        for part in (self.recorder, self.ringer, *self.doors):
            part.start()

    async def stop(self) -> None:
        """Finish what was accepted."""
        for door in self.doors:
            await door.stop()
        self.ringer.stop()
        self.recorder.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        started = time.perf_counter()
        request = _request(scope, self._proxies)
        try:
            response = await self._answer(request, scope, receive)
        except http.ClientGone:
            # A body that ends early or a malformed chunk: the client may be there to be told.
            response = _refuse(InvalidSyntax("the body ended before it was complete: send it again"))
        await http.send(response, request.request_id, send, head=request.method == "HEAD")
        known = request.authenticated and response.status != Unauthorised.status
        self.recorder.traffic.note(
            Answered(
                operation(request.method, request.path), request.method, response.status, response.scim_type,
                idp.guess(request.headers) or "other", request.list_id if known else None,
                time.time(), time.perf_counter() - started,
            )
        )  # fmt: skip

    async def _answer(self, request: Request, scope: Scope, receive: Receive) -> Response:
        holder: Holder | None = None
        try:
            if not is_host(request.headers.get(b"host", b"")):
                raise InvalidSyntax("the request's Host header is no host name: send the SCIM Base URL's own")
            authorization = request.headers.get(b"authorization")
            holder = await self._holders.holder(authorization, request.list_id, request.address)
            request.authenticated = True
            await self._rates.take(holder)
            base = f"{self._proxies.root(request.headers, request.peer)}/scim/v2/{request.list_id}"
            call = Call(request, holder, base, idp.guess(request.headers))
            return await self._route(call, receive)
        except Refused as refusal:
            await self._record(request, holder, refusal)
            if isinstance(refusal, Shed):
                # Whoever sends again at once would keep us busy with refusals. Its body is not kept meanwhile.
                request.body = b""
                await asyncio.sleep(HELD * (1 + random()))  # noqa: S311 - or all of them would be back at once
            if request.method in _WITH_BODY and not request.whole:
                await http.discard(scope, receive, DISCARDED)
            return _refuse(refusal)
        except http.ClientGone:
            raise
        except Exception:
            _log.exception("request_failed", request_id=request.request_id, route=template(request.path))
            return _refuse(errors.Internal(request.request_id))

    async def _route(self, call: Call, receive: Receive) -> Response:
        request, place = call.request, self._room.place(call.holder.list_id)
        try:
            handler = self._endpoints.handler(request.method, request.path)
            if request.method in _WITH_BODY:
                http.check_media_type(request.headers)
                most = self._most(request.path)
                request.body = await http.read_body(request.headers, receive, most, place.grow)
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
        finally:
            place.leave()

    def _most(self, path: tuple[str, ...]) -> int:
        """The largest body that is taken: a group's may name every member."""
        return self._settings.max_group_body if path[:1] == ("Groups",) else self._settings.max_body

    async def _check(self, call: Call) -> None:
        """Whether the token is still good, in a read batch: requests that need no row ask it too (I7)."""
        await self.doors.read(call, None)

    async def _record(self, request: Request, holder: Holder | None, refusal: Refused) -> None:
        detail = refusal.detail
        failed_authentication = isinstance(refusal, Unauthorised)
        if isinstance(refusal, Unauthorised):
            metrics.AUTH_FAILURES.labels(reason=refusal.reason).inc()
        if isinstance(refusal, WrongList):
            holder, detail = refusal.holder, ELSEWHERE
        if holder is None or refusal.status >= 500:
            return
        try:
            entry = await beside(len(request.body), entries.of_request, request, holder, refusal, detail)
        except Exception:
            # Best effort: what cannot be written down is answered all the same.
            _log.exception("refusal_not_logged", request_id=request.request_id)
            return
        self.recorder.refuse(entry, authentication=failed_authentication)

    def _record_operation(self, call: Call, refusal: Refused, *about: Any) -> None:
        self.recorder.refuse(entries.of_operation(call.request, call.holder, refusal, *about))


def _refuse(refusal: Refused) -> Response:
    headers: list[tuple[bytes, bytes]] = []
    if refusal.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="SCIM"'))
    if isinstance(refusal, Unavailable | TooFast):
        headers.append((b"retry-after", str(refusal.retry_after).encode()))
    if isinstance(refusal, NotAllowed):
        headers.append(_allow(refusal))
    return Response(refusal.status, errors.body(refusal), headers, refusal.scim_type or "")


def _allow(refusal: NotAllowed) -> tuple[bytes, bytes]:
    return b"allow", ", ".join(refusal.allowed).encode()


def _request(scope: Scope, proxies: Proxies) -> Request:
    path: str = scope["path"]
    parts = tuple(part for part in path.removeprefix("/scim/v2").split("/") if part)
    headers, peer = http.headers_of(scope["headers"]), http.peer(scope)
    return Request(
        scope["method"],  # type: ignore[typeddict-item]
        parts[0] if parts else "",
        parts[1:],
        scope.get("query_string", b""),
        headers,
        proxies.client(headers, peer),
        proxies.request_id(headers, peer),
        peer,
    )


def _in_scim_words(error: HTTPException) -> Answer[bytes]:
    """What is not below a SCIM Base URL is refused in SCIM words all the same: an IdP has a wrong URL."""
    refusal: Refused = NotFound("this is no SCIM Base URL: copy it from the list's Sync tab, whole")
    if error.status_code != NotFound.status:
        refusal = Refused(f"the request cannot be read ({error.detail}): check its Host header and its URL")
        refusal.status = error.status_code
    return Answer(errors.body(refusal), status_code=error.status_code, media_type=http.SCIM_JSON.decode())


def build(settings: Settings) -> ASGIApp:
    """The application: SCIM, the console, the admin API, or several of them (MUSTER_SERVE)."""
    scim = Scim(settings) if settings.serves("scim") else None
    console = _console(settings) if settings.serves("console") else None
    api = _api(settings) if settings.serves("api") else None

    # One mount and a choice of ours: of two mounts, Litestar takes the one at "/" for every path.
    @asgi("/", is_mount=True, copy_scope=False)
    async def site(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] = "/" + scope["path"].strip("/")  # a mount at "/" takes the first slash away
        beside = api if f"{path}/".startswith("/api/") or console is None else console
        part = scim if f"{path}/".startswith("/scim/v2/") else beside
        if part is None:
            raise NotFoundException
        await part(scope, receive, send)

    parts = [part for part in (scim, console, api) if part is not None]

    def outside(request: Any, error: HTTPException) -> Answer[bytes]:
        if api is not None and f"{request.scope['path']}/".startswith("/api/"):
            return api.outside(request, error)
        return _in_scim_words(error)

    framework = Litestar(
        [site],
        on_startup=[lambda: metrics.PROCESSES.labels("ingress").set(1), *(part.start for part in parts)],
        on_shutdown=[part.stop for part in parts],
        exception_handlers={HTTPException: outside},
        openapi_config=None,
        logging_config=None,
    )
    return framework if scim is None else _past(framework, scim)


def _past(framework: Litestar, scim: Scim) -> ASGIApp:
    """SCIM past the framework's routing and middleware, which would add 8 µs to the 14 of a get."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and scope["path"].startswith("/scim/v2/"):
            await scim(scope, receive, send)
        else:
            await framework(scope, receive, send)

    return app


def _api(settings: Settings) -> "Api":
    from ingress.api.app import Api

    return Api(settings)


def _console(settings: Settings) -> "Console":
    # Jinja and all it brings cost 5 MB, which an ingress that serves SCIM alone need not pay.
    from ingress.console.app import Console

    return Console(settings)
