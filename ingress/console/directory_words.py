"""How the console words a Directory Sync: its state, its runs, whom it pulls and when. Used by templates."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from markupsafe import Markup

from ingress.console.directory_choice import every
from models import job as jobs
from models.directory.runs import APPLY, COMPARE, FETCH, MANAGERS, MEMBERS, OVER, SETTLE, Run
from models.directory.schedule import DAY, Schedule
from models.directory.syncs import Scope

PHASES = {
    FETCH: "Reading the directory",
    MEMBERS: "Reading people who joined a group",
    MANAGERS: "Asking for managers",
    COMPARE: "Comparing with the list",
    APPLY: "Handing changes over",
    SETTLE: "Waiting until every change is in the list",
    OVER: "Over",
}
# What a run does to how many; what is at the end of the list is no change.
COUNTS = {
    "created": ("is created", "are created"),
    "adopted": ("who is in the list already is adopted", "who are in the list already are adopted"),
    "updated": ("is updated", "are updated"),
    "reactivated": ("is reactivated", "are reactivated"),
    "deactivated": ("is deactivated", "are deactivated"),
    "waiting": ("waits for a unique identifier", "wait for a unique identifier"),
    "shared": ("shares a unique identifier with somebody", "share a unique identifier with somebody"),
    "failed": ("cannot be used", "cannot be used"),
}
ACTS = {
    "created": "Created", "adopted": "Adopted", "updated": "Updated", "reactivated": "Reactivated",
    "deactivated": "Deactivated", "waiting": "Waiting", "failed": "Failed",
}  # fmt: skip
SCHEDULED = "schedule"
FIRST_TIME = "it was the first time, or what is read had changed"
MOST_NAMED = 3  # groups in one line


class Pill(NamedTuple):
    """A state as a word and a colour: ok, wait, bad or off."""

    tone: str
    words: str


def waits_until(run: Run | None, now: datetime | None = None) -> datetime | None:
    """Until when Microsoft wants a run to wait; None where it does not."""
    if run is None or not run.is_open or run.not_before is None or run.progress.phase in (COMPARE, APPLY, SETTLE):
        return None
    return run.not_before if run.not_before > (now or datetime.now(UTC)) + timedelta(seconds=1) else None


def state(runs: Sequence[Run], plan_lost: bool, holds: int = 0) -> Pill:
    """How a list's sync is, by its newest runs and how many deactivations are held."""
    latest = runs[0] if runs else None
    if plan_lost:
        return Pill("bad", "Plan lost")
    if latest and waits_until(latest):
        return Pill("wait", "Waiting for Microsoft")
    if latest and latest.is_open:
        return Pill("wait", "Previewing" if latest.progress.preview else "Running")
    if latest and latest.state == jobs.FAILED:
        return Pill("bad", "Failed")
    last = next((run for run in runs if not run.progress.preview), None)
    if last is None:
        return Pill("off", "Never run")
    if holds:
        return Pill("wait", "Deactivations held")
    return Pill("ok", "Up to date") if last.state == jobs.DONE else result(last)


def result(run: Run) -> Pill:
    """How one run is, or ended."""
    if run.is_open:
        return Pill("wait", "At work")
    if run.state == jobs.FAILED:
        return Pill("bad", "Failed")
    if run.state != jobs.DONE:
        return Pill("off", "Stopped")
    if run.progress.preview:
        return Pill("off", "Preview")
    if run.progress.plan.get("held"):
        return Pill("wait", "Held")
    return Pill("wait", "Partly done") if run.progress.refused else Pill("ok", "Done")


def is_previewed(run: Run) -> bool:
    """Whether a run has found out what it would do, and does no more."""
    return run.progress.preview and run.state == jobs.DONE and bool(run.progress.plan)


def who(by: str) -> str:
    """Who asked for a run."""
    return "the schedule" if by == SCHEDULED else by


def took(run: Run, now: datetime | None = None) -> timedelta:
    """How long a run took, or takes so far."""
    return (run.ended_at or now or datetime.now(UTC)) - run.began_at


def kind(run: Run) -> str:
    """Whether everybody was read, and why."""
    if not run.progress.full:
        return "Only what changed since the last run or preview"
    return f"Everybody was read: {run.progress.why_full or FIRST_TIME}"


def tally(plan: Mapping[str, Any]) -> list[tuple[str, int, str]]:
    """A plan in words: the kind, how many, and what becomes of them; without those of whom there are none."""
    return [(name, plan[name], one if plan[name] == 1 else many)
            for name, (one, many) in COUNTS.items() if plan.get(name)]  # fmt: skip


def scope(scope: Scope) -> str:
    """Whom a list holds."""
    if scope.groups is None:
        words = "Everybody in the directory"
    else:
        names = ", ".join(group.name for group in scope.groups[:MOST_NAMED])
        more = len(scope.groups) - MOST_NAMED
        words = f"{names} and {more} more" if more > 0 else names
    return words if scope.guests else f"{words}; guests are left out"


def schedule(schedule: Schedule) -> str:
    """When a list is synced."""
    if schedule.every_minutes is None:
        return "Only by hand"
    if schedule.every_minutes != DAY:
        return every(schedule.every_minutes)
    hour, minute = divmod(schedule.at_minute or 0, 60)
    return f"Daily at {hour:02}:{minute:02} ({schedule.time_zone})"


def at(moment: datetime, zone: str = "UTC") -> Markup:
    """A moment that is to come, in a time zone, which is named."""
    local = moment.astimezone(ZoneInfo(zone))
    return Markup('<time datetime="{}">{} {:%b}, {:%H:%M}</time> ({})').format(
        moment.isoformat(timespec="seconds"), local.day, local, local, zone
    )
