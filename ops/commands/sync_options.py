"""How lists are synced, as options of `muster sync connect` and `muster sync change`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ops.commands.directories import asking, client
from ops.commands.shared import Command, Target

if TYPE_CHECKING:
    from models.directory.connections import DirectoryConnection
    from models.directory.schedule import Schedule
    from models.directory.syncs import Group, Scope

DAILY, NEVER = "1d", "never"
EVERY = {"15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "8h": 480, "12h": 720, DAILY: 1440}  # minutes


class TimeOfDay(click.ParamType[int]):
    """A time such as 02:30, as minutes after midnight."""

    name = "hh:mm"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The minutes."""
        if isinstance(value, int):
            return value
        hour, _, minute = str(value).partition(":")
        if not (hour.isdecimal() and minute.isdecimal() and len(minute) == 2 and int(hour) < 24 and int(minute) < 60):
            self.fail(f"'{value}' is no time of day: write 02:30", param, ctx)
        return int(hour) * 60 + int(minute)


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--directory", "directory", metavar="NAME|ID", help="The directory connection."),
    click.option("--group", "groups", multiple=True, metavar="NAME|ID", help="Members of this group; several times."),
    click.option("--everybody", is_flag=True, help="Everybody in the directory, whatever their groups."),
    click.option("--guests/--no-guests", default=None, help="With or without guests.  [default: with]"),
    click.option("--every", type=click.Choice([*EVERY, NEVER]), help="How often by itself.  [default: never]"),
    click.option("--at", "at_minute", type=TimeOfDay(), help="Daily at this time."),
    click.option("--time-zone", help="Of --at, an IANA name.  [default: UTC]"),
)


def options(command: Command) -> Command:
    """The options of a sync."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True)
class Chosen:
    """What was said on the command line; None: nothing."""

    directory: str | None
    groups: tuple[str, ...]
    everybody: bool
    guests: bool | None
    every: str | None
    at_minute: int | None
    time_zone: str | None

    def check(self) -> None:
        """UsageError where two options contradict each other."""
        if self.groups and self.everybody:
            raise click.UsageError("--group and --everybody contradict each other")
        if self.at_minute is not None and self.every not in (None, DAILY):
            raise click.UsageError("--at is the time of a daily sync: leave --every out, or say --every 1d")

    @property
    def is_empty(self) -> bool:
        """Whether nothing was said at all."""
        return self == Chosen(None, (), False, None, None, None, None)

    def scope(self, present: "Scope", found: "tuple[Group, ...]") -> "Scope":
        """Whom the list is to hold; `found` are the groups that were named."""
        from models.directory.syncs import Scope

        groups = None if self.everybody else found or present.groups
        return Scope(groups, present.guests if self.guests is None else self.guests)

    def schedule(self, present: "Schedule") -> "Schedule":
        """When it is to be synced; refused where a daily one has no time."""
        from models.directory.schedule import Schedule

        zone = self.time_zone or present.time_zone
        every = self.every or (DAILY if self.at_minute is not None else None)
        if every is None:
            return Schedule(present.every_minutes, present.at_minute, zone).checked()
        if every != DAILY:
            return Schedule(EVERY.get(every), None, zone).checked()
        at_minute = present.at_minute if self.at_minute is None else self.at_minute
        return Schedule(EVERY[DAILY], at_minute, zone).checked()

    def found_groups(self, at: Target, one: "DirectoryConnection") -> "tuple[Group, ...]":
        """The groups that were named, as the directory has them."""
        from ops.graph_look import find_group

        if not self.groups:
            return ()
        with asking():
            graph = client(at, one)
            return tuple(find_group(graph, wanted) for wanted in self.groups)
