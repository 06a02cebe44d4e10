"""`muster bench`."""

import time
from typing import TYPE_CHECKING

import click

from ops.commands.shared import Target, on_target, show

if TYPE_CHECKING:
    from ops.bench.ingress import Target as Load


@click.command()
@click.option("--seconds", default=5.0, show_default=True, help="How long a run of a phase takes.")
@click.option("--connections", default=64, show_default=True, help="Kept-alive connections.")
@click.option("--runs", default=3, show_default=True, help="Runs a phase; medians are shown.")
@on_target
def bench(seconds: float, connections: int, runs: int, at: Target, as_json: bool) -> None:
    """Measure the ingress of a running system beside a bare route on the same machine.

    Creates a list of its own and leaves its generated people there.

    \b
    muster bench
    muster bench --seconds 10 --connections 16 --json
    """
    from ops.bench import ingress

    target = _list(at)
    results = ingress.measure(
        target, seconds=seconds, connections=connections, runs=runs, say=lambda text: click.echo(text, err=True)
    )
    if as_json:
        return show(ingress.as_json(results))
    return click.echo(ingress.table(results))


def _list(at: Target) -> "Load":
    from models import connection, database, master_list, organisation, token
    from ops.bench.ingress import Target as Load

    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        list_id = master_list.create(cursor, organisation.ensure(cursor, "Bench"), f"Bench {time.time_ns()}")
        database.allow(cursor, [list_id])
        connection.connect(cursor, list_id, "userName", "bench")
        issued = token.issue(cursor, list_id, "bench", None, "bench")
    return Load(at.scim_base_url(list_id), issued.token)
