"""Streams of changes that Graph offers, and where each of them was read to: `directory_sync.position`.

`users` tells of everybody in the directory, `groups/0`, `groups/1` … of the members of up to 50 chosen groups each.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from models.directory.syncs import Sync
from ops.graph_errors import StateLost
from workers.directory.documents import MANAGER, PROPERTIES

MOST_IN_FILTER = 50  # ids; learn.microsoft.com/graph/api/group-delta
USERS = "users"


class Stream(msgspec.Struct, kw_only=True):
    """One stream. `link` is the next page or, when the stream was read to its end, where to look for changes; None:
    from the beginning. What was asked for is in the link: asked for otherwise, it is read anew."""

    name: str
    asked: list[str]  # the properties, or the groups' ids
    link: str | None = None
    full: bool = True  # everything is read; until the end of the round
    round: int = 0
    uncompared: bool = False  # a full round was read to its end, and not compared with what is known
    pages: int = 0  # of this round
    mark: str = ""  # the link of one of them

    @property
    def is_users(self) -> bool:
        """Whether it tells of users, and not of members."""
        return self.name == USERS

    def first(self, latest: bool = False) -> str:
        """The path that begins it; with `latest` at this moment, without what is there."""
        if self.is_users:
            select = quote(",".join(self.asked), safe=",")
            return f"/users/delta?$select={select}" + ("&$deltatoken=latest" if latest else "")
        condition = quote(" or ".join(f"id eq '{one}'" for one in self.asked), safe="'")
        return f"/groups/delta?$select=displayName,members&$filter={condition}"

    def begin_anew(self) -> None:
        """Read everything again."""
        self.link, self.full, self.uncompared, self.pages, self.mark = None, True, False, 0, ""

    def go_on(self, link: str, at_end: bool) -> None:
        """Follow the link of a page. Refused where pages go round in a circle, of whatever length (Brent's algorithm:
        each is compared with the latest whose number is a power of two)."""
        if not at_end and link in (self.link, self.mark):
            raise StateLost("Microsoft Graph sent the same page again and again")
        self.link, self.pages = link, 0 if at_end else self.pages + 1
        if self.pages & (self.pages - 1) == 0:
            self.mark = link if self.pages else ""


def wanted(sync: Sync, managers: bool) -> list[Stream]:
    """The streams of a sync in the order in which they are read: who is in the groups decides whom we keep."""
    stored = {one["name"]: msgspec.convert(one, Stream) for one in sync.position.values()}
    properties = [*PROPERTIES, *([MANAGER] if managers else [])]
    ids = sorted(group.id for group in sync.scope.groups or ())
    chunks = [ids[start : start + MOST_IN_FILTER] for start in range(0, len(ids), MOST_IN_FILTER)]
    asked = {f"groups/{number}": chunk for number, chunk in enumerate(chunks)} | {USERS: properties}
    return [_present(stored.get(name), name, what) for name, what in asked.items()]


def _present(stored: Stream | None, name: str, asked: list[str]) -> Stream:
    if stored is not None and stored.asked == asked:
        return stored
    return Stream(name=name, asked=asked)


def position(streams: Sequence[Stream]) -> dict[str, Any]:
    """Where they are, as it is stored."""
    return {one.name: msgspec.to_builtins(one) for one in streams}
