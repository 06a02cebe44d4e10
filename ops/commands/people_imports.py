"""`muster people imports …`: what was brought into a list, stopped, gone on with, discarded."""

from typing import TYPE_CHECKING, Any

import click

from ops.commands.acting import at_list, bell, record
from ops.commands.import_shown import facts, follow
from ops.commands.shared import Target, find_list, on_target, show, table

if TYPE_CHECKING:
    from models.imports.store import Import

LATELY = 100  # imports, the newest


@click.command()
@click.argument("wanted", metavar="LIST")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="At most so many.")
@on_target
def imports(wanted: str, limit: int, at: Target, as_json: bool) -> None:
    """The imports of a list, newest first.

    \b
    muster people imports Staff
    """
    from models import database
    from models.imports import store

    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        list_id = find_list(cursor, wanted)
        database.allow(cursor, [list_id])
        found = store.listing(cursor, list_id, limit)
    if as_json:
        return show([facts(one) for one in found])
    heads = ("BROUGHT", "BY", "ID", "FILE", "STATE", "ROWS", "CREATED", "UPDATED", "UNCHANGED", "REFUSED", "LOCKED")
    return table(map(_line, found), *heads)


def _line(one: "Import") -> tuple[Any, ...]:
    counts = (one.told.get(name, 0) for name in ("created", "updated", "unchanged", "refused", "locked"))
    return one.created_at, one.created_by, one.id, one.name, one.state, one.total, *counts


@click.command("stop")
@click.argument("wanted", metavar="LIST")
@on_target
def stop_import(wanted: str, at: Target, as_json: bool) -> None:
    """End the import that is at work. What was merged stays, and `resume` goes on.

    \b
    muster people stop Staff
    """
    from models import audit
    from models.errors import Refused
    from models.imports import runs, store

    with at_list(at, wanted) as acting:
        list_id = acting.list.id
        one = next((one for one in store.listing(acting.cursor, list_id, LATELY) if one.is_open), None)
        if one is None or not runs.stop(acting.cursor, list_id, one.id):
            raise Refused("no import of this list is at work: there is nothing to stop")
        audit.record(acting.cursor, acting.actor, list_id, "import.stop", one.name)
    if as_json:
        return show({"list_id": list_id, "import_id": one.id, "stopped": True})
    return click.echo(f"Import {one.id} is stopped.")


@click.command("discard")
@click.argument("wanted", metavar="LIST")
@click.argument("import_id")
@on_target
def discard_import(wanted: str, import_id: str, at: Target, as_json: bool) -> None:
    """Forget a file that was not run, such as a preview's.

    \b
    muster people discard Staff 0197a2c4-77aa-7c43-8b21-5d6e7f809a1b
    """
    from models import audit
    from models.imports import runs, store

    with at_list(at, wanted) as acting:
        list_id = acting.list.id
        one = store.find(acting.cursor, list_id, import_id)
        runs.discard(acting.cursor, list_id, import_id)
        audit.record(acting.cursor, acting.actor, list_id, "import.discard", one.name)
    if as_json:
        return show({"list_id": list_id, "import_id": import_id, "discarded": True})
    return click.echo(f"Import {import_id} is discarded.")


@click.command()
@click.argument("wanted", metavar="LIST")
@click.argument("import_id", required=False)
@on_target
def resume(wanted: str, import_id: str | None, at: Target, as_json: bool) -> None:
    """Go on with an import that was stopped: the newest such one, or the one that is named.

    \b
    muster people resume Staff
    """
    from models import database
    from models.errors import Refused
    from models.imports import runs, store

    with database.connect(at.database_url) as opened:
        with database.transaction(opened) as cursor:
            list_id = find_list(cursor, wanted)
            database.allow(cursor, [list_id])
            found = store.listing(cursor, list_id, LATELY)
            stopped = next((one.id for one in found if one.state in ("stopped", "failed") and one.counts), None)
            chosen = import_id or stopped
            if chosen is None:
                raise Refused("no import of this list was stopped: there is nothing to go on with")
            job_id = runs.run(cursor, list_id, chosen)
            one = store.find(cursor, list_id, chosen)
            record(cursor, list_id, "import.run", one.summary)
        bell(at).people(list_id, job_id)
        one = follow(opened, one, "import", as_json)
    show(facts(one)) if as_json else table(one.told.items(), "ROWS", "HOW MANY")
