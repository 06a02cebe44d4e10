"""What an operator chooses for a list's Directory Sync, as it was typed: it survives every trip of the form."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import available_timezones

from models.directory.schedule import DAY, EVERY, Schedule
from models.directory.syncs import Group, Scope, Sync
from models.errors import Refused
from models.text import UUID, is_line
from ops.graph_look import FoundGroup

LONGEST_NAME = 256  # characters of a group's name, as in Entra ID
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
ZONES = ("UTC", *sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")))
EVERYBODY, GROUPS = "everybody", "groups"


@dataclass(frozen=True, slots=True)
class Choice:
    """The form. `found` is what the last search of the connection `found_of` found."""

    connection_id: str = ""
    unique_identifier: str = "employeeNumber"
    whom: str = GROUPS
    groups: Sequence[Group] = ()
    without_guests: bool = False
    every: str = ""
    at: str = "02:00"
    time_zone: str = "UTC"
    search: str = ""
    found: Sequence[FoundGroup] | None = field(default=None)
    found_of: str = ""

    def with_group(self, text: str) -> "Choice":
        """With one more group, of those that were found."""
        return replace(
            self, whom=GROUPS, groups=tuple({one.id: one for one in (*self.groups, *_groups([text]))}.values())
        )

    def without_group(self, group_id: str) -> "Choice":
        """With one group fewer."""
        return replace(self, groups=tuple(one for one in self.groups if one.id != group_id))

    @property
    def scope(self) -> Scope:
        """Whom it means."""
        return Scope(None if self.whom == EVERYBODY else tuple(self.groups), not self.without_guests)

    @property
    def schedule(self) -> Schedule:
        """When it means; refused where it is no time."""
        if not self.every:
            return Schedule()
        every = int(self.every) if self.every.isascii() and self.every.isdigit() and len(self.every) < 6 else 0
        if every != DAY:
            return Schedule(every)
        time = _TIME.fullmatch(self.at.strip())
        if time is None:
            raise Refused("a daily sync needs a time of day: give one from 00:00 to 23:59")
        return Schedule(DAY, int(time[1]) * 60 + int(time[2]), self.time_zone)


def of_sync(sync: Sync) -> Choice:
    """What a list has."""
    scope, schedule = sync.scope, sync.schedule
    given = Choice(sync.connection_id, whom=EVERYBODY if scope.groups is None else GROUPS)
    given = replace(given, groups=tuple(scope.groups or ()), without_guests=not scope.guests)
    if schedule.every_minutes is None:
        return given
    given = replace(given, every=str(schedule.every_minutes), time_zone=schedule.time_zone)
    if schedule.at_minute is None:
        return given
    return replace(given, at=f"{schedule.at_minute // 60:02}:{schedule.at_minute % 60:02}")


def of_form(form: dict[str, Any]) -> Choice:
    """What was sent."""
    text = {name: str(value) for name, value in form.items() if not isinstance(value, list)}
    connection_id = text.get("connection", "")
    # What another directory has is of no use here.
    kept = bool(connection_id) and text.get("found_of") == connection_id
    return Choice(
        connection_id, text.get("uid", ""), text.get("whom", GROUPS), tuple(_groups(_several(form.get("group")))),
        "without_guests" in form, text.get("every", ""), text.get("at", ""), text.get("time_zone", "UTC"),
        text.get("q", "").strip(), tuple(_found(_several(form.get("found")))) if kept else None,
        connection_id if kept else "",
    )  # fmt: skip


def _several(value: Any) -> list[str]:
    """What a form has sent under one name."""
    return [str(each) for each in value] if isinstance(value, list) else [] if value is None else [str(value)]


def _groups(texts: Iterable[str]) -> list[Group]:
    """Groups as the form holds them: the object id, a space, the name."""
    parts = (text.partition(" ") for text in texts)
    return [Group(one, name) for one, _, name in parts if UUID.fullmatch(one) and is_line(name, LONGEST_NAME)]


def _found(texts: Iterable[str]) -> list[FoundGroup]:
    """Found groups as the form holds them: the object id, how many members or "-", the name."""
    parts = [text.split(" ", 2) for text in texts]
    return [
        FoundGroup(one[0], one[2], int(one[1]) if one[1].isascii() and one[1].isdigit() else None)
        for one in parts
        if len(one) == 3 and UUID.fullmatch(one[0])
    ]


def intervals() -> list[tuple[str, str]]:
    """The schedules that can be chosen: what the form sends, and the words."""
    return [("", "Only by hand"), *((str(each), every(each)) for each in EVERY), (str(DAY), "Daily")]


def every(minutes: int) -> str:
    """An interval in words."""
    if minutes < 60:
        return f"Every {minutes} minutes"
    return "Every hour" if minutes == 60 else f"Every {minutes // 60} hours"
