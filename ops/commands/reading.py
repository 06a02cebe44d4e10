"""`muster backlog`: what waits."""

from typing import TYPE_CHECKING, Any

import click

from ops.commands.shared import Target, on_target, show, table

if TYPE_CHECKING:
    from models.blocked import Blocker, Late
    from ops.backlog import Seen


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
