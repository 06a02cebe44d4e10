"""Lists of resources: filtered, sorted, by index or by cursor, of one type or of all (RFC 7644 §3.4.2, RFC 9865)."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ingress import lookup
from ingress.http import Response
from ingress.scim import cursors, filters, projection, query, render
from ingress.scim.changes import USERS, Kind
from ingress.scim.conditions import Compiler, is_quick
from ingress.scim.cursors import Mark
from ingress.scim.filters import Comparison, Node
from ingress.scim.ordering import order
from models import connection as connections
from models import extension
from models.database import Cursor
from models.resource import GROUP, Stored
from models.search import TRUE, Found, Search, read
from models.text import UUID, equality_key

if TYPE_CHECKING:
    from ingress.scim.resources import Call, Doors

SHORT = 200  # characters; a longer filter is parsed beside the event loop


class Part(NamedTuple):
    """The part of a list that is answered: its resources, how many there are in all, where it ends (if it does not
    end the list)."""

    stored: list[Stored]
    total: int
    last: Found | None


@dataclass(frozen=True, slots=True)
class Listing:
    """Answers list requests for some resource types."""

    kinds: tuple[Kind, ...]
    doors: "Doors"

    async def answer(self, call: "Call", given: query.Parameters) -> Response:
        """The ListResponse that the parameters ask for."""
        wanted = query.page(given)
        node = await self._node(given.get("filter"))
        single = self._single(node)
        if single is not None and wanted.cursor is None and "sortby" not in given:
            return self._of_one(call, given, wanted, await self._look_up(call, single))
        plan = _Plan(call.holder.list_id, self.kinds, node, wanted, given, self._mark(call, wanted, given))
        quick = node is not None and all(is_quick(node, kind.of) for kind in self.kinds)
        part: Part = await self.doors.read(call, plan.read, quick)
        return await asyncio.to_thread(self._rendered, call, given, wanted, part)

    async def _node(self, text: str | None) -> Node | None:
        if not text:
            return None
        # Off the event loop: what the fast path cannot read imports a grammar of 0.7 s the first time.
        quick = len(text) <= SHORT and filters.simple(text)
        return query.parse(text) if quick else await asyncio.to_thread(query.parse, text)

    def _single(self, node: Node | None) -> lookup.ByKey | None:
        """A look-up of one user, in the batch of everyone's: what IdPs ask most."""
        match node:
            case Comparison(path, "eq", str(value)) if self.kinds == (USERS,):
                name = path.lower()
                if name == "username":
                    return lookup.ByKey("user_name_key", equality_key(value))
                if name == "id" and UUID.fullmatch(value):
                    return lookup.ByKey("id", value)
        return None

    async def _look_up(self, call: "Call", single: lookup.ByKey) -> list[Stored]:
        found = await self.doors.read(call, single)
        return [found] if found is not None else []

    def _of_one(self, call: "Call", given: query.Parameters, wanted: query.Page, found: list[Stored]) -> Response:
        first = wanted.start_index - 1
        shown = [self._projected(call, given, one) for one in found[first : first + wanted.count]]
        return Response(200, render.listing(shown, len(found), wanted.start_index))

    def _mark(self, call: "Call", wanted: query.Page, given: query.Parameters) -> Mark | None:
        if not wanted.cursor:
            return None
        return cursors.unseal(call.sealing, wanted.cursor, self._digest(given))

    def _digest(self, given: query.Parameters) -> bytes:
        asked = (given.get(name, "") for name in ("filter", "sortby", "sortorder"))
        return cursors.digest(*(kind.endpoint for kind in self.kinds), *asked)

    def _rendered(self, call: "Call", given: query.Parameters, wanted: query.Page, part: Part) -> Response:
        shown = [self._projected(call, given, one) for one in part.stored]
        if wanted.cursor is None:
            return Response(200, render.listing(shown, part.total, wanted.start_index))
        following = None
        if part.last is not None:
            mark = Mark(self._digest(given), part.last.value, part.last.id, part.total)
            following = cursors.seal(call.sealing, mark)
        return Response(200, render.listing(shown, part.total, None, following))

    def _projected(self, call: "Call", given: query.Parameters, one: Stored) -> dict[str, Any]:
        kind = next(kind for kind in self.kinds if kind.resource == one.resource)
        attributes, excluded = given.get("attributes"), given.get("excludedattributes")
        if not attributes and not excluded:
            return render.resource(one, call.base)
        return projection.project(render.resource(one, call.base, whole=False), attributes, excluded, kind.of)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A list request as it is carried out in a transaction."""

    list_id: str
    kinds: tuple[Kind, ...]
    node: Node | None
    wanted: query.Page
    given: query.Parameters
    mark: Mark | None

    def read(self, cursor: Cursor) -> Part:
        """The part of the list that is asked for."""
        search = self._search(cursor)
        wanted, mark = self.wanted, self.mark
        total = mark.total if mark is not None else search.count(cursor)
        if wanted.cursor is None:
            skipped = wanted.start_index - 1
            keys = search.page(cursor, wanted.count, skip=skipped) if wanted.count and skipped < total else []
            return Part(self._stored(cursor, keys), total, None)
        # One more than is shown tells whether there is another page.
        keys = search.page(cursor, wanted.count + 1, after=mark.position if mark is not None else None)
        shown = keys[: wanted.count]
        stored = self._stored(cursor, shown)
        last = _last(shown, stored)
        return Part(stored, total, last if last is not None and last != keys[-1] else None)

    def _search(self, cursor: Cursor) -> Search:
        listed = extension.listing(cursor, self.list_id)
        identifier = connections.unique_identifier(cursor, self.list_id)
        kinds = {kind.resource: (kind.of, partial(_has, listed, kind)) for kind in self.kinds}
        where = {}
        for resource, kind in kinds.items():
            others = tuple(one for one in kinds.values() if one is not kind)
            compiler = Compiler(self.list_id, *kind, others, identifier)
            where[resource] = compiler.condition(self.node) if self.node is not None else TRUE
        by = self.given.get("sortby", "").strip()
        return Search(self.list_id, where, order(by, query.descending(self.given), kinds))

    def _stored(self, cursor: Cursor, keys: list[Found]) -> list[Stored]:
        attributes, excluded = self.given.get("attributes"), self.given.get("excludedattributes")
        groups = next((kind for kind in self.kinds if kind.resource == GROUP), None)
        with_members = groups is not None and projection.shows("members", attributes, excluded, groups.of)
        return read(cursor, self.list_id, keys, with_members)


def _has(listed: tuple[extension.Seen, ...], kind: Kind, urn: str, name: str) -> bool:
    wanted = urn.lower(), name.lower()
    return any(one.resource == kind.resource and (one.urn.lower(), one.name.lower()) == wanted for one in listed)


def _last(shown: list[Found], stored: list[Stored]) -> Found | None:
    """Where a page ends: where it was cut short, or with the last key."""
    if not shown or not stored:
        return shown[-1] if shown else None
    ids = [one.id for one in shown]
    return shown[ids.index(stored[-1].id)]
