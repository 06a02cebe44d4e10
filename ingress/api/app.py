"""The admin API: one Litestar application beside the console's. The only wiring here."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import structlog
from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream
from litestar.types import Receive, Scope, Send

from ingress.api import docs, problems
from ingress.api.desk import THREADS, Asked, Office
from ingress.api.operation import ROOT, Operation
from ingress.api.problems import Problem, Wrong
from ingress.api.receiving import received
from ingress.api.serving import Answer, admit, serve
from ingress.api.table import OPERATIONS
from ingress.console.statics import static
from ingress.http import discard, headers_of, peer
from models.errors import Refused, Unavailable
from models.imports.encoding import LARGEST_FILE
from ops import metrics
from ops.settings import Settings

Call = Request[Any, Any, Any]
T = TypeVar("T")
MOST_BYTES = 1_048_576  # of a body
MOST_WAITING = 100  # requests of a process, those that are served included
ALWAYS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_log = structlog.get_logger()


class Api:
    """The application, begun and ended by whoever mounts it."""

    def __init__(self, settings: Settings) -> None:
        self.office = Office(settings)
        self._waiting = 0
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="api")
        self.app = Litestar(
            [*_options(), *(self._route(one) for one in OPERATIONS), *docs.ROUTES, static],
            exception_handlers={HTTPException: self.outside, Exception: self._failed},
            openapi_config=None,
            logging_config=None,
            request_max_body_size=MOST_BYTES,
            state=State({"office": self.office}),
        )

    def start(self) -> None:
        """Open the connections."""
        self.office.pool.open()

    def stop(self) -> None:
        """Let go of them."""
        self.office.pool.close()
        self._threads.shutdown(wait=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        await self.app(scope, receive, send)

    def _route(self, operation: Operation) -> HTTPRouteHandler:
        handler = self._handler(operation)
        handler.__name__ = operation.name
        most = MOST_BYTES if operation.takes is None else LARGEST_FILE
        methods: Any = _methods(operation)
        return HTTPRouteHandler(_path(operation), http_method=methods, status_code=200, request_max_body_size=most)(
            handler
        )

    def _handler(self, operation: Operation) -> Callable[[Call], Coroutine[Any, Any, Response[Any]]]:
        async def handle(request: Call) -> Response[Any]:
            started = time.perf_counter()
            answer = await self._answer(request, operation)
            metrics.API_REQUESTS.labels(operation.name, str(answer.status_code)).inc()
            metrics.API_SECONDS.labels(operation.name).observe(time.perf_counter() - started)
            return answer

        return handle

    async def _answer(self, request: Call, operation: Operation) -> Response[Any]:
        request_id = self._request_id(request)
        headers = {"X-Request-ID": request_id}
        try:
            asked = self._asked(request, operation, request_id)
            return self._response(await self._served(request, asked, headers), headers)
        except HTTPException as error:
            found = _of_framework(error, request_id)
        except Exception as error:
            found = problems.of(error, request_id) or self._unforeseen(error, operation.name, request_id)
        return _response(Answer(found.status, found.body, dict(found.headers)), headers)

    async def _served(self, request: Call, asked: Asked, headers: dict[str, str]) -> Answer:
        if asked.operation.takes is None:
            asked = replace(asked, body=await request.body())
            return await self._in_turn(serve, self.office, asked, headers)
        try:
            key, organisation_id = await self._in_turn(admit, self.office, asked, headers)
        except Refused:
            # As much as of any other body: who is still sending would not see the answer.
            await discard(request.scope, request.receive, MOST_BYTES)
            raise
        async with received(request, organisation_id) as file:
            return await self._in_turn(serve, self.office, replace(asked, file=file), headers, key)

    async def _in_turn(self, work: Callable[..., T], *arguments: Any) -> T:
        if self._waiting >= MOST_WAITING:
            raise Unavailable("too many requests are waiting to be served at the moment: try again in a second")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        finally:
            self._waiting -= 1

    def _response(self, answer: Answer, headers: dict[str, str]) -> Response[Any]:
        if answer.place is None:
            return _response(answer, headers)
        named = {**ALWAYS, **answer.headers, **headers}
        media_type = named.pop("Content-Type")
        return Stream(self._stretches(answer), status_code=answer.status, headers=named, media_type=media_type)

    async def _stretches(self, answer: Answer) -> AsyncIterator[bytes]:
        yield answer.body
        place, loop = answer.place, asyncio.get_running_loop()
        while place is not None and answer.more is not None:
            text, place = await loop.run_in_executor(self._threads, answer.more, place)
            yield text.encode()

    def _asked(self, request: Call, operation: Operation, request_id: str) -> Asked:
        query = request.scope.get("query_string", b"")
        return Asked(
            operation, request.scope["path"], {name: str(value) for name, value in request.path_params.items()}, query,
            tuple(parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="replace")),
            {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.scope["headers"]},
            b"", None, self.office.address_of(request.scope), self.office.root_of(request.scope), request_id,
        )  # fmt: skip

    def _request_id(self, request: Call) -> str:
        return self.office.proxies.request_id(headers_of(request.scope["headers"]), peer(request.scope))

    def _unforeseen(self, error: Exception, operation: str, request_id: str) -> Problem:
        _log.exception("api_failed", operation=operation, request_id=request_id, exc_info=error)
        return problems.internal(request_id)

    def outside(self, request: Call, error: HTTPException) -> Response[bytes]:
        """No operation's: an address or a method that there is not, or a Host that is none."""
        found = _of_framework(error, self._request_id(request))
        metrics.API_REQUESTS.labels("none", str(found.status)).inc()
        return _response(Answer(found.status, found.body, dict(found.headers)), {})

    def _failed(self, request: Call, error: Exception) -> Response[bytes]:
        request_id = self._request_id(request)
        found = problems.of(error, request_id) or self._unforeseen(error, "none", request_id)
        return _response(Answer(found.status, found.body, dict(found.headers)), {})


def _path(operation: Operation) -> str:
    return ROOT + operation.path.replace("}", ":str}")


def _methods(operation: Operation) -> list[str]:
    return ["GET", "HEAD"] if operation.method == "GET" else [operation.method]


def _options() -> Iterator[HTTPRouteHandler]:
    """Which methods each address has. Litestar's own answer knows those of its first operation alone."""
    for path in dict.fromkeys(map(_path, OPERATIONS)):
        found = {"OPTIONS", *(method for one in OPERATIONS if _path(one) == path for method in _methods(one))}
        allow = {**ALWAYS, "Allow": ", ".join(sorted(found))}
        yield HTTPRouteHandler(path, http_method="OPTIONS", status_code=204, response_headers=allow)(_nothing)


async def _nothing() -> None:
    """No body."""


def _of_framework(error: HTTPException, request_id: str) -> Problem:
    """What Litestar refuses by itself."""
    sentences = {
        404: ("not-found", f"there is no such address: {problems.DOCS} lists all of them"),
        405: ("method", "this address takes other methods: the Allow header has them"),
        413: ("too-large", f"the body is larger than {MOST_BYTES:,} bytes: send less in one request"),
    }
    kind, sentence = sentences.get(error.status_code, ("malformed", f"the request cannot be read: {error.detail}"))
    allow = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    found = problems.of(Wrong(kind, sentence, **allow), request_id)
    assert found is not None
    return found


def _response(answer: Answer, headers: dict[str, str]) -> Response[bytes]:
    named = {**ALWAYS, **answer.headers, **headers}
    media_type = named.pop("Content-Type", None)
    return Response(answer.body, status_code=answer.status, headers=named, media_type=media_type)
