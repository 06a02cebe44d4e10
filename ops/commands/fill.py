"""`muster fill`."""

import time

import click

from ops.commands.shared import Target, find_list, on_target, show


@click.command()
@click.argument("wanted", metavar="LIST")
@click.option("--people", type=click.IntRange(1, 5_000_000), default=1_000, show_default=True)
@click.option("--log", "entries", type=click.IntRange(0, 50_000_000), default=10_000, show_default=True)
@on_target
def fill(wanted: str, people: int, entries: int, at: Target, as_json: bool) -> None:
    """Fill a list with generated people and log entries of two months; for measurements, once a list.

    \b
    muster fill Staff --people 100000 --log 1000000
    """
    from models import database
    from ops import filling

    started = time.perf_counter()
    with database.connect(at.database_url) as opened:
        with database.transaction(opened) as cursor:
            list_id = find_list(cursor, wanted)
        filling.fill(opened, at.owner_url, list_id, people, entries)
    report = {"list_id": list_id, "people": people, "log": entries, "seconds": round(time.perf_counter() - started, 1)}
    show(report) if as_json else click.echo(
        f"{people:,} people and {entries:,} entries in list {list_id}, in {report['seconds']} s"
    )
