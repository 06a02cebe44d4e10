"""A list request as it is carried out in a transaction: compiled, counted, read, and where its page ends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from ingress.scim import projection, query
from ingress.scim.changes import Kind
from ingress.scim.conditions import Compiler
from ingress.scim.cursors import Mark
from ingress.scim.filters import Node
from ingress.scim.ordering import order
from models import connection as connections
from models import extension
from models.database import Cursor
from models.resource import GROUP, Stored
from models.search import TRUE, Found, Search, read

MOST_LIGHT = 1_000  # members of a page of groups that is read among everybody's look-ups


class Part(NamedTuple):
    """The part of a list that is answered: its resources, and how many there are in all.

    By cursor, `previous` and `following` are where the pages before and after it begin, None where there is none.
    """

    stored: Sequence[Stored]
    total: int
    previous: Found | None = None
    following: Found | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is wanted of a list; `mark` is what the request's cursor holds."""

    list_id: str
    kinds: tuple[Kind, ...]
    node: Node | None
    wanted: query.Page
    given: query.Parameters
    mark: Mark | None

    def read_light(self, cursor: Cursor) -> Part | None:
        """The same, unless groups in it have so many members that others' look-ups would wait for them."""
        bare = replace(self, given={**self.given, "excludedattributes": "members"}) if self._shows_members() else self
        part = bare.read(cursor)
        members = sum(one.member_count for one in part.stored)
        if bare is self or not members:
            return part
        return self.read(cursor) if members <= MOST_LIGHT else None

    def read(self, cursor: Cursor) -> Part:
        """The part of the list that is asked for."""
        search = self._search(cursor)
        total = self.mark.total if self.mark is not None else search.count(cursor)
        if self.wanted.cursor is not None:
            return self._by_cursor(cursor, search, total)
        count, skipped = self.wanted.count, self.wanted.start_index - 1
        keys = search.page(cursor, count, skip=skipped) if count and skipped < total else []
        return Part(self._stored(cursor, keys), total)

    def _by_cursor(self, cursor: Cursor, search: Search, total: int) -> Part:
        """The page after the mark, or before it: the same in the opposite order, and turned round."""
        mark = self.mark
        backwards = mark is not None and mark.backwards
        if backwards:
            search = replace(search, order=search.order._replace(descending=not search.order.descending))
        # One more than is shown tells whether there is another page.
        keys = search.page(cursor, self.wanted.count + 1, after=mark.position if mark is not None else None)
        shown = keys[: self.wanted.count]
        stored = self._stored(cursor, shown)
        far = _end(shown, stored)
        beyond = far if far is not None and far != keys[-1] else None
        near = shown[0] if shown and mark is not None else None
        return Part(stored[::-1], total, beyond, near) if backwards else Part(stored, total, near, beyond)

    def _search(self, cursor: Cursor) -> Search:
        listed = extension.listing(cursor, self.list_id)
        identifier = connections.unique_identifier(cursor, self.list_id)
        described = {kind.resource: (kind.of, partial(_has, listed, kind)) for kind in self.kinds}
        where = {}
        for resource, attributes in described.items():
            others = tuple(one for one in described.values() if one is not attributes)
            compiler = Compiler(self.list_id, *attributes, others, identifier)
            where[resource] = compiler.condition(self.node) if self.node is not None else TRUE
        by = self.given.get("sortby", "").strip()
        return Search(self.list_id, where, order(by, query.descending(self.given), described))

    def _stored(self, cursor: Cursor, keys: list[Found]) -> list[Stored]:
        return read(cursor, self.list_id, keys, self._shows_members())

    def _shows_members(self) -> bool:
        attributes, excluded = self.given.get("attributes"), self.given.get("excludedattributes")
        groups = next((kind for kind in self.kinds if kind.resource == GROUP), None)
        return groups is not None and projection.shows("members", attributes, excluded, groups.of)


def _has(listed: tuple[extension.Seen, ...], kind: Kind, urn: str, name: str) -> bool:
    wanted = urn.lower(), name.lower()
    return any(one.resource == kind.resource and (one.urn.lower(), one.name.lower()) == wanted for one in listed)


def _end(shown: list[Found], stored: list[Stored]) -> Found | None:
    """Where a page ends: where it was cut short, or with the last key."""
    if not shown or not stored:
        return shown[-1] if shown else None
    ids = [one.id for one in shown]
    return shown[ids.index(stored[-1].id)]
