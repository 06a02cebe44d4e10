"""`muster fill`."""

import resource
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
    muster fill Alumni --people 1000000 --log 5000000     some minutes, and 9 GB
    """
    from models import database
    from ops import filling

    started = time.perf_counter()
    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        list_id = find_list(cursor, wanted)
    filling.fill(at.database_url, at.owner_url, list_id, people, entries)
    seconds = time.perf_counter() - started
    report = {
        "list_id": list_id, "people": people, "log": entries, "seconds": round(seconds, 1),
        "rows_per_second": round((3 * people + entries) / seconds),
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }  # fmt: skip
    show(report) if as_json else click.echo(
        f"{people:,} people and {entries:,} entries in list {list_id}, in {report['seconds']} s"
        f" ({report['rows_per_second']:,} rows a second, {report['peak_megabytes']} MB of memory)"
    )
