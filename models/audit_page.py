"""The audit log as an organisation's administrators read it: filtered, page by page, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from models.database import Cursor
from models.log_entry import EPOCH
from models.text import UUID, literal

PAGE = 50
COLUMNS = ("at", "who", "what", "list", "list_id", "detail", "address")  # of a file
# What acts are about: the first word of each action.
NOUNS = {
    "api_key": "API keys", "audit": "Audit log", "connection": "Connections", "directory": "Directory connections",
    "field": "Fields", "guard": "Guards", "hold": "Held deactivations", "import": "Imports", "list": "Lists",
    "log": "Provisioning log", "mapping": "Mappings", "operator": "Operators and sign-ins",
    "organisation": "Organisation", "people": "Exports of people", "person": "People", "session": "Sessions of lists",
    "sync": "Directory Sync", "token": "Bearer tokens",
}  # fmt: skip


class Key(NamedTuple):
    """Where an entry stands in the log."""

    at: datetime
    id: str

    def __str__(self) -> str:
        return f"{(self.at - EPOCH) // timedelta(microseconds=1)}.{self.id}"

    @classmethod
    def parse(cls, text: str | None) -> "Key | None":
        """The key that `str` wrote; anything else is none."""
        microseconds, _, entry_id = (text or "").partition(".")
        if not (microseconds.isascii() and microseconds.isdigit() and UUID.fullmatch(entry_id)):
            return None
        try:
            return cls(EPOCH + timedelta(microseconds=int(microseconds[:20])), entry_id)
        except OverflowError:
            return None


@dataclass(frozen=True, slots=True)
class Filters:
    """What is wanted of the log. Empty texts are no filter."""

    who: str = ""  # a part of an operator's address or a key's prefix, in any case
    what: str = ""  # an action, "token.issue", or what it is about, "token"
    list_id: str = ""
    since: datetime | None = None
    until: datetime | None = None  # not included

    @property
    def any(self) -> bool:
        """Whether something narrows the log."""
        return bool(self.who or self.what or self.list_id or self.since or self.until)


@dataclass(frozen=True, slots=True)
class Entry:
    """One act: who did what, about which list (its name as it is now), with which words, when and from where."""

    id: str
    at: datetime
    who: str
    what: str
    list_id: str | None
    list: str | None
    detail: str
    address: str

    @property
    def key(self) -> Key:
        """Where it stands."""
        return Key(self.at, self.id)

    def cells(self) -> tuple[str, ...]:
        """Its row in a file, in order of `COLUMNS`."""
        at = self.at.astimezone(UTC).isoformat(timespec="milliseconds")
        return at, self.who, self.what, self.list or "", self.list_id or "", self.detail, self.address


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries, newest first. `newer` and `older` are the keys that the pages around them begin at."""

    entries: Sequence[Entry]
    newer: Key | None
    older: Key | None


def page(
    cursor: Cursor, organisation_id: str, filters: Filters, older: Key | None = None, newer: Key | None = None,
    count: int = PAGE,
) -> Page:  # fmt: skip
    """The entries before a moment (`older`), or the ones that follow it (`newer`); by default the newest."""
    found = _entries(cursor, organisation_id, filters, newer or older, newer is not None, count + 1)
    more, entries = len(found) > count, found[:count]
    if newer is not None:
        entries.reverse()
    return Page(
        entries,
        entries[0].key if entries and (more if newer is not None else older is not None) else None,
        entries[-1].key if entries and (newer is not None or more) else None,
    )


def _entries(
    cursor: Cursor, organisation_id: str, filters: Filters, edge: Key | None, backwards: bool, limit: int
) -> list[Entry]:
    wanted: list[tuple[str, Sequence[Any]]] = [("e.organisation_id = %s", (organisation_id,))]
    if filters.who:
        wanted.append(("e.operator ilike %s", (f"%{literal(filters.who)}%",)))
    if filters.what:
        wanted.append(("(e.action = %s or e.action like %s)", (filters.what, f"{literal(filters.what)}.%")))
    if filters.list_id:
        wanted.append(("e.list_id = %s", (filters.list_id,)))
    if filters.since is not None:
        wanted.append(("e.at >= %s", (filters.since,)))
    if filters.until is not None:
        wanted.append(("e.at < %s", (filters.until,)))
    if edge is not None:
        wanted.append((f"(e.at, e.id) {'>' if backwards else '<'} (%s, %s::uuid)", edge))
    order = "e.at, e.id" if backwards else "e.at desc, e.id desc"
    cursor.execute(
        "select e.id::text, e.at, e.operator, e.action, e.list_id, l.name, e.detail, e.address from audit_entry e"
        f" left join master_list l on l.id = e.list_id where {' and '.join(text for text, _ in wanted)}"
        f" order by {order} limit %s",
        (*(value for _, values in wanted for value in values), limit),
    )
    return [Entry(*row) for row in cursor.fetchall()]
