"""`muster people …`: who is in a list, and its people from and to files."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from ops.commands.acting import record
from ops.commands.people_import import bring
from ops.commands.people_imports import discard_import, imports, resume, stop_import
from ops.commands.shared import Target, as_text, find_list, on_target, private_file, show


class _Default(click.Group):
    """A group whose first word may be left out: it is `list` then."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Have what names no command of the group be the list's."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Default)
def people() -> None:
    """The people of a list: all of them in order of UID, into a file, out of one.

    \b
    muster people Staff
    muster people Staff --status all --json | jq length
    muster people import Staff joiners.csv --dry-run
    muster people export Staff --status all -o staff.csv
    """


@people.command("list")
@click.argument("wanted", metavar="LIST")
@click.option("--status", type=click.Choice(["active", "inactive", "all"]), default="active", show_default=True)
@on_target
def listing(wanted: str, status: str, at: Target, as_json: bool) -> None:
    """The people of a list, all of them, in order of UID; `list` may be left out.

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


@people.command()
@click.argument("wanted", metavar="LIST")
@click.option("--status", type=click.Choice(["active", "inactive", "all"]), default="active", show_default=True)
@click.option("--search", default="", help="Those with these words in their UID or a field, as in the console.")
@click.option("--format", "kind", type=click.Choice(["csv", "ndjson"]), default="csv", show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="A file; stdout without it.")
@on_target
def export(wanted: str, status: str, search: str, kind: str, output: str | None, at: Target, as_json: bool) -> None:
    """Write a list's people down as CSV, which can be imported again, or as NDJSON.

    \b
    muster people export Staff -o staff.csv
    muster people export Staff --status all --format ndjson | jq .uid
    """
    from models import database, master_list, people_export
    from models.errors import Refused

    if as_json and output is None:
        raise Refused("--json tells what was written to a file: name it with -o, or use --format ndjson")
    count, after = 0, None
    with database.connect(at.database_url) as opened, _opened(output) as file:
        with database.transaction(opened) as cursor:
            list_id = find_list(cursor, wanted)
            fields = master_list.fields(cursor, list_id)
            record(cursor, list_id, "people.export", people_export.summary(kind, status, search))
        file.write(people_export.head(fields, kind).encode())
        while True:
            with database.transaction(opened, [list_id]) as cursor:
                found = people_export.stretch(cursor, list_id, fields, kind, status, search, after)
            file.write(found.text.encode())
            count, after = count + found.people, found.after
            if after is None:
                break
    if as_json:
        return show({"list_id": list_id, "people": count, "format": kind, "file": output})
    return click.echo(f"{count} {'person' if count == 1 else 'people'}", err=True)


@contextmanager
def _opened(output: str | None) -> Iterator[IO[bytes]]:
    """A file to write, or stdout."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with private_file(output) as file:
        yield file


people.add_command(bring)
people.add_command(discard_import)
people.add_command(imports)
people.add_command(resume)
people.add_command(stop_import)
