"""`muster session …`: copies of a list's people."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ops.commands.acting import acting_on, at_list
from ops.commands.session_people import COMMANDS
from ops.commands.shared import REFUSED, Target, on_target, private_file, show, stop, table

if TYPE_CHECKING:
    from models.sessions.taking import Session

SHOWN = 50  # people of a kind, unless --all


@click.group("session")
def sessions() -> None:
    """Sessions: copies of a list's people at one moment, edited apart from the list."""


def _facts(one: "Session") -> dict[str, Any]:
    told = {name: getattr(one, name) for name in ("id", "name", "state", "taken", "changed", "taken_by", "taken_at")}
    return {"list_id": one.list_id, **told, "filter": one.filter.as_json()}


@sessions.command()
@click.argument("wanted", metavar="LIST")
@click.argument("name")
@click.option("--status", type=click.Choice(["active", "inactive", "all"]), default="all", show_default=True)
@click.option("--search", default="", help="Only people with these words, in any of their values.")
@click.option("--field", nargs=2, metavar="FIELD VALUE", help="Only people with this value in a field.")
@on_target
def take(
    wanted: str, name: str, status: str, search: str, field: tuple[str, str] | None, at: Target, as_json: bool
) -> None:
    """Copy the people of a list as they are at this moment.

    \b
    muster session take Staff "Timetable 2027" --status active
    muster session take Staff Choir --field Department Music
    """
    from models.fields import schema
    from models.sessions import taking

    with at_list(at, wanted) as acting:
        cursor, current, actor = acting
        key = schema.read(cursor, current.id).labelled(field[0]).key if field else None
        chosen = taking.Filter(status, search, key, field[1] if field else "")
        found = taking.find(cursor, current.id, taking.take(cursor, current.id, name, actor.who, chosen))
        acting.record("session.take", f"{found.name}, {found.taken} people")
    if as_json:
        return show(_facts(found))
    return click.echo(f"Session {found.name} has {found.taken:,} people. Its id is {found.id}.")


@sessions.command("list")
@click.argument("wanted", metavar="LIST")
@click.option("--archived", is_flag=True, help="Archived ones as well.")
@on_target
def listing(wanted: str, archived: bool, at: Target, as_json: bool) -> None:
    """The sessions of a list, newest first."""
    from models.sessions import taking

    with at_list(at, wanted) as acting:
        found = taking.listing(acting.cursor, acting.list.id, archived)
    if as_json:
        return show([_facts(one) for one in found])
    rows = ((one.name, one.state, one.taken, one.changed, one.taken_at, one.taken_by, one.id) for one in found)
    return table(rows, "NAME", "STATE", "PEOPLE", "CHANGED", "TAKEN", "BY", "ID")


@sessions.command("show")
@click.argument("wanted", metavar="LIST")
@click.argument("session")
@click.option("--search", default="", help="Only people with these words.")
@click.option("--changed", is_flag=True, help="Only people who were changed, added or removed.")
@on_target
def shown(wanted: str, session: str, search: str, changed: bool, at: Target, as_json: bool) -> None:
    """A session and its people, the first 1,000 of them; `muster session export` has them all."""
    from models.sessions import people, taking

    with at_list(at, wanted) as (cursor, current, _):
        found = taking.find(cursor, current.id, session)
        rows = people.page(cursor, found, "changed" if changed else "all", search, None, None, 1_000).rows
        counted = people.counts(cursor, found)
    labels = {field.key: field.label for field in found.fields}
    told: list[dict[str, Any]] = [
        {
            "id": one.id, "uid": one.uid, "active": one.active, "mark": one.mark or None,
            "fields": {labels[key]: value for key, value in one.fields.items() if key in labels},
        }
        for one in rows
    ]  # fmt: skip
    if as_json:
        return show(_facts(found) | {"counts": asdict(counted), "people": told})
    click.echo(f"{found.name}: {found.state}, {counted.people:,} people, {found.changed:,} changed")
    each = ((one["uid"], one["active"], one["mark"], _line(one["fields"])) for one in told)
    return table(((uid, "active" if active else "inactive", mark, text) for uid, active, mark, text in each))


def _line(fields: dict[str, Any]) -> str:
    return ", ".join(f"{label}: {value}" for label, value in fields.items())


@sessions.command()
@click.argument("wanted", metavar="LIST")
@click.argument("session")
@click.option("--all", "everybody", is_flag=True, help=f"Not the first {SHOWN} of each kind alone.")
@on_target
def compare(wanted: str, session: str, everybody: bool, at: Target, as_json: bool) -> None:
    """A session beside its list as it is now: who is only in one of them, and who differs."""
    from models.sessions import comparison, taking

    with at_list(at, wanted) as (cursor, current, _):
        found = taking.find(cursor, current.id, session)
        counted = comparison.counts(cursor, found)
        most = max(counted.copy, counted.list, counted.differ, 1) if everybody else SHOWN
        kinds = {kind: comparison.page(cursor, found, kind, None, most)[:most] for kind in comparison.KINDS}
    if as_json:
        people = {kind: [asdict(one) for one in rows] for kind, rows in kinds.items()}
        return show(_facts(found) | {"counts": asdict(counted), "people": people})
    click.echo(f"Only in the session {counted.copy:,}, only in the list {counted.list:,}, different {counted.differ:,}")
    for where, labels in (("session", counted.fields_of_copy), ("list", counted.fields_of_list)):
        if labels:
            click.echo(f"Fields that only the {where} has, which are not compared: {', '.join(labels)}")
    rows = [("only in session", one.uid, one.mark, "", "", "") for one in kinds[comparison.COPY]]
    rows += [("only in list", one.uid, one.mark, "", "", "") for one in kinds[comparison.LIST]]
    rows += [
        ("differs", one.uid, each.label, each.copy, each.snapshot, each.list)
        for one in kinds[comparison.DIFFER]
        for each in one.differences
    ]
    return table(rows, "WHO", "UID", "WHAT", "SESSION", "SNAPSHOT", "LIST NOW")


def _change(at: Target, wanted: str, session: str, act: str, state: str, as_json: bool) -> None:
    from models.sessions import taking

    with at_list(at, wanted) as acting:
        cursor, current, actor = acting
        taking.change_state(cursor, current.id, taking.find(cursor, current.id, session).id, state, actor.who)
        found = taking.find(cursor, current.id, session)
        acting.record(f"session.{act}", found.name)
    if as_json:
        return show(_facts(found))
    return click.echo(f"Session {found.name} is {found.state}.")


@sessions.command()
@click.argument("wanted", metavar="LIST")
@click.argument("session")
@on_target
def close(wanted: str, session: str, at: Target, as_json: bool) -> None:
    """Make a session read-only."""
    _change(at, wanted, session, "close", "closed", as_json)


@sessions.command()
@click.argument("wanted", metavar="LIST")
@click.argument("session")
@on_target
def reopen(wanted: str, session: str, at: Target, as_json: bool) -> None:
    """Open a closed or archived session again."""
    _change(at, wanted, session, "reopen", "open", as_json)


@sessions.command()
@click.argument("wanted", metavar="LIST")
@click.argument("session")
@on_target
def archive(wanted: str, session: str, at: Target, as_json: bool) -> None:
    """Put a session out of sight."""
    _change(at, wanted, session, "archive", "archived", as_json)


@sessions.command()
@click.argument("wanted", metavar="LIST")
@click.argument("session")
@click.option("--yes", is_flag=True, help="Do it; without, it is said what would be lost.")
@on_target
def delete(wanted: str, session: str, yes: bool, at: Target, as_json: bool) -> None:
    """Delete an archived session for good. The list is not affected."""
    from models.sessions import taking
    from ops import logs
    from ops.bell import Bell

    with at_list(at, wanted) as acting:
        cursor, list_id = acting.cursor, acting.list.id
        found = taking.find(cursor, list_id, session)
        if not yes:
            lost = f"session '{found.name}', {found.taken:,} people with {found.changed:,} changes, would be deleted"
            stop(REFUSED, f"{lost} for good: say --yes")
        job_id = taking.delete(cursor, list_id, found.id, acting.actor.who)
        acting.record("session.delete", found.name)
    logs.configure("warning")
    Bell(at.redis_url).session(list_id, job_id)
    if as_json:
        return show({"list_id": list_id, "id": found.id, "job_id": job_id})
    return click.echo(f"Session {found.name} is being deleted.")


@sessions.command()
@click.argument("wanted", metavar="LIST")
@click.argument("session")
@click.option("--to", "path", type=click.Path(path_type=Path), help="A file; otherwise stdout.")
@on_target
def export(wanted: str, session: str, path: Path | None, at: Target, as_json: bool) -> None:
    """The people of a session as CSV."""
    if path is None:
        return _write(at, wanted, session, partial(click.echo, nl=False))
    with private_file(str(path)) as file:
        _write(at, wanted, session, lambda text: file.write(text.encode()))
    if as_json:
        return show({"file": path})
    return click.echo(f"{path} is written.")


def _write(at: Target, wanted: str, session: str, write: Callable[[str], object]) -> None:
    from models import database
    from models.sessions import export as exporting

    after: str | None = None
    with database.connect(at.database_url) as opened:
        with acting_on(opened, wanted) as acting:
            list_id = acting.list.id
            found = exporting.find(acting.cursor, list_id, session)
            acting.record("session.export", found.name)
        write(exporting.head(found))
        while True:
            with database.transaction(opened, [list_id]) as cursor:
                text, after = exporting.stretch(cursor, exporting.find(cursor, list_id, found.id), after)
            write(text)
            if after is None:
                return


for command in COMMANDS:
    sessions.add_command(command)
