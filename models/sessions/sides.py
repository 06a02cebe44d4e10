"""The two sides of a comparison: what of a copy and its list can be compared, and where they do not say the same.

Fields that only one side has (any more) are named once, not for each person; values of a field that was given
another type meanwhile are compared as text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models import master_list
from models.database import Cursor
from models.mapping import Field
from models.search import Sql
from models.sessions.taking import Session


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one person: the copy's value, the snapshot's, and the list's now."""

    label: str
    copy: Any
    snapshot: Any
    list: Any


@dataclass(frozen=True, slots=True)
class Sides:
    """The fields of both sides, by whom they are on."""

    session: Session
    common: Sequence[Field]  # as the copy calls them
    retyped: Sequence[str]
    copy: Sequence[Field]
    list: Sequence[Field]
    retired: Sequence[str]  # keys of fields that the list had, of which values may be left

    def differs(self) -> Sql:
        """Whether a person of the copy `s` is another than in the list `p`."""
        # What only one side has, or had, is taken out of its values; what remains is compared at one go.
        mine = [field.key for field in self.copy] + list(self.retyped)
        theirs = [field.key for field in self.list] + [*self.retyped, *self.retired]
        text = "s.uid <> p.uid or s.active <> p.active or s.fields - %s::text[] <> p.fields - %s::text[]"
        text += "".join(" or s.fields ->> %s is distinct from p.fields ->> %s" for _ in self.retyped)
        return Sql(f"({text})", (mine, theirs, *(key for key in self.retyped for _ in range(2))))


def sides(cursor: Cursor, session: Session) -> Sides:
    """Which fields can be compared."""
    now = {field.key: field for field in master_list.fields(cursor, session.list_id) if not field.uid}
    mine = {field.key: field for field in session.fields if not field.uid}
    common = [field for key, field in mine.items() if key in now]
    return Sides(
        session,
        common,
        [field.key for field in common if field.type != now[field.key].type],
        [field for key, field in mine.items() if key not in now],
        [field for key, field in now.items() if key not in mine],
        sorted(master_list.retired(cursor, session.list_id)),
    )


def three(
    found: Sides, copy: Mapping[str, Any], snapshot: Mapping[str, Any] | None, now: Mapping[str, Any] | None
) -> list[Difference]:
    """Where copy, snapshot and list do not say the same of one person; of each: uid, active and fields."""
    rows = [Difference("UID", *(one and one["uid"] for one in (copy, snapshot, now)))]
    rows.append(Difference("Status", *(one and _status(one["active"]) for one in (copy, snapshot, now))))
    rows += [
        Difference(field.label, *(one and one["fields"].get(field.key) for one in (copy, snapshot, now)))
        for field in found.common
    ]
    return [one for one in rows if not _same(one, snapshot is None, now is None)]


def _status(active: bool) -> str:
    return "Active" if active else "Inactive"


def _same(one: Difference, no_snapshot: bool, no_list: bool) -> bool:
    others = [*([] if no_snapshot else [one.snapshot]), *([] if no_list else [one.list])]
    return all(_text(other) == _text(one.copy) for other in others)


def _text(value: Any) -> str:
    return "" if value is None else str(value)
