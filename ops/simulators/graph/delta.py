"""`/users/delta` and `/groups/delta`: pages of a first round, then of what changed since a token.

The wire as documented in "Use delta query to track changes" and "Get incremental changes for groups".
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ops.simulators.graph import groups, users
from ops.simulators.graph.directory import Directory
from ops.simulators.graph.exchange import Answer, Request, document, unsupported
from ops.simulators.graph.states import Query, State

MOST_IDS = 50  # of a $filter
ROUNDS_KEPT = 64
_ID = r"id\s+eq\s+'([^']*)'"
_FILTER = re.compile(rf"\s*{_ID}(\s+or\s+{_ID})*\s*", re.IGNORECASE)
Piece = int | tuple[str, int, int]  # a user's number; a group with a stretch of its members


@dataclass
class Paging:
    """How pages are cut, and what the service may do besides."""

    size: int = 200  # objects a page
    members: int = 1000  # members a page of groups
    empty: bool = False  # the second page is empty
    repeat: bool = False  # each page begins with the last object of the one before
    tombstones: bool = False  # removed users are in a first round too


@dataclass
class Round:
    """What a round gives: pieces in order; `related` has managers or members that changed, None in a first round."""

    pieces: Sequence[Piece]
    related: dict[int | str, list[str]] | None = None


class Delta:
    """Delta queries on a directory."""

    def __init__(self, directory: Directory, paging: Paging) -> None:
        self._directory, self.paging = directory, paging
        self._rounds: dict[tuple[Any, ...], Round] = {}

    def answer(self, request: Request, kind: str) -> Answer:
        """A page with a link to the next, or to the next round."""
        asked, root, end = request.query, f"{request.base}/v1.0", len(self._directory.log[kind])
        if token := asked.get("$skiptoken"):
            return self._page(root, *self._directory.states.read(kind, token, root))
        token = asked.get("$deltatoken", "")
        if token and token != "latest":
            query, state = self._directory.states.read(kind, token, root)
            return self._page(root, query, State(state.end, end))
        query = _query(kind, asked)
        if token:
            return self._answer(root, query, [], self._link(query, State(0, end), last=True))
        return self._page(root, query, State(-1, end))

    def _page(self, root: str, query: Query, state: State) -> Answer:
        pieces = self._round(query, state).pieces
        after = self._end_of_page(pieces, state.offset)
        if self.paging.empty and state.offset and not state.blank:
            return self._answer(root, query, [], self._link(query, state._replace(blank=1), last=False))
        first = max(0, state.offset - 1) if self.paging.repeat else state.offset
        shown = self._shown(query, state, pieces[first:after])
        link = self._link(query, state._replace(offset=after), last=after >= len(pieces))
        return self._answer(root, query, list(shown), link)

    def _end_of_page(self, pieces: Sequence[Piece], first: int) -> int:
        members, at = 0, first
        for at in range(first, min(first + self.paging.size, len(pieces))):
            piece = pieces[at]
            members += 0 if isinstance(piece, int) else piece[2] - piece[1]
            if members > self.paging.members and at > first:
                return at
        return min(at + 1, len(pieces))

    def _link(self, query: Query, state: State, last: bool) -> dict[str, str]:
        token = self._directory.states.token(query, state)
        name, parameter = ("deltaLink", "deltatoken") if last else ("nextLink", "skiptoken")
        return {f"@odata.{name}": f"{query.kind}/delta?${parameter}={token}"}

    def _answer(self, root: str, query: Query, value: list[Any], link: dict[str, str]) -> Answer:
        links = {name: f"{root}/{target}" for name, target in link.items()}
        return document({"@odata.context": f"{root}/$metadata#{query.kind}", **links, "value": value})

    def _round(self, query: Query, state: State) -> Round:
        """The round that a state is of. The last ones are kept: making one takes long, and a first round of groups that
        grow meanwhile would be cut in other places."""
        key = (query, state.start, state.end, self.paging.members)
        make = self._everything if state.start < 0 else self._changes
        found = self._rounds.pop(key, None) or make(query, state)
        self._rounds[key] = found
        while len(self._rounds) > ROUNDS_KEPT:
            del self._rounds[next(iter(self._rounds))]
        return found

    def _everything(self, query: Query, state: State) -> Round:
        directory = self._directory
        if query.kind == "users":
            numbers = range(directory.users.count)
            if query.ids is None:
                return Round(numbers)
            return Round([one for one in map(directory.users.number, query.ids) if one is not None])
        wanted = directory.groups if query.ids is None else query.ids
        found = [directory.groups[one] for one in wanted if one in directory.groups]
        there = [group for group in found if not group.removed]
        return Round([piece for group in there for piece in self._stretches(query, group.id, len(group))])

    def _changes(self, query: Query, state: State) -> Round:
        wanted, related = frozenset(query.select), dict[int | str, list[str]]()
        ids = None if query.ids is None else {self._key(query.kind, one) for one in query.ids}
        for change in self._directory.log[query.kind][state.start : state.end]:
            if (ids is None or change.key in ids) and (change.properties is None or change.properties & wanted):
                others = related.setdefault(change.key, [])
                if change.related is not None:
                    others.append(change.related)
        unique = {key: list(dict.fromkeys(others)) for key, others in related.items()}
        pieces: list[Piece] = []
        for key, others in unique.items():
            pieces += [key] if isinstance(key, int) else self._stretches(query, key, len(others))
        return Round(pieces, unique)

    def _key(self, kind: str, object_id: str) -> int | str | None:
        return self._directory.users.number(object_id) if kind == "users" else object_id

    def _stretches(self, query: Query, group_id: str, count: int) -> list[Piece]:
        if "members" not in query.select:
            return [(group_id, 0, 0)]
        step = self.paging.members
        return [(group_id, first, min(first + step, count)) for first in range(0, count or 1, step)]

    def _shown(self, query: Query, state: State, pieces: Sequence[Piece]) -> Iterator[dict[str, Any]]:
        related = self._round(query, state).related
        for piece in pieces:
            if isinstance(piece, int):
                shown = self._user(piece, query, None if related is None else related[piece])
            else:
                group_id, first, last = piece
                shown = self._group(query, group_id, first, last, None if related is None else related[group_id])
            if shown is not None:
                yield shown

    def _user(self, number: int, query: Query, changed: list[str] | None) -> dict[str, Any] | None:
        everybody = self._directory.users
        if reason := everybody.removed.get(number):
            if changed is None and not self.paging.tombstones:
                return None
            return {"id": everybody.id(number), "@removed": {"reason": reason}}
        shown = everybody.shown(number, (name for name in query.select if name != "manager"))
        if "manager" in query.select:
            manager = everybody.manager(number)
            others = [manager] if changed is None and manager else changed or []
            if others:
                shown["manager@delta"] = [self._relation(one, one == manager) for one in others]
        return shown

    def _group(self, query: Query, group_id: str, first: int, last: int, changed: list[str] | None) -> dict[str, Any]:
        directory, group = self._directory, self._directory.groups[group_id]
        if group.removed:
            return {"id": group_id, "@removed": {"reason": group.removed}}
        shown = group.shown(tuple(name for name in query.select if name != "members"))
        if changed is None:
            members = [self._relation(one, True) for one in directory.members_at(group, first, last)]
        else:
            now = (directory.is_member(group, one) and directory.is_there(one) for one in changed[first:last])
            members = [self._relation(*each) for each in zip(changed[first:last], now, strict=True)]
        # Documented: a group without members has no such property.
        return shown | ({"members@delta": members} if members else {})

    def _relation(self, object_id: str, now: bool) -> dict[str, Any]:
        """A manager or member, or one who is it no longer."""
        shown: dict[str, Any] = {"@odata.type": self._directory.kind(object_id), "id": object_id}
        return shown if now else shown | {"@removed": {"reason": "deleted"}}


def _query(kind: str, asked: dict[str, str]) -> Query:
    for name in asked:
        if name.startswith("$") and name not in ("$select", "$filter", "$deltatoken", "$skiptoken"):
            raise unsupported(f"The query parameter '{name}' is not supported with delta queries.")
    defaults, known, relation = (
        (users.DEFAULTS, users.PROPERTIES, "manager")
        if kind == "users"
        else ((*groups.DEFAULTS, "members"), groups.PROPERTIES, "members")
    )
    select = tuple(name.strip() for name in asked.get("$select", "").split(",") if name.strip()) or defaults
    users.check_select(select, known | {relation}, kind.removesuffix("s"))
    return Query(kind, select, _ids(asked["$filter"]) if "$filter" in asked else None)


def _ids(expression: str) -> tuple[str, ...]:
    found = tuple(re.findall(_ID, expression, re.IGNORECASE))
    if not _FILTER.fullmatch(expression) or len(found) > MOST_IDS:
        raise unsupported(f"Delta queries filter by 'id eq' alone, and by at most {MOST_IDS} ids.")
    return found
