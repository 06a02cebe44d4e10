"""`muster people`, `muster log`, `muster backlog`: what there is to see."""

from collections.abc import Iterable
from typing import Any

import click

from ops.commands.shared import Target, as_text, find_list, on_target, show, table


@click.command()
@click.argument("wanted", metavar="LIST")
@click.option("--status", type=click.Choice(["active", "inactive", "all"]), default="active", show_default=True)
@on_target
def people(wanted: str, status: str, at: Target, as_json: bool) -> None:
    """The people of a list, all of them, in order of UID.

    \b
    muster people Staff
    muster people Staff --status all --json | jq length
    """
    from models import database, person

    with database.connect(at.database_url) as opened:
        with database.transaction(opened) as cursor:
            list_id = find_list(cursor, wanted)
        found = person.people(opened, list_id, status)
        if as_json:
            return _stream(found)
        return _print_people(found)


def _stream(rows: Iterable[dict[str, Any]]) -> None:
    """A JSON array, row by row: a list may be larger than this process's memory."""
    before = "["
    for row in rows:
        click.echo(before + as_text(row), nl=False)
        before = ",\n"
    click.echo("[]" if before == "[" else "]")


def _print_people(rows: Iterable[dict[str, Any]]) -> None:
    count = 0
    for count, row in enumerate(rows, start=1):  # noqa: B007 - the last number is the count
        filled = ", ".join(f"{label}: {value}" for label, value in row["fields"].items() if value is not None)
        click.echo(f"{row['uid']}  {'active' if row['active'] else 'inactive'}  {filled}".rstrip())
    click.echo(f"{count} {'person' if count == 1 else 'people'}", err=True)


@click.command()
@click.argument("wanted", metavar="LIST")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many entries."
)
@on_target
def log(wanted: str, limit: int, at: Target, as_json: bool) -> None:
    """The provisioning log of a list, newest first.

    \b
    muster log Staff --limit 10
    """
    from models import database, provisioning_log

    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        list_id = find_list(cursor, wanted)
        database.allow(cursor, [list_id])
        found = provisioning_log.newest(cursor, list_id, limit)
    if as_json:
        return show(found)
    rows = ((e["at"], e["operation"], e["result"], e["user_name"] or e["uid"], e["detail"] or "") for e in found)
    return table(rows, "AT", "OPERATION", "RESULT", "PERSON", "DETAIL")


@click.command()
@on_target
def backlog(at: Target, as_json: bool) -> None:
    """What was accepted and is not in the lists yet.

    \b
    muster backlog --json
    """
    from models import database, journal

    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        found = journal.backlog(cursor)
    facts = {
        "pending": found.pending,
        "oldest_seconds": round(found.oldest_seconds, 3),
        "waiting": found.waiting,
        "set_aside": found.set_aside,
    }
    if as_json:
        return show(facts)
    return table(facts.items(), "WHAT", "NOW")
