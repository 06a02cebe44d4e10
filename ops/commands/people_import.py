"""`muster people import …`: people out of a CSV file."""

import shutil
import tempfile
from contextlib import nullcontext
from typing import TYPE_CHECKING, BinaryIO

import click

from ops.commands.acting import bell as bell_of
from ops.commands.acting import record
from ops.commands.import_shown import facts, follow, print_end, write_refused
from ops.commands.shared import FAILED, Target, find_list, on_target, private_file, show, stop, whoami

if TYPE_CHECKING:
    from models.database import Connection
    from models.imports.matching import Matching
    from models.imports.store import Import
    from ops.bell import Bell

SHOWN = 20  # refused rows


@click.command("import")
@click.argument("wanted", metavar="LIST")
@click.argument("file", type=click.File("rb"))
@click.option("--map", "said", metavar="COLUMN=FIELD", multiple=True, help='What a column fills; "" for nothing.')
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--clear-empty", is_flag=True, help="An empty cell clears what the person has.")
@click.option("--day-first", "dates", flag_value="day", help="03/04/2026 is 3 April.")
@click.option("--month-first", "dates", flag_value="month", help="03/04/2026 is 4 March.")
@click.option("--decimal-comma", is_flag=True, help="1.234,5 is a number.")
@click.option("--encoding", default="", metavar="NAME", help="Of a file that is no UTF-8 or UTF-16: windows-1250, …")
@click.option("--errors", type=click.Path(dir_okay=False), help="Write the refused rows there, each with its error.")
@click.option("--wait/--no-wait", default=True, help="Until it is over.")
@on_target
def bring(
    wanted: str, file: BinaryIO, said: tuple[str, ...], dry_run: bool, clear_empty: bool, dates: str | None,
    decimal_comma: bool, encoding: str, errors: str | None, wait: bool, at: Target, as_json: bool,
) -> None:  # fmt: skip
    """Bring people of a CSV file into a list: whose UID is there is updated, the others are created.

    Columns are matched to fields by their names; --map says otherwise. Fields that an identity provider writes stay as
    they are, of people whom it has sent. Workers do it; Ctrl-C ends the waiting alone. Exit code 1 if rows are refused.

    \b
    muster people import Staff joiners.csv --dry-run
    muster people import Staff joiners.csv --map "Staff ID=UID" --map "Notes=" --day-first --errors wrong.csv
    """
    from models import database

    if (dry_run or errors) and not wait:
        raise click.UsageError("--dry-run and --errors need the end to be waited for")
    bell = bell_of(at)
    with database.connect(at.database_url) as opened:
        # Opened at once: an import whose refused rows cannot be written down had better not begin.
        with private_file(errors) if errors else nullcontext() as refused:
            one, matching = _stage(opened, wanted, file, said, dates or "iso", decimal_comma, clear_empty, encoding)
            _begin(opened, bell, one, "preview", matching)
            one = follow(opened, one, "preview", as_json)
            if not dry_run:
                _begin(opened, bell, one, "run", matching)
                if not wait:
                    return _begun(one, as_json)
                one = follow(opened, one, "import", as_json)
            if refused:
                write_refused(opened, one, refused)
        return _end(opened, one, matching, errors, as_json)


def _begin(opened: "Connection", bell: "Bell", one: "Import", act: str, matching: "Matching") -> None:
    """Have workers preview it, or run it."""
    from models import database
    from models.imports import runs

    with database.transaction(opened, [one.list_id]) as cursor:
        if act == "preview":
            job_id = runs.preview(cursor, one.list_id, one.id, matching)
        else:
            job_id = runs.run(cursor, one.list_id, one.id, one.changed_at)
        record(cursor, one.list_id, f"import.{act}", one.name if act == "preview" else one.summary)
    bell.people(one.list_id, job_id)


def _stage(
    opened: "Connection",
    wanted: str,
    file: BinaryIO,
    said: tuple[str, ...],
    dates: str,
    comma: bool,
    clear: bool,
    encoding: str,
) -> "tuple[Import, Matching]":
    """The file's rows kept, and how its columns are matched."""
    import msgspec

    from models import connection, database, master_list
    from models.imports import matching, store

    pairs = dict(_pair(one) for one in said)
    with database.transaction(opened) as cursor:
        list_id = find_list(cursor, wanted)
        database.allow(cursor, [list_id])
        one = store.stage(cursor, list_id, getattr(file, "name", ""), whoami(), _seekable(file), encoding)
        record(cursor, list_id, "import.upload", one.summary)
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


def _begun(one: "Import", as_json: bool) -> None:
    if as_json:
        return show({"list_id": one.list_id, "import_id": one.id, "state": "running"})
    return click.echo(f"Import {one.id} is begun. `muster people imports {one.list_id}` shows how far it is.")


def _end(opened: "Connection", one: "Import", matching: "Matching", errors: str | None, as_json: bool) -> None:
    from models import database
    from models.imports import rows

    with database.transaction(opened, [one.list_id]) as cursor:
        refused, _ = rows.page(cursor, one, "refused", count=SHOWN)
    matched = dict(zip(one.columns, matching.targets, strict=True))
    if as_json:
        lines = [{"row": row.number, "error": row.error} for row in refused]
        show({**facts(one), "matching": matched, "refused_rows": lines})
    else:
        print_end(opened, one, matched, refused)
    left = one.told.get("refused", 0)
    if left:
        told = f"{left:,} {'row is' if left == 1 else 'rows are'} refused"
        stop(FAILED, f"{told}: see {errors}" if errors else told)
