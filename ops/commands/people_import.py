"""`muster people import …`: people out of a CSV file."""

import io
import shutil
import sys
import tempfile
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from ops.commands.shared import FAILED, Target, find_list, on_target, private_file, show, stop, table, whoami

if TYPE_CHECKING:
    from models.database import Connection
    from models.imports.matching import Matching
    from models.imports.store import Import

SHOWN = 20  # refused rows
LOOK_EVERY = 0.1  # seconds


@click.command("import")
@click.argument("wanted", metavar="LIST")
@click.argument("file", type=click.File("rb"))
@click.option("--map", "said", metavar="COLUMN=FIELD", multiple=True, help='What a column fills; "" for nothing.')
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--clear-empty", is_flag=True, help="An empty cell clears what the person has.")
@click.option("--day-first", "dates", flag_value="day", help="03/04/2026 is 3 April.")
@click.option("--month-first", "dates", flag_value="month", help="03/04/2026 is 4 March.")
@click.option("--decimal-comma", is_flag=True, help="1.234,5 is a number.")
@click.option("--errors", type=click.Path(dir_okay=False), help="Write the refused rows there, each with its error.")
@click.option("--wait/--no-wait", default=True, help="Until it is over.")
@on_target
def bring(
    wanted: str, file: BinaryIO, said: tuple[str, ...], dry_run: bool, clear_empty: bool, dates: str | None,
    decimal_comma: bool, errors: str | None, wait: bool, at: Target, as_json: bool,
) -> None:  # fmt: skip
    """Bring people of a CSV file into a list: whose UID is there is updated, the others are created.

    Columns are matched to fields by their names; --map says otherwise. Fields that an identity provider writes stay as
    they are, of people whom it has sent. Workers do it; Ctrl-C ends the waiting alone. Exit code 1 if rows are refused.

    \b
    muster people import Staff joiners.csv --dry-run
    muster people import Staff joiners.csv --map "Staff ID=UID" --map "Notes=" --day-first --errors wrong.csv
    """
    from models import database
    from models.imports import runs
    from ops import logs
    from ops.bell import Bell

    logs.configure("warning")  # the bell tells when nobody hears it, and stdout is for the document
    if (dry_run or errors) and not wait:
        raise click.UsageError("--dry-run and --errors need the end to be waited for")
    with database.connect(at.database_url) as opened:
        one, matching = _stage(opened, wanted, file, said, dates or "iso", decimal_comma, clear_empty)
        bell, where = Bell(at.redis_url), (one.list_id, one.id)
        with database.transaction(opened, [one.list_id]) as cursor:
            job_id = runs.preview(cursor, *where, matching)
        bell.people(one.list_id, job_id)
        one = _follow(opened, one, "preview", as_json)
        if not dry_run:
            with database.transaction(opened, [one.list_id]) as cursor:
                job_id = runs.run(cursor, *where)
            bell.people(one.list_id, job_id)
            if not wait:
                return _begun(one, as_json)
            one = _follow(opened, one, "import", as_json)
        return _end(opened, one, matching, errors, as_json)


def _stage(
    opened: "Connection", wanted: str, file: BinaryIO, said: tuple[str, ...], dates: str, comma: bool, clear: bool
) -> "tuple[Import, Matching]":
    """The file's rows kept, and how its columns are matched."""
    import msgspec

    from models import connection, database, master_list
    from models.imports import matching, store

    pairs = dict(_pair(one) for one in said)
    with database.transaction(opened) as cursor:
        list_id = find_list(cursor, wanted)
        database.allow(cursor, [list_id])
        one = store.stage(cursor, list_id, getattr(file, "name", ""), whoami(), _seekable(file))
        identifier = connection.unique_identifier(cursor, list_id)
        found = matching.by_names(one.columns, master_list.fields(cursor, list_id), pairs, identifier)
        found = msgspec.structs.replace(found, dates=dates, comma=comma, clear=clear)
        matching.check(found, one.columns, master_list.fields(cursor, list_id))
    return one, found


def _pair(said: str) -> tuple[str, str]:
    column, sign, target = said.rpartition("=")
    if not sign:
        raise click.UsageError(f"--map takes COLUMN=FIELD, not '{said}'")
    return column.strip(), target.strip()


def _seekable(file: BinaryIO) -> BinaryIO:
    if file.seekable():
        return file
    kept = tempfile.TemporaryFile()  # noqa: SIM115 - it goes with the process
    shutil.copyfileobj(file, kept)
    return kept


def _follow(opened: "Connection", one: "Import", label: str, hidden: bool) -> "Import":
    """Wait until the preview or the run is over, with a bar."""
    import time

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


def _begun(one: "Import", as_json: bool) -> None:
    if as_json:
        return show({"list_id": one.list_id, "import_id": one.id, "state": "running"})
    return click.echo(f"Import {one.id} is begun. `muster people imports {one.list_id}` shows how far it is.")


def _end(opened: "Connection", one: "Import", matching: "Matching", errors: str | None, as_json: bool) -> None:
    from models import database, master_list
    from models.imports import matching as matchings
    from models.imports import rows

    with database.transaction(opened, [one.list_id]) as cursor:
        refused, _ = rows.page(cursor, one, "refused", count=SHOWN)
    matched = dict(zip(one.columns, matching.targets, strict=True))
    if errors:
        _write_refused(opened, one, errors)
    if as_json:
        lines = [{"row": row.number, "error": row.error} for row in refused]
        show({**facts(one), "matching": matched, "refused_rows": lines})
    else:
        with database.transaction(opened, [one.list_id]) as cursor:
            names = matchings.names(master_list.fields(cursor, one.list_id))
        filled = (f"{column} → {names.get(target, target)}" for column, target in matched.items() if target)
        click.echo(f"Matched: {', '.join(filled)}", err=True)
        table(one.told.items(), "WOULD BE" if one.state == "previewed" else "ROWS", "HOW MANY")
        for row in refused:
            click.echo(f"row {row.number}: {row.error}", err=True)
    left = one.told.get("refused", 0)
    if left:
        told = f"{left:,} {'row is' if left == 1 else 'rows are'} refused"
        stop(FAILED, f"{told}: see {errors}" if errors else told)


def _write_refused(opened: "Connection", one: "Import", path: str) -> None:
    from models import database
    from models.imports import rows

    with private_file(path) as file:
        out = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
        out.write(rows.refused_head(one))
        after: int | None = 0
        while after is not None:
            with database.transaction(opened, [one.list_id]) as cursor:
                text, after = rows.refused(cursor, one, after)
            out.write(text)
        out.detach()


def facts(one: "Import") -> dict[str, Any]:
    """An import for `--json`."""
    return {
        "list_id": one.list_id, "import_id": one.id, "file": one.name, "state": one.state, "rows": one.total,
        "done": one.done, "counts": one.told, "error": one.error, "created_by": one.created_by,
        "created_at": one.created_at,
    }  # fmt: skip


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
    from models import database
    from models.errors import Refused
    from models.imports import runs, store

    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        list_id = find_list(cursor, wanted)
        database.allow(cursor, [list_id])
        at_work = next((one for one in store.listing(cursor, list_id, 100) if one.is_open), None)
        if at_work is None or not runs.stop(cursor, list_id, at_work.id):
            raise Refused("no import of this list is at work: there is nothing to stop")
    if as_json:
        return show({"list_id": list_id, "import_id": at_work.id, "stopped": True})
    return click.echo(f"Import {at_work.id} is stopped.")


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
    from ops.bell import Bell

    with database.connect(at.database_url) as opened:
        with database.transaction(opened) as cursor:
            list_id = find_list(cursor, wanted)
            database.allow(cursor, [list_id])
            found = store.listing(cursor, list_id, 100)
            stopped = next((one.id for one in found if one.state in ("stopped", "failed") and one.counts), None)
            chosen = import_id or stopped
            if chosen is None:
                raise Refused("no import of this list was stopped: there is nothing to go on with")
            job_id = runs.run(cursor, list_id, chosen)
        Bell(at.redis_url).people(list_id, job_id)
        with database.transaction(opened, [list_id]) as cursor:
            one = store.find(cursor, list_id, chosen)
        one = _follow(opened, one, "import", as_json)
    show(facts(one)) if as_json else table(one.told.items(), "ROWS", "HOW MANY")
