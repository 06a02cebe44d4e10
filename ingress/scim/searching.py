"""Lists of resources: filtered, sorted, by index or by cursor, of one type or of all (RFC 7644 §3.4.2, RFC 9865)."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from ingress import lookup
from ingress.http import Response
from ingress.scim import cursors, filters, query, render
from ingress.scim.changes import USERS, Kind
from ingress.scim.conditions import is_quick
from ingress.scim.cursors import Mark
from ingress.scim.filters import Comparison, Node
from ingress.scim.plan import Part, Plan
from ingress.scim.projection import projected
from models.resource import Stored
from models.search import Found
from models.text import UUID, equality_key

if TYPE_CHECKING:
    from ingress.scim.resources import Call, Doors

SHORT = 200  # characters; a longer filter is parsed beside the event loop


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
        plan = Plan(call.holder.list_id, self.kinds, node, wanted, given, self._mark(call, wanted, given))
        quick = node is not None and all(is_quick(node, kind.of) for kind in self.kinds)
        part: Part | None = await self.doors.read(call, plan.read_light) if quick else None
        if part is None:
            part = await self.doors.read(call, plan.read, quick=False)
        return await asyncio.to_thread(self._rendered, call, given, wanted, part)

    async def _node(self, text: str | None) -> Node | None:
        if not text:
            return None
        node = filters.simple(text) if len(text) <= SHORT else None
        # Off the event loop: what the fast path cannot read imports a grammar of 0.7 s the first time.
        return node or await asyncio.to_thread(query.parse, text)

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
        previous = self._cursor(call, given, part.total, part.previous, backwards=True)
        following = self._cursor(call, given, part.total, part.following, backwards=False)
        return Response(200, render.listing(shown, part.total, None, following, previous))

    def _cursor(
        self, call: "Call", given: query.Parameters, total: int, end: Found | None, backwards: bool
    ) -> str | None:
        if end is None:
            return None
        mark = Mark(self._digest(given), end.value, end.id, total, backwards)
        return cursors.seal(call.sealing, mark)

    def _projected(self, call: "Call", given: query.Parameters, one: Stored) -> msgspec.Raw:
        kind = next(kind for kind in self.kinds if kind.resource == one.resource)
        return projected(call.base, given, kind.of, one)
