"""`muster backup`, `muster restore`."""

from dataclasses import asdict
from pathlib import Path

import click

from ops.commands.shared import FAILED, REFUSED, Target, on_target, show, stop


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace the file where there is one.")
@on_target
def backup(file: Path, force: bool, at: Target, as_json: bool) -> None:
    """Write everything that Muster keeps to a file, consistent, while it runs.

    \b
    muster backup muster.dump
    """
    from ops import backup as doing

    if file.exists() and not force:
        stop(REFUSED, f"{file} is there already: choose another name, or replace it with --force")
    try:
        report = doing.backup(at.owner_url, file)
    except doing.Failed as why:
        stop(FAILED, str(why))
    show(asdict(report)) if as_json else click.echo(
        f"{report.bytes:,} bytes in {report.file}, in {report.seconds} s. It holds personal data: keep it safe."
    )


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@on_target
def restore(file: Path, at: Target, as_json: bool) -> None:
    """Put a backup into a database that holds no list yet. Tokens and operators work again as they did.

    \b
    muster up --no-demo --data restored &
    muster restore muster.dump --data restored
    """
    from ops import backup as doing

    try:
        report = doing.restore(at.owner_url, at.database_url, file)
    except doing.Failed as why:
        stop(FAILED, str(why))
    show(asdict(report)) if as_json else click.echo(
        f"{report.file} is restored, in {report.seconds} s; the schema is at revision {report.revision}."
    )
