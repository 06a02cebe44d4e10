"""The groups of a simulated tenant."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

PROPERTIES = frozenset((
    "id", "displayName", "description", "mail", "mailEnabled", "mailNickname", "securityEnabled", "groupTypes",
    "createdDateTime", "visibility", "onPremisesSyncEnabled", "classification", "proxyAddresses",
))  # fmt: skip
DEFAULTS = ("displayName", "description", "mail", "mailEnabled", "mailNickname", "securityEnabled", "groupTypes")
_EMPTY: dict[str, Any] = {"groupTypes": [], "proxyAddresses": [], "mailEnabled": False, "securityEnabled": True}


@dataclass
class Group:
    """A group; members have places that nobody else gets, so that pages stay where they are when somebody leaves.

    The first places are of `share`, numbers of users who need no memory, but for those who `left`.
    """

    id: str
    properties: dict[str, Any]
    share: range = range(0)
    left: set[int] = field(default_factory=set)
    joined: list[str | None] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    removed: str | None = None

    def __len__(self) -> int:
        """How many places there are, the empty ones too."""
        return len(self.share) + len(self.joined)

    def has(self, member_id: str, number: int | None) -> bool:
        """Whether somebody, who has this number if they are a user, is a member."""
        return member_id in self.places or (number is not None and number in self.share and number not in self.left)

    def add(self, member_id: str, number: int | None) -> None:
        """Take somebody in who is none yet."""
        if number is not None and number in self.share:
            self.left.discard(number)
        else:
            self.places[member_id] = len(self.joined)
            self.joined.append(member_id)

    def remove(self, member_id: str, number: int | None) -> None:
        """Let a member go."""
        if (place := self.places.pop(member_id, None)) is not None:
            self.joined[place] = None
        elif number is not None:
            self.left.add(number)

    def at(self, first: int, last: int) -> Iterator[int | str]:
        """Who is at these places: numbers of users, then ids."""
        base = len(self.share)
        yield from (number for number in self.share[first:last] if number not in self.left)
        yield from (one for one in self.joined[max(0, first - base) : max(0, last - base)] if one is not None)

    def shown(self, select: tuple[str, ...]) -> dict[str, Any]:
        """The selected properties and the id."""
        return {name: self.properties.get(name, _EMPTY.get(name)) for name in select} | {"id": self.id}
