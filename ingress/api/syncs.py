"""Directory Sync of a list: whom it holds and when it is pulled; its runs, started, watched and stopped."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from ingress.api import cursors
from ingress.api.connections import Identifier
from ingress.api.cursors import Next, Paged
from ingress.api.desk import Desk
from ingress.api.operation import operation
from ingress.api.samples import GROUP_ID, LATER, OPERATOR, OTHER_ID, WHEN
from models import audit
from models.directory import runs, schedule, syncs, syncs_edit
from models.directory.connections import GUID
from models.directory.runs import Run as Stored
from models.directory.syncs import MOST_GROUPS, Scope
from models.errors import Taken, Unknown

NOUN = "Directory Sync"
PATH = "/lists/{list_id}/directory-sync"
RUNS = "/lists/{list_id}/runs"


class ChosenGroup(Struct, kw_only=True, forbid_unknown_fields=True):
    """A group of the directory, as a search finds it."""

    id: Annotated[str, Meta(pattern=f"^{GUID.pattern}$", max_length=36)]
    name: Annotated[str, Meta(min_length=1, max_length=256)]


class Schedule(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """When it is pulled by itself."""

    every_minutes: Annotated[
        Literal[15, 30, 60, 120, 240, 480, 720, 1440] | None, Meta(description="null: only when it is asked for.")
    ] = None
    at_minute: Annotated[
        Annotated[int, Meta(ge=0, lt=1440)] | None, Meta(description="Of a daily sync: minutes after midnight.")
    ] = None
    time_zone: Annotated[str, Meta(description="An IANA name.", max_length=100)] = "UTC"


class ChosenSync(Struct, kw_only=True, forbid_unknown_fields=True):
    """How a list is to be pulled."""

    connection_id: Annotated[str, Meta(description="The directory connection.", max_length=36)]
    unique_identifier: Annotated[
        Identifier | None, Meta(description="Needed to connect; afterwards it stays as it is.")
    ] = None
    groups: Annotated[
        Annotated[list[ChosenGroup], Meta(max_length=MOST_GROUPS)] | None,
        Meta(description="Whose members the list holds; null: everybody in the directory."),
    ] = None
    guests: bool = True
    schedule: Schedule = Schedule()


class Sync(Struct, kw_only=True):
    """How a list is pulled."""

    connection_id: str
    groups: list[ChosenGroup] | None
    guests: bool
    schedule: Schedule
    next_at: datetime | None


class NewRun(Struct, kw_only=True, forbid_unknown_fields=True):
    """A run to be started."""

    preview: Annotated[bool, Meta(description="Find out what it would do, and do nothing.")] = False


class Run(Struct, kw_only=True):
    """A run of a Directory Sync."""

    id: str
    state: Annotated[str, Meta(description="waiting, running, done, ended or failed.")]
    began_at: datetime
    ended_at: datetime | None
    share: Annotated[float | None, Meta(description="How much is done, from 0 to 1; null where nobody knows.")]
    progress: Annotated[
        dict[str, Any], Meta(description="What it has done, what it is at, its plan, and what went wrong.")
    ]


class Runs(Struct, kw_only=True):
    """A page of runs, newest first."""

    items: list[Run]
    next_cursor: Next = None


GROUP = ChosenGroup(id=GROUP_ID, name="All teachers")
SAMPLE = Sync(connection_id=OTHER_ID, groups=[GROUP], guests=False, schedule=Schedule(every_minutes=60), next_at=LATER)
RUN = Run(
    id=OTHER_ID, state="done", began_at=WHEN, ended_at=LATER, share=None,
    progress=runs.as_json(runs.Progress(by=OPERATOR, phase="over", seen=86, total=86, done=2)),
)  # fmt: skip
GIVEN = {
    "connection_id": OTHER_ID, "unique_identifier": "employeeNumber",
    "groups": [{"id": GROUP_ID, "name": "All teachers"}], "guests": False, "schedule": {"every_minutes": 60},
}  # fmt: skip


@operation("GET", PATH, NOUN, SAMPLE)
def get_sync(at: Desk) -> Sync:
    """Read a list's Directory Sync.

    404 where it has none.
    """
    found = syncs.of_list(at.cursor, at.list.id)
    if found is None:
        raise Unknown("this list is not connected to Directory Sync")
    groups = found.scope.groups
    chosen = None if groups is None else [ChosenGroup(id=one.id, name=one.name) for one in groups]
    members = {name: getattr(found.schedule, name) for name in Schedule.__struct_fields__}
    return Sync(
        connection_id=found.connection_id, groups=chosen, guests=found.scope.guests, schedule=Schedule(**members),
        next_at=found.next_at,
    )  # fmt: skip


@operation("PUT", PATH, NOUN, SAMPLE, GIVEN, problems=("plan", "conflict"))
def save_sync(at: Desk, body: ChosenSync) -> Sync:
    """Connect a list to Directory Sync, or change it.

    A list that nothing fills is connected; one that is pulled already is pulled so from its next run on. Disconnect it
    as any other connection.
    """
    groups = None if body.groups is None else [syncs.Group(one.id.lower(), one.name) for one in body.groups]
    when = schedule.Schedule(body.schedule.every_minutes, body.schedule.at_minute, body.schedule.time_zone)
    scope, identifier = Scope(groups, body.guests), body.unique_identifier or ""
    syncs_edit.put_in_force(at.cursor, at.caller, at.list, body.connection_id.lower(), identifier, scope, when)
    found: Sync = get_sync.handler(at)
    return found


@operation("GET", RUNS, NOUN, Runs(items=[RUN]))
def list_runs(at: Desk, query: Paged) -> Runs:
    """List runs.

    Newest first; the last 500 are kept.
    """
    before = cursors.read("runs", query.cursor, datetime)
    found = runs.listing(at.cursor, at.list.id, query.limit + 1, before)
    shown = found[: query.limit]
    last = shown[-1].began_at if len(found) > query.limit else None
    return Runs(items=[_run(one) for one in shown], next_cursor=cursors.write("runs", last))


def _run(one: Stored) -> Run:
    return Run(
        id=one.id, state=one.state, began_at=one.began_at, ended_at=one.ended_at, share=one.share,
        progress=msgspec.to_builtins(one.progress),
    )  # fmt: skip


@operation("POST", RUNS, NOUN, RUN, {"preview": False}, status=201, problems=("plan", "conflict"))
def start_run(at: Desk, body: NewRun) -> Run:
    """Start a run.

    Pulls the list now, or with `preview` finds out what that would do. Read the run to see how far it is.
    """
    run_id = runs.start(at.cursor, at.list.id, at.caller.who, body.preview)
    audit.record(at.cursor, at.caller, at.list.id, "sync.preview" if body.preview else "sync.start")
    list_id, bell = at.list.id, at.office.bell
    at.after.append(lambda: bell.sync(list_id, run_id))
    at.headers["Location"] = f"/api/v1/lists/{list_id}/runs/{run_id}"
    return _run(_found(at, run_id))


def _found(at: Desk, run_id: str) -> Stored:
    found = runs.find(at.cursor, at.list.id, run_id) if GUID.fullmatch(run_id) else None
    if found is None:
        raise Unknown("this run is forgotten, or none of this list's: only the newest ones are kept")
    return found


@operation("GET", RUNS + "/{run_id}", NOUN, RUN)
def get_run(at: Desk, run_id: str) -> Run:
    """Read a run."""
    return _run(_found(at, run_id))


@operation("POST", RUNS + "/{run_id}/stop", NOUN, RUN, problems=("conflict",))
def stop_run(at: Desk, run_id: str) -> Run:
    """Stop a run.

    What it has pulled and applied stays, and the next run goes on from there.
    """
    if not _found(at, run_id).is_open or not runs.stop(at.cursor, at.list.id):
        raise Taken("this run is over already")
    audit.record(at.cursor, at.caller, at.list.id, "sync.stop")
    return _run(_found(at, run_id))


OPERATIONS = [get_sync, save_sync, list_runs, start_run, get_run, stop_run]
