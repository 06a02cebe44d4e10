"""`muster bench`."""

import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ops.commands.shared import Target, on_target, show

if TYPE_CHECKING:
    from ops.bench.ingress import Target as Load


@click.command()
@click.option("--suite", type=click.Choice(["ingress", "scale", "console"]), default="ingress", show_default=True)
@click.option("--users", default=100_000, show_default=True, help="Users of the list (scale, console).")
@click.option("--log", "entries", default=1_000_000, show_default=True, help="Entries of its log (console).")
@click.option("--plans", is_flag=True, help="Show the plans of the database as well (scale).")
@click.option("--seconds", default=5.0, show_default=True, help="How long a run of a phase takes.")
@click.option("--connections", default=64, show_default=True, help="Kept-alive connections.")
@click.option("--runs", default=3, show_default=True, help="Runs a phase; medians are shown.")
@on_target
def bench(
    suite: str,
    users: int,
    entries: int,
    plans: bool,
    seconds: float,
    connections: int,
    runs: int,
    at: Target,
    as_json: bool,
) -> None:
    """Measure a running system: its ingress beside a bare route, requests of every kind against a large list, or
    the console's pages of one.

    Creates a list of its own and leaves its generated users there.

    \b
    muster bench
    muster bench --seconds 10 --connections 16 --json
    muster bench --suite scale --users 100000 --plans
    muster bench --suite console --users 100000 --log 1000000
    """
    if suite == "scale":
        return _scale(users, plans, at, as_json)
    if suite == "console":
        return _console(users, entries, at, as_json)
    return _ingress(seconds, connections, runs, at, as_json)


def _scale(users: int, plans: bool, at: Target, as_json: bool) -> None:
    from models import database
    from ops.bench import scale

    target, list_id = _list(at)
    with database.connect(at.database_url) as opened:
        click.echo(f"filling a list with {users:,} users", err=True)
        filled = scale.fill(opened, at.owner_url, list_id, users)
        results = scale.measure(target, filled, lambda text: click.echo(text, err=True))
        told = scale.plans(at.database_url, list_id, filled) if plans else None
    if as_json:
        return show({"users": users, "results": [asdict(one) for one in results], "plans": told})
    return click.echo(scale.table(results) + (f"\n\n{told}" if told else ""))


def _console(users: int, entries: int, at: Target, as_json: bool) -> None:
    from models import database
    from ops import filling
    from ops.bench import console

    _, list_id = _list(at)
    with database.connect(at.database_url) as opened:
        click.echo(f"filling a list with {users:,} people and {entries:,} log entries", err=True)
        filling.fill(opened, at.owner_url, list_id, users, entries)
        wanted, email, password = console.prepare(opened, list_id)
    root = at.console_root or at.public_root
    visitor = console.Visitor(root, email, password)
    found = console.measure(visitor, wanted)
    console.paint(root, visitor.cookie, wanted, found)
    if as_json:
        return show({"people": users, "log": entries, "pages": [asdict(one) for one in found]})
    return click.echo(console.table(found))


def _ingress(seconds: float, connections: int, runs: int, at: Target, as_json: bool) -> None:
    from ops.bench import ingress

    target, _ = _list(at)
    results = ingress.measure(
        target, seconds=seconds, connections=connections, runs=runs, say=lambda text: click.echo(text, err=True)
    )
    if as_json:
        return show(ingress.as_json(results))
    return click.echo(ingress.table(results))


def _list(at: Target) -> tuple["Load", str]:
    from models import connection, database, master_list, organisation, token
    from ops.bench.ingress import Target as Load

    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        list_id = master_list.create(cursor, organisation.ensure(cursor, "Bench"), f"Bench {time.time_ns()}")
        database.allow(cursor, [list_id])
        connection.connect(cursor, list_id, "userName", "bench")
        issued = token.issue(cursor, list_id, "bench", None, "bench")
    return Load(at.scim_base_url(list_id), issued.token), list_id
