"""Which handler answers a method at a path below a list's SCIM Base URL."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TypeVar

from ingress.http import Response
from ingress.scim import bulk, discovery, intake, query
from ingress.scim.changes import GROUPS, KINDS, USERS
from ingress.scim.errors import Forbidden, NotAllowed, NotFound, NotImplemented_
from ingress.scim.resources import Call, Doors, Resources
from ingress.scim.searching import Listing
from models import connection as connections
from models import extension
from models.database import Cursor

Handler = Callable[[Call], Awaitable[Response]]
OfOne = Callable[[Call, str], Awaitable[Response]]
Handlers = Mapping[str, Handler]
H = TypeVar("H", Handler, OfOne)
DISCOVERY = ("ServiceProviderConfig", "ResourceTypes", "Schemas")
SEARCH = ".search"


class Endpoints:
    """The endpoints of one list (RFC 7644 §3.2). `record` is told of a bulk request's refused operations."""

    def __init__(self, doors: Doors, record: bulk.Record) -> None:
        self._doors, self._record = doors, record
        every = {kind.endpoint: Resources(kind, doors) for kind in (USERS, GROUPS)}
        self._of_kind: dict[str, Handlers] = {
            name: {"GET": one.page, "POST": one.create} for name, one in every.items()
        }
        self._searching: dict[str, Handlers] = {name: {"POST": one.search} for name, one in every.items()}
        self._of_one: dict[str, Mapping[str, OfOne]] = {
            name: {"GET": one.get, "PUT": one.replace, "PATCH": one.modify, "DELETE": one.delete}
            for name, one in every.items()
        }

    def handler(self, method: str, path: tuple[str, ...]) -> Handler:
        """What answers; raises what the answer is where nothing does."""
        if len(path) == 2 and path[0] in self._of_one and path[1] != SEARCH:
            return partial(_with_id, _method(self._of_one[path[0]], method), path[1])
        return _method(self._handlers(path), method)

    def _handlers(self, path: tuple[str, ...]) -> Handlers:
        match path:
            case ():
                return {"GET": self._everything}
            case (".search",):
                return {"POST": self._search}
            case ("Bulk",):
                return {"POST": self._bulk}
            case (name,) if name in KINDS:
                return self._of_kind[name]
            case (name, ".search") if name in KINDS:
                return self._searching[name]
            case (name, *_) if name in DISCOVERY and len(path) <= 2:
                return {"GET": self._discovery}
            case ("Me", *_):
                raise NotImplemented_("/Me is not supported: a list's token is nobody's own; use /Users/{id}")
        raise NotFound(f"/{'/'.join(path)[:200]} is no SCIM endpoint: check the SCIM Base URL and what follows it")

    async def _everything(self, call: Call) -> Response:
        """GET of the Base URL itself: users and groups together (§3.4.2.1)."""
        return await Listing((USERS, GROUPS), self._doors).answer(call, call.parameters())

    async def _search(self, call: Call) -> Response:
        asked = query.of_search(intake.load(call.request.body))
        return await Listing((USERS, GROUPS), self._doors).answer(call, asked)

    async def _bulk(self, call: Call) -> Response:
        return await bulk.answer(call, self._doors, self._record)

    async def _discovery(self, call: Call) -> Response:
        if call.parameters().get("filter"):
            # RFC 7644 §4: a filter on what describes the server is refused.
            raise Forbidden("what describes this server cannot be filtered: leave the filter out")

        def look(cursor: Cursor) -> tuple[str, tuple[extension.Seen, ...]]:
            list_id = call.holder.list_id
            return connections.unique_identifier(cursor, list_id), extension.listing(cursor, list_id)

        found = await self._doors.read(call, look)
        # The first time a library is imported for it, which would hold everybody else up.
        documents = await asyncio.to_thread(discovery.documents, call.base, *found)
        body = documents.get("/".join(call.request.path).lower())
        if body is None:
            raise NotFound(f"'{call.request.path[-1][:200]}' is not described here: see /{call.request.path[0]}")
        return Response(200, body)


def _method(handlers: Mapping[str, H], method: str) -> H:
    found = handlers.get("GET" if method == "HEAD" else method)
    if found is None:
        raise NotAllowed(method, sorted([*handlers, *(["HEAD"] if "GET" in handlers else []), "OPTIONS"]))
    return found


def _with_id(act: OfOne, resource_id: str, call: Call) -> Awaitable[Response]:
    return act(call, resource_id)


_VERBS = {"GET": "get", "POST": "create", "PUT": "replace", "PATCH": "patch", "DELETE": "delete"}


def operation(method: str, path: tuple[str, ...]) -> str:
    """What is asked for, from a closed set: a metric label must not hold what clients type."""
    method = "GET" if method == "HEAD" else method
    kind = {"Users": "user", "Groups": "group"}.get(path[0] if path else "", "")
    if method == "OPTIONS":
        return "options"
    if path[-1:] == (SEARCH,) and method == "POST":
        return f"search_{kind or 'all'}"
    if not path or (kind and len(path) == 1 and method == "GET"):
        return f"list_{kind or 'all'}" if method == "GET" else "other"
    if kind and len(path) <= 2 and (method == "POST") is (len(path) == 1):
        return f"{_VERBS[method]}_{kind}" if method in _VERBS else "other"
    if method == "GET" and path[0] in DISCOVERY:
        return "discovery"
    return "bulk" if path == ("Bulk",) and method == "POST" else "other"


def template(path: tuple[str, ...]) -> str:
    """The path's template, from a closed set: a metric label must not hold what clients type."""
    if not path or path[0] not in (*KINDS, "Me", "Bulk", SEARCH, *DISCOVERY):
        return "other"
    if path[-1] == SEARCH:
        return "/.search" if len(path) == 1 else f"/{path[0]}/.search"
    return f"/{path[0]}" if len(path) == 1 else f"/{path[0]}/{{id}}"
