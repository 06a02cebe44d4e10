"""When a list is synced by itself: every so many minutes, or daily at a time of a time zone. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from models.errors import Refused
from models.text import checksum

EVERY = (15, 30, 60, 120, 240, 480, 720)  # minutes
DAY = 1440  # minutes
MOST_JITTER = 15  # minutes


@dataclass(frozen=True, slots=True)
class Schedule:
    """`every_minutes` is one of `EVERY`, or `DAY` with `at_minute` (minutes after midnight in `time_zone`, an IANA
    name); None: only when somebody asks for it."""

    every_minutes: int | None = None
    at_minute: int | None = None
    time_zone: str = "UTC"

    def checked(self) -> "Schedule":
        """The same; refused where it makes no sense."""
        if self.every_minutes not in (None, DAY, *EVERY):
            raise Refused(f"a list cannot be synced every {self.every_minutes} minutes: choose one of the intervals")
        if self.every_minutes == DAY and not (self.at_minute is not None and 0 <= self.at_minute < DAY):
            raise Refused("a daily sync needs a time of day: give one from 00:00 to 23:59")
        zone(self.time_zone)
        return self

    def next_after(self, moment: datetime, list_id: str) -> datetime | None:
        """When it is due next, later than `moment`. Runs that were missed meanwhile are one.

        Each list has its own delay after the full interval, at most a third of it, so that a thousand lists that are
        synced on the hour do not ask Microsoft in the same second.
        """
        if self.every_minutes is None:
            return None
        late = timedelta(seconds=checksum(list_id) % (60 * min(MOST_JITTER, self.every_minutes // 3)))
        if self.every_minutes == DAY:
            return self._daily_after(moment - late) + late
        step = timedelta(minutes=self.every_minutes)
        midnight = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        # One slot back, for the delay may reach into the next day.
        slots = (moment - late - midnight) // step + 1
        return midnight + slots * step + late

    def _daily_after(self, moment: datetime) -> datetime:
        local = moment.astimezone(zone(self.time_zone))
        hour, minute = divmod(self.at_minute or 0, 60)
        for days in range(3):
            day = (local + timedelta(days=days)).date()
            # A time that the clocks skip in spring is an hour later then; one that comes twice is the first.
            due = datetime(day.year, day.month, day.day, hour, minute, tzinfo=local.tzinfo).astimezone(UTC)
            if due > moment:
                return due
        raise AssertionError("no day within three has this time")


def zone(name: str) -> ZoneInfo:
    """A time zone by its IANA name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refused(f"time zone '{name[:100]}' does not exist: give an IANA name, such as Europe/Amsterdam") from None
