"""Imports as the command line shows them: one that is at work, what it came to, its refused rows as a file."""

import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from ops.commands.shared import FAILED, printable, stop, table

if TYPE_CHECKING:
    from models.database import Connection
    from models.imports.rows import Shown
    from models.imports.store import Import

LOOK_EVERY = 0.1  # seconds


def follow(opened: "Connection", one: "Import", label: str, hidden: bool) -> "Import":
    """Wait until the preview or the run is over, with a bar."""
    from models import database
    from models.imports import store

    try:
        with click.progressbar(length=one.total, label=label, file=sys.stderr, hidden=hidden, show_pos=True) as bar:
            at = 0
            while True:
                with database.transaction(opened, [one.list_id]) as cursor:
                    now = store.find(cursor, one.list_id, one.id)
                bar.update(now.done - at)
                at = now.done
                if not now.is_open:
                    break
                time.sleep(LOOK_EVERY)
    except KeyboardInterrupt:
        stop(FAILED, f"the {label} goes on; `muster people stop {one.list_id}` ends it")
    if now.state in ("failed", "stopped", "uploaded"):
        stop(FAILED, now.error or f"the {label} was stopped; `muster people resume {one.list_id}` goes on with a run")
    return now


def print_end(opened: "Connection", one: "Import", matched: Mapping[str, str], refused: "Sequence[Shown]") -> None:
    """What a preview or a run came to, for people."""
    from models import database, master_list
    from models.imports import matching

    with database.transaction(opened, [one.list_id]) as cursor:
        names = matching.names(master_list.fields(cursor, one.list_id))
    filled = (f"{column} → {names.get(target, target)}" for column, target in matched.items() if target)
    click.echo(printable(f"Matched: {', '.join(filled)}"), err=True)
    table(one.told.items(), "WOULD BE" if one.state == "previewed" else "ROWS", "HOW MANY")
    for row in refused:
        click.echo(printable(f"row {row.number}: {row.error}"), err=True)


def write_refused(opened: "Connection", one: "Import", file: BinaryIO) -> None:
    """Write the refused rows to a file, each with why."""
    from models import database
    from models.imports import rows

    file.write(rows.refused_head(one).encode())
    after: int | None = 0
    while after is not None:
        with database.transaction(opened, [one.list_id]) as cursor:
            text, after = rows.refused(cursor, one, after)
        file.write(text.encode())


def facts(one: "Import") -> dict[str, Any]:
    """An import for `--json`."""
    return {
        "list_id": one.list_id, "import_id": one.id, "file": one.name, "state": one.state, "rows": one.total,
        "done": one.done, "counts": one.told, "error": one.error, "created_by": one.created_by,
        "created_at": one.created_at,
    }  # fmt: skip
