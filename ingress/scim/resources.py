"""/Users and /Groups: every request becomes one pure change or one read, and one resource or a list of them."""

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import msgspec

from ingress import commit, lookup
from ingress.auth import bearer
from ingress.batches import Batches
from ingress.http import Request, Response
from ingress.scim import changes, cursors, intake, projection, query, redact, render
from ingress.scim.changes import Kind
from ingress.scim.errors import InvalidValue, quote
from ingress.scim.searching import Listing
from models.bulk import Bulk
from models.change import Accepted, Change
from models.change import Request as Origin
from models.database import Cursor
from models.errors import Refused, Unknown
from models.provisioning_log import BODY_LIMIT
from models.resource import GROUP, Stored
from models.search import Found, read
from models.text import UUID
from models.token import Holder

HEAVY = 65_536  # bytes of a body, and
MANY = 1_000  # members of a group: more are read and written beside the event loop; a PATCH answers no more (C21)
ANY_NUMBER = 2**31 - 1
_TAG = re.compile(r'(?:W/)?"([^"]*)"')
T = TypeVar("T")


class Call(msgspec.Struct, frozen=True):
    """An authenticated request to one list, whose SCIM Base URL is `base`."""

    request: Request
    holder: Holder
    base: str
    idp: str | None

    @property
    def sealing(self) -> bytes:
        """The key of its token's cursors."""
        return cursors.key(bearer(self.request.headers.get(b"authorization")))

    def origin(self, parsed: Any) -> Origin:
        """What the log is told of the request."""
        body = redact.body(self.request.body, parsed)[:BODY_LIMIT] if parsed is not None else None
        return Origin(self.request.request_id, body, self.holder.prefix, self.idp)

    def parameters(self) -> query.Parameters:
        """The query's parameters."""
        return query.parameters(self.request.query) if self.request.query else {}


@dataclass(frozen=True, slots=True)
class Doors:
    """How requests reach the database: by the shared writer and the shared reads, or by the writer and the reads for
    what may take long."""

    writer: Batches[commit.Ask, commit.Answer]
    heavy: Batches[commit.Ask, commit.Answer]
    reader: Batches[lookup.Ask, Any]
    scanner: Batches[lookup.Ask, Any]

    def __iter__(self) -> Iterator[Batches[Any, Any]]:
        return iter((self.writer, self.heavy, self.reader, self.scanner))

    async def write(self, call: Call, work: Change | Bulk) -> Any:
        """What a change, or each of a bulk request's, came to."""
        door = self.writer if isinstance(work, Change) and work.is_light else self.heavy
        return _unless_refused(await door.submit(commit.Ask(call.holder, work, call.request.address)))

    async def read(self, call: Call, what: lookup.ByKey | Callable[[Cursor], T] | None, quick: bool = True) -> Any:
        """What a read found; one that is not `quick` holds nobody up."""
        door = self.reader if quick else self.scanner
        asked = what if what is None or isinstance(what, lookup.ByKey) else lookup.Query(what)
        return _unless_refused(await door.submit(lookup.Ask(call.holder, asked, call.request.address)))


def _unless_refused(answer: Any) -> Any:
    if isinstance(answer, Refused):
        raise answer
    return answer


async def beside(size: int, act: Callable[..., T], *arguments: Any) -> T:
    """Run a step in a thread if it is about so much that others would notice."""
    return act(*arguments) if size <= HEAVY else await asyncio.to_thread(act, *arguments)


@dataclass(frozen=True, slots=True)
class Resources:
    """The operations on one resource type."""

    kind: Kind
    doors: Doors

    async def create(self, call: Call) -> Response:
        """POST (RFC 7644 §3.3)."""
        accepted = await self._change(call, "create", changes.create, None, ANY_NUMBER)
        location = render.location(accepted, call.base).encode()
        return await self._answer(call, accepted, 201, [(b"location", location)])

    async def replace(self, call: Call, resource_id: str) -> Response:
        """PUT (§3.5.1)."""
        return await self._answer(call, await self._change(call, "update", changes.replace, resource_id, ANY_NUMBER))

    async def modify(self, call: Call, resource_id: str) -> Response:
        """PATCH (§3.5.2); for a group with many members without a body, which the RFC allows (C21)."""
        accepted = await self._change(call, "update", changes.modify, resource_id, MANY)
        if accepted.member_count > MANY and self._shows_members(call.parameters()):
            return Response(204, b"", [(b"etag", render.version(accepted).encode())])
        return await self._answer(call, accepted)

    async def delete(self, call: Call, resource_id: str) -> Response:
        """DELETE (§3.6); the person of a user stays in the list, inactive."""
        change = Change(
            call.holder.list_id, "delete", call.origin(None), lambda present: present or {},
            known_form(self.kind, resource_id), self.kind.resource, expected(call.request.headers),
        )  # fmt: skip
        await self.doors.write(call, change)
        return Response(204)

    async def get(self, call: Call, resource_id: str) -> Response:
        """GET of one (§3.4.1)."""
        found = await self._find(call, known_form(self.kind, resource_id))
        if found is None:
            raise unknown(self.kind, resource_id)
        tag = render.version(found)
        if _is_known(call.request.headers.get(b"if-none-match"), tag):
            return Response(304, b"", [(b"etag", tag.encode())])
        return await self._answer(call, found)

    async def page(self, call: Call) -> Response:
        """GET of the list (§3.4.2)."""
        return await Listing((self.kind,), self.doors).answer(call, call.parameters())

    async def search(self, call: Call) -> Response:
        """POST /.search (§3.4.3)."""
        return await Listing((self.kind,), self.doors).answer(call, query.of_search(intake.load(call.request.body)))

    async def _find(self, call: Call, resource_id: str) -> Stored | None:
        if self.kind.resource != GROUP:
            found: Stored | None = await self.doors.read(call, lookup.ByKey("id", resource_id))
            return found
        shown = self._shows_members(call.parameters())
        wanted = [Found(GROUP, resource_id, None)]

        def look(cursor: Cursor, most: int = MANY) -> list[Stored]:
            bare = read(cursor, call.holder.list_id, wanted, with_members=False)
            light = shown and 0 < sum(one.member_count for one in bare) <= most
            return read(cursor, call.holder.list_id, wanted, with_members=True) if light else bare

        one: Stored | None = next(iter(await self.doors.read(call, look)), None)
        if one is None or not shown or one.member_count <= MANY:
            return one
        # Beside everybody's look-ups, which so many members would hold up.
        whole = partial(look, most=one.member_count * 2)
        return next(iter(await self.doors.read(call, whole, quick=False)), None)

    def _shows_members(self, given: query.Parameters) -> bool:
        return self.kind.resource == GROUP and projection.shows(
            "members", given.get("attributes"), given.get("excludedattributes"), self.kind.of
        )

    async def _change(
        self,
        call: Call,
        verb: str,
        make: Callable[[Kind, dict[str, Any]], changes.Apply],
        resource_id: str | None,
        most_members: int,
    ) -> Accepted:
        size = len(call.request.body)

        def asked() -> Change:
            parsed = intake.load(call.request.body)
            return Change(
                call.holder.list_id,
                verb,
                call.origin(parsed),
                make(self.kind, parsed),
                known_form(self.kind, resource_id) if resource_id is not None else None,
                self.kind.resource,
                expected(call.request.headers) if resource_id is not None else None,
                most_members if self._shows_members(call.parameters()) else 0,
                size <= HEAVY,
            )

        accepted: Accepted = await self.doors.write(call, await beside(size, asked))
        return accepted

    async def _answer(
        self, call: Call, found: Stored, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None
    ) -> Response:
        size = HEAVY + 1 if found.member_count > MANY else 0
        body = await beside(size, encoded, call.base, call.parameters(), self.kind, found)
        return Response(status, body, [(b"etag", render.version(found).encode()), *(headers or [])])


def known_form(kind: Kind, resource_id: str) -> str:
    """The id, refused where it cannot be one of ours."""
    if not UUID.fullmatch(resource_id):
        raise unknown(kind, resource_id)
    return resource_id


def unknown(kind: Kind, resource_id: str) -> Unknown:
    """The refusal of an id that nobody has."""
    by = "displayName" if kind.resource == GROUP else "userName"
    return Unknown(
        f"no {kind.resource} has the id {quote(resource_id)} in this list: look the {kind.resource} up by {by}"
    )


def encoded(base: str, given: query.Parameters, kind: Kind, found: Stored) -> bytes:
    """The resource as bytes, of it what the parameters ask for."""
    return bytes(projection.projected(base, given, kind.of, found))


def expected(headers: dict[bytes, bytes]) -> frozenset[str] | None:
    """The versions of If-Match; None where any will do (RFC 7644 §3.14), and an empty set where the resource is
    not to exist (If-None-Match: *, RFC 9110 §13.1.2)."""
    if headers.get(b"if-none-match", b"").strip() == b"*":
        return frozenset()
    condition = headers.get(b"if-match")
    return versions("If-Match", condition.decode("latin-1")) if condition is not None else None


def versions(name: str, condition: str) -> frozenset[str] | None:
    """The versions in a list of entity tags. What follows a dot tells of groups, which a change does not touch."""
    if condition.strip() == "*":
        return None
    tags = _TAG.findall(condition)
    if not tags:
        raise InvalidValue(
            f'{name} takes entity tags such as W/"3", and {quote(condition)} arrived: send the resource\'s meta.version'
        )
    return frozenset(tag.partition(".")[0] for tag in tags)


def _is_known(condition: bytes | None, tag: str) -> bool:
    """If-None-Match, compared weakly (RFC 9110 §13.1.2)."""
    if condition is None:
        return False
    text = condition.decode("latin-1")
    return text.strip() == "*" or tag.removeprefix("W/").strip('"') in _TAG.findall(text)


def name_in(parsed: Any) -> str | None:
    """The userName or displayName in a body that was understood."""
    name = parsed.get("userName", parsed.get("displayName")) if isinstance(parsed, dict) else None
    return name[:256] if isinstance(name, str) and name.strip() and name.isprintable() else None
