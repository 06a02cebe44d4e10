"""An entry of the provisioning log as pages and exports show it, and where it stands."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Key(NamedTuple):
    """Where an entry stands in the log."""

    at: datetime
    id: int

    def __str__(self) -> str:
        return f"{(self.at - EPOCH) // timedelta(microseconds=1)}.{self.id}"

    @classmethod
    def parse(cls, text: str | None) -> "Key | None":
        """The key that `str` wrote; anything else is none."""
        microseconds, dot, number = (text or "").partition(".")
        if not (dot and microseconds.isdecimal() and number.isdecimal() and len(microseconds + number) < 36):
            return None
        try:
            return cls(EPOCH + timedelta(microseconds=int(microseconds)), int(number) & (2**63 - 1))
        except OverflowError:
            return None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, with the fields of its person as they are now."""

    id: int
    at: datetime
    resource: str
    operation: str
    result: str
    waits: bool
    identity_id: str | None
    person_id: str | None
    user_name: str | None
    uid: str | None
    changes: Sequence[Mapping[str, Any]]
    detail: str | None
    request_id: str
    token_prefix: str | None
    idp: str | None
    repeats: int
    applied_at: datetime | None
    person_fields: Mapping[str, Any] | None

    @property
    def key(self) -> Key:
        """Where it stands."""
        return Key(self.at, self.id)

    @property
    def took(self) -> timedelta | None:
        """From acceptance to the list."""
        return self.applied_at - self.at if self.applied_at else None


@dataclass(frozen=True, slots=True)
class Detail:
    """An entry with what only its own page shows."""

    entry: Entry
    body: str | None
    token_label: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries, newest first. `newer` and `older` are the keys that the pages around them begin at.

    `partial` says that more was found by the search than is looked through.
    """

    entries: Sequence[Entry]
    newer: Key | None
    older: Key | None
    partial: bool = False


def rows(entries: Sequence[Entry]) -> Iterator[tuple[Entry, Mapping[str, Any]]]:
    """Each changed field with its entry; an entry that changed nothing once."""
    for entry in entries:
        for change in entry.changes or ({},):
            yield entry, change
