"""`muster people`, `muster log`, `muster backlog`: what there is to see."""

import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from ops.commands.shared import Target, as_text, find_list, on_target, printable, show, table

if TYPE_CHECKING:
    from models.blocked import Blocker, Late
    from models.database import Connection
    from ops.backlog import Seen

LOOK_EVERY = 0.5  # seconds
LOOKED_AT, REMEMBERED = 2_000, 20_000  # entries of a look, and those that are not printed again


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
@click.option("--follow", is_flag=True, help="Go on with what comes, oldest first, until Ctrl-C; JSON a line each.")
@on_target
def log(wanted: str, limit: int, follow: bool, at: Target, as_json: bool) -> None:
    """The provisioning log of a list, newest first.

    \b
    muster log Staff --limit 10
    muster log Staff --follow --json | jq 'select(.result == "rejected")'
    """
    from models import database, provisioning_log

    with database.connect(at.database_url) as opened:
        with database.transaction(opened) as cursor:
            list_id = find_list(cursor, wanted)
            database.allow(cursor, [list_id])
            found = provisioning_log.newest(cursor, list_id, max(limit, LOOKED_AT) if follow else limit)
        if follow:
            return _follow(opened, list_id, found, limit, as_json)
    if as_json:
        return show(found)
    return table(map(_columns, found), "AT", "OPERATION", "RESULT", "PERSON", "DETAIL")


def _columns(entry: dict[str, Any]) -> tuple[Any, ...]:
    return entry["at"], entry["operation"], entry["result"], entry["user_name"] or entry["uid"], entry["detail"] or ""


def _follow(opened: "Connection", list_id: str, found: list[dict[str, Any]], limit: int, as_json: bool) -> None:
    """Print entries as they come. Lanes are applied in any order: an older one may come after a newer one."""
    from models import database, provisioning_log

    seen: OrderedDict[int, None] = OrderedDict((entry["id"], None) for entry in found[limit:])
    while True:
        for entry in reversed(found):
            if entry["id"] not in seen:
                seen[entry["id"]] = None
                line = as_text(entry) if as_json else "  ".join(printable(str(value)) for value in _columns(entry))
                click.echo(line)
        while len(seen) > REMEMBERED:
            seen.popitem(last=False)
        time.sleep(LOOK_EVERY)
        with database.transaction(opened, [list_id]) as cursor:
            found = provisioning_log.newest(cursor, list_id, LOOKED_AT)


@click.command()
@on_target
def backlog(at: Target, as_json: bool) -> None:
    """What was accepted and is not in the lists yet; the ten lists that have waited the longest, and who blocks them.

    Workers wait for a lock in turns: where a list is late, it looks for up to three seconds.

    \b
    muster backlog
    muster backlog --json | jq '.lists[] | select(.blocked_by != [])'
    """
    from models import database, journal
    from ops.backlog import by_list

    with database.connect(at.database_url) as opened:
        with database.transaction(opened) as cursor:
            found = journal.backlog(cursor)
        waiting = by_list(opened)
    facts = {
        "pending": found.pending,
        "oldest_seconds": round(found.oldest_seconds, 3),
        "waiting": found.waiting,
        "set_aside": found.set_aside,
    }
    if as_json:
        return show(facts | {"lists": [_as_facts(one, blockers) for one, blockers in waiting]})
    return _print_backlog(facts, waiting)


def _print_backlog(facts: dict[str, Any], waiting: "Seen") -> None:
    table(facts.items(), "WHAT", "NOW")
    if waiting:
        click.echo()
        rows = (_waiting(one, blockers) for one, blockers in waiting)
        table(rows, "LIST", "ID", "PENDING", "OLDEST", "BLOCKED BY")


def _as_facts(one: "Late", blockers: "list[Blocker]") -> dict[str, Any]:
    told = {"id": one.list_id, "name": one.name, "pending": one.pending}
    told["oldest_seconds"] = round(one.oldest_seconds, 3)
    return told | {"blocked_by": [blocker._asdict() for blocker in blockers]}


def _waiting(one: "Late", blockers: "list[Blocker]") -> tuple[Any, ...]:
    from ops.backlog import who

    return one.name, one.list_id, one.pending, f"{one.oldest_seconds:.0f} s", "; ".join(map(who, blockers)) or "-"
