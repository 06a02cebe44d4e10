"""Directory Sync as the command line shows it: a list's choice, its runs, and one that is at work."""

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ops.commands.shared import table

if TYPE_CHECKING:
    from models.directory.runs import Run
    from models.directory.syncs import Sync

LOOK_EVERY = 0.2  # seconds
STEPS = 1_000  # of the bar
PHASES = {
    "fetch": "reading users", "members": "reading new members", "managers": "reading managers",
    "compare": "comparing", "apply": "applying", "settle": "waiting for workers", "over": "over",
}  # fmt: skip
# What is only there for workers to go on by.
_INNER = ("phase", "tries", "passes", "passed", "streams", "total", "done")


def run_facts(run: "Run") -> dict[str, Any]:
    """A run as one JSON document. Times in seconds."""
    import msgspec

    told = msgspec.to_builtins(run.progress)
    facts: dict[str, Any] = {"run_id": run.id, "state": run.state, "phase": run.progress.phase, "share": run.share}
    facts |= {"began_at": run.began_at, "ended_at": run.ended_at, "not_before": run.not_before}
    return facts | {name: value for name, value in told.items() if name not in _INNER}


def sync_facts(sync: "Sync", directory: str, last: "Run | None") -> dict[str, Any]:
    """A list's choice, and how far its directory was read."""
    groups = None if sync.scope.groups is None else [group._asdict() for group in sync.scope.groups]
    schedule = sync.schedule
    return {
        "list_id": sync.list_id,
        "directory": {"id": sync.connection_id, "name": directory},
        "groups": groups,
        "guests": sync.scope.guests,
        "every_minutes": schedule.every_minutes,
        "at": clock(schedule.at_minute),
        "time_zone": schedule.time_zone,
        "next_at": sync.next_at,
        "read": {name: _where(stream) for name, stream in sync.position.items()},
        "last_run": run_facts(last) if last else None,
    }


def _where(stream: dict[str, Any]) -> str:
    """How far a stream was read, without its link."""
    if stream["link"] is None:
        return "to be read from the beginning"
    return "being read from the beginning" if stream["full"] else "changes are read"


def clock(minute: int | None) -> str | None:
    """Minutes after midnight as 02:30."""
    return None if minute is None else f"{minute // 60:02}:{minute % 60:02}"


def print_sync(sync: "Sync", directory: str, last: "Run | None") -> None:
    """The same for people."""
    groups, schedule = sync.scope.groups, sync.schedule
    every, at = schedule.every_minutes, clock(schedule.at_minute)
    rows = [
        ("directory", directory),
        ("groups", "everybody" if groups is None else ", ".join(group.name for group in groups)),
        ("guests", "with" if sync.scope.guests else "without"),
        ("schedule", "only when it is asked for" if every is None else _interval(every, at, schedule.time_zone)),
        ("next run", sync.next_at),
        *((f"{name} of Graph", _where(stream)) for name, stream in sync.position.items()),
    ]
    rows += [("last run", f"{last.id}, {_state(last)}"), ("began", last.began_at)] if last else [("last run", None)]
    table(rows)


def _interval(minutes: int, at: str | None, zone: str) -> str:
    if at is not None:
        return f"daily at {at} ({zone})"
    return f"every {minutes} minutes" if minutes < 60 else f"every {minutes // 60} h"


def _state(run: "Run") -> str:
    if run.is_open:
        return f"{run.state}: {PHASES[run.progress.phase]}"
    return f"failed: {run.progress.error}" if run.progress.error else run.state


def row(run: "Run") -> tuple[Any, ...]:
    """A line of `muster sync runs`."""
    told, took = run.progress, run.ended_at and f"{(run.ended_at - run.began_at).total_seconds():.1f} s"
    kind = "preview" if told.preview else "full" if told.full else "changes"
    return (
        run.began_at, took, told.by, kind, run.state, *counts(run).values(),
        told.error or "; ".join(told.warnings) or (doing(run) if run.is_open else ""),
    )  # fmt: skip


def counts(run: "Run") -> dict[str, int]:
    """What a run came to (D3); of a preview, and until workers are done, what it would."""
    told = run.progress
    planned = {name: told.plan.get(name, 0) for name in ("created", "adopted", "updated", "reactivated", "deactivated")}
    failed = told.results.get("rejected", 0) + (told.refused or told.plan.get("failed", 0))
    return planned | {"waiting": told.plan.get("waiting", 0), "failed": failed}


def follow(look: "Callable[[], Run]", hidden: bool) -> "Run":
    """Wait for a run's end, with a bar."""
    run, at = look(), 0
    with click.progressbar(
        length=STEPS, label="sync", file=sys.stderr, hidden=hidden, show_eta=False, show_percent=True,
        item_show_func=lambda phase: str(phase or ""),
    ) as bar:  # fmt: skip
        while run.is_open:
            # What is not known leaves the bar where it is; a stream that is read anew begins anew.
            share = at if run.share is None else int(run.share * STEPS)
            bar.update(share - at, doing(run))
            at = share
            time.sleep(LOOK_EVERY)
            run = look()
        bar.update(STEPS - at, doing(run))
    return run


def doing(run: "Run") -> str:
    """What a run is at."""
    told = run.progress
    if not run.is_open:
        return run.state
    if run.not_before is not None and told.tries:
        return "Microsoft wants a pause" if told.throttled else "trying again soon"
    if run.state == "waiting" and not told.requests:
        return "waiting for a worker"
    seen = f": {told.seen:,} users" if told.phase == "fetch" and told.seen else ""
    applied = f": {told.done:,} of {told.total:,}" if told.phase == "apply" else ""
    return f"{PHASES[told.phase]}{seen}{applied}"


def print_end(run: "Run", samples: list[Any], failures: list[Any]) -> None:
    """What a run came to, for people."""
    told = run.progress
    table([("users seen", told.seen), *counts(run).items(), ("unchanged", told.unchanged)])
    if told.plan.get("held"):
        click.echo(f"Held: {told.plan['leaving']} of {told.plan['active']} active people would leave.")
    if samples:
        click.echo()
        table(samples, "CHANGE", "NAME", "USER NAME")
    for line in (*told.warnings, *(f"{one.name}: {one.error}" for one in failures)):
        click.echo(line, err=True)
