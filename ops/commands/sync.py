"""`muster sync …`: lists that are pulled from a directory (Entra ID)."""

from typing import TYPE_CHECKING, Any

import click

from ops.commands.acting import at_list, of_list, somebody
from ops.commands.directories import find_connection
from ops.commands.shared import FAILED, Target, find_list, on_target, show, stop, table
from ops.commands.sync_options import Chosen, options

if TYPE_CHECKING:
    from models.database import Connection
    from models.directory.runs import Run
    from models.directory.syncs import Sync

SHOWN = 20  # failures


@click.group()
def sync() -> None:
    """Directory Sync: pull lists from Entra ID, by hand or by a schedule."""


@sync.command()
@click.argument("wanted", metavar="LIST")
@click.option(
    "--uid", default="userName", show_default=True, help="Unique identifier: employeeNumber, userName, email."
)
@options
@on_target
def connect(wanted: str, uid: str, at: Target, as_json: bool, **said: Any) -> None:
    """Connect a list to a directory. Nothing is pulled before the first run.

    \b
    muster sync connect Staff --directory North
    muster sync connect Staff --directory North --group "All staff" --no-guests --every 1h
    muster sync connect Staff --directory North --at 02:30 --time-zone Europe/Amsterdam
    """
    from models import audit, database, organisation
    from models.directory import connections, syncs
    from models.directory.schedule import Schedule

    chosen = Chosen(**said)
    chosen.check()
    if chosen.directory is None:
        raise click.UsageError("say which directory: --directory NAME")
    schedule = chosen.schedule(Schedule())
    with database.connect(at.database_url) as opened:
        with database.transaction(opened) as cursor:
            list_id = find_list(cursor, wanted)
            owner = organisation.of_list(cursor, list_id)
            organisation.require(organisation.plan_of(cursor, owner), organisation.DIRECTORY)
            one = find_connection(connections.listing(cursor, owner), chosen.directory)
        scope = chosen.scope(syncs.Scope(None), chosen.found_groups(at, one))
        with database.transaction(opened, [list_id]) as cursor:
            actor = somebody(owner)
            syncs.connect(cursor, owner, list_id, one.id, uid, scope, schedule, actor.who)
            audit.record(cursor, actor, list_id, "connection.connect", f"Directory Sync, {uid}")
    if as_json:
        return show({"list_id": list_id, "directory": {"id": one.id, "name": one.name}})
    return click.echo(f"List {list_id} is connected to {one.name}. Next: muster sync run {list_id} --preview")


@sync.command()
@click.argument("wanted", metavar="LIST")
@options
@on_target
def change(wanted: str, at: Target, as_json: bool, **said: Any) -> None:
    """Pull a list another way from the next run on; what is not said stays. --group replaces all groups.

    \b
    muster sync change Staff --group "All staff" --group Interns
    muster sync change Staff --every never
    """
    from models import audit, database, organisation
    from models.directory import connections, syncs

    chosen = Chosen(**said)
    chosen.check()
    if chosen.is_empty:
        raise click.UsageError("say what changes: --directory, --group, --everybody, --guests, --every, --at …")
    with database.connect(at.database_url) as opened:
        list_id, present = _found(opened, wanted)
        with database.transaction(opened) as cursor:
            owner = organisation.of_list(cursor, list_id)
            there = connections.listing(cursor, owner)
        one = find_connection(there, chosen.directory or present.connection_id)
        scope = chosen.scope(present.scope, chosen.found_groups(at, one))
        schedule = chosen.schedule(present.schedule)
        with database.transaction(opened, [list_id]) as cursor:
            changed = syncs.change(cursor, owner, list_id, one.id, scope, schedule)
            if changed:
                audit.record(cursor, somebody(owner), list_id, "sync.change", ", ".join(changed))
    if as_json:
        return show({"list_id": list_id, "changed": changed})
    return click.echo(f"Changed: {', '.join(changed)}." if changed else "Nothing differs from what it was.")


def _found(opened: "Connection", wanted: str) -> "tuple[str, Sync]":
    """A list that is synced, and how."""
    from models import database
    from models.directory import syncs
    from models.errors import Refused

    with database.transaction(opened) as cursor:
        list_id = find_list(cursor, wanted)
        database.allow(cursor, [list_id])
        found = syncs.of_list(cursor, list_id)
    if found is None:
        raise Refused("this list is not connected to Directory Sync: `muster sync connect` does")
    return list_id, found


@sync.command()
@click.argument("wanted", metavar="LIST")
@click.option("--preview", is_flag=True, help="Say what a run would do, and do nothing.")
@click.option("--wait/--no-wait", default=True, help="Until it is over.")
@on_target
def run(wanted: str, preview: bool, wait: bool, at: Target, as_json: bool) -> None:
    """Pull a list now. Workers do it; Ctrl-C ends the waiting alone. Exit code 1 if the run fails or is stopped.

    \b
    muster sync run Staff --preview
    muster sync run Staff --no-wait
    """
    from models import audit, database
    from models.directory import runs
    from ops import logs
    from ops.bell import Bell

    logs.configure("warning")  # the bell tells when nobody hears it, and stdout is for the document
    with database.connect(at.database_url) as opened:
        list_id, _ = _found(opened, wanted)
        with database.transaction(opened, [list_id]) as cursor:
            actor = of_list(cursor, list_id)
            run_id = runs.start(cursor, list_id, actor.who, preview)
            audit.record(cursor, actor, list_id, "sync.preview" if preview else "sync.start")
        Bell(at.redis_url).sync(list_id, run_id)
        if wait:
            return _wait(opened, list_id, run_id, as_json)
    if as_json:
        return show({"list_id": list_id, "run_id": run_id, "state": "waiting"})
    return click.echo(f"Run {run_id} is begun. `muster sync runs {list_id}` shows how far it is.")


def _wait(opened: "Connection", list_id: str, run_id: str, as_json: bool) -> None:
    from models import database
    from models.directory import plan, runs
    from ops.commands.sync_shown import follow, print_end, run_facts

    def look() -> "Run":
        with database.transaction(opened, [list_id]) as cursor:
            found = runs.find(cursor, list_id, run_id)
        assert found
        return found

    try:
        over = follow(look, as_json)
    except KeyboardInterrupt:
        stop(FAILED, f"the run goes on; `muster sync stop {list_id}` ends it")
    with database.transaction(opened, [list_id]) as cursor:
        samples = plan.samples(cursor, list_id) if over.progress.preview else []
        failures = plan.failures(cursor, list_id, SHOWN)
    if as_json:
        told = {"samples": [one._asdict() for one in samples], "failures": [one._asdict() for one in failures]}
        show({"list_id": list_id, **run_facts(over), **told})
    else:
        print_end(over, samples, failures)
    if over.state != "done":
        stop(FAILED, over.progress.error or "the run was stopped; the next one goes on from there")


@sync.command("show")
@click.argument("wanted", metavar="LIST")
@on_target
def show_one(wanted: str, at: Target, as_json: bool) -> None:
    """How a list is pulled, when next, and how the last run went.

    \b
    muster sync show Staff
    """
    from models import database
    from models.directory import runs, syncs
    from ops.commands.sync_shown import print_sync, sync_facts

    with database.connect(at.database_url) as opened:
        list_id, present = _found(opened, wanted)
        with database.transaction(opened, [list_id]) as cursor:
            directory, last = syncs.credentials(cursor, list_id).name, runs.latest(cursor, list_id)
    show(sync_facts(present, directory, last)) if as_json else print_sync(present, directory, last)


@sync.command("runs")
@click.argument("wanted", metavar="LIST")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="At most so many.")
@on_target
def listing(wanted: str, limit: int, at: Target, as_json: bool) -> None:
    """The runs of a list, newest first.

    \b
    muster sync runs Staff --limit 5
    """
    from models.directory import runs
    from ops.commands.sync_shown import row, run_facts

    with at_list(at, wanted) as acting:
        found = runs.listing(acting.cursor, acting.list.id, limit)
    if as_json:
        return show([run_facts(one) for one in found])
    heads = ("BEGAN", "TOOK", "BY", "KIND", "STATE", "CREATED", "ADOPTED", "UPDATED", "REACTIVATED", "DEACTIVATED")
    return table(map(row, found), *heads, "WAITING", "FAILED", "DETAIL")


@sync.command("stop")
@click.argument("wanted", metavar="LIST")
@on_target
def end(wanted: str, at: Target, as_json: bool) -> None:
    """Stop the run that is at work. What it has pulled and applied stays, and the next run goes on from there.

    \b
    muster sync stop Staff
    """
    from models.directory import runs
    from models.errors import Refused

    with at_list(at, wanted) as acting:
        list_id = acting.list.id
        if not runs.stop(acting.cursor, list_id):
            raise Refused("no run of this list is at work: there is nothing to stop")
        acting.record("sync.stop")
    show({"list_id": list_id, "stopped": True}) if as_json else click.echo(f"The run of list {list_id} is stopped.")
