"""A user or a group as readers see it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

Document = dict[str, Any]
Membership = tuple[str, str]  # a group's id and display name
USER, GROUP = "user", "group"


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of a resource, apart from its list."""

    id: str
    document: Document
    version: int
    created: datetime
    modified: datetime
    groups: tuple[Membership, ...] = ()  # of a user
    member_count: int = 0  # of a group
    members: list[str] | None = None  # of a group whose members are shown
    resource: str = USER

    def but(self, **values: Any) -> Self:
        """The same with other values."""
        return replace(self, **values)
