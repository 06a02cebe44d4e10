"""`muster bench`."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ops.commands.shared import FAILED, REFUSED, data_option, json_option, show, stop, target, with_sentences

if TYPE_CHECKING:
    from ops.bench.hosts import Shape
    from ops.bench.system import System

SECONDS = 5.0  # of a run, where several hosts are measured


@click.command()
@click.option(
    "--suite", type=click.Choice(
        ["ingress", "workers", "burst", "growth", "group", "memory", "sync", "csv", "sessions", "api", "overload",
         "hostile",
         "table", "scale", "console", "hosts", "bytes", "background", "bloat"]
    ), default="ingress", show_default=True,
)  # fmt: skip
@click.option(
    "--users",
    type=click.IntRange(10),
    help="Users: 100,000 (scale, console, group, sync, csv, sessions, api), 1,000,000 (growth).",
)
@click.option("--log", "entries", type=int, help="Entries of the log: 1,000,000 (console), 5,000,000 (growth).")
@click.option("--plans", is_flag=True, help="Show the plans of the database as well (scale).")
@click.option("--seconds", type=float, help="How long a run of a phase takes.  [5; burst: 60]")
@click.option("--connections", default=64, show_default=True, help="Kept-alive connections.")
@click.option("--runs", default=3, show_default=True, help="Runs a phase; medians are shown.")
@click.option("--ingress-hosts", default=2, show_default=True, help="Hosts of `muster ingress` (hosts, bytes).")
@click.option("--worker-hosts", default=2, show_default=True, help="Hosts of `muster workers` (hosts, bytes).")
@click.option("--delay", default=0.0, show_default=True, help="Milliseconds each way to the database (hosts, bytes).")
@click.option(
    "--phase", "phases", multiple=True, default=("mix", "create"), show_default=True,
    type=click.Choice(["mix", "create", "lookup", "patch", "rest"]), help="What is sent (hosts).",
)  # fmt: skip
@click.option("--lists", default=10_000, show_default=True, help="Connected lists (background).")
@click.option("--waiting", default=1_000_000, show_default=True, help="Operations that wait (background).")
@click.option("--rows", default=10_000_000, show_default=True, help="Operations that pass the journal (bloat).")
@click.option("--matrix", is_flag=True, help="Many numbers of hosts, delays and connections in turn (hosts).")
@click.option("--with-workers", is_flag=True, help="Let workers apply what is accepted meanwhile (ingress).")
@click.option(
    "--open-tables", is_flag=True, help="Without row-level security, in a Muster of the bench's own (not table)."
)
@click.option("--events", type=int, help="Operations that are applied.  [workers: 100000; memory: 200000]")
@click.option("--creates", type=int, help="Creates into one list at once (burst).  [100000]")
@click.option("--requests", type=int, help="Requests until an ingress process's memory is read (memory).  [200000]")
@click.option("--peer-url", help="Another SCIM server, measured in the same run: what precedes /Users (ingress).")
@click.option("--peer-token", default="", help="Its bearer token.")
@click.option(
    "--draw",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Draw what was measured: SVG, and PNG where there is a browser (not hosts, bytes, background, bloat).",
)
@data_option
@json_option
def bench(suite: str, data: Path, as_json: bool, **options: Any) -> None:
    """Measure a Muster. A running one (on --data, or that the environment names) is measured as it is, and gets lists
    of the bench's own, which stay there; where none runs, one is started for it and is gone afterwards. `workers`,
    `memory`, `sync`, `api` and `table` start their own in any case.

    \b
    ingress   requests of every kind beside a bare route, and beside --peer-url; what they cost
    workers   how fast one process applies what waits, and how long a lone change takes
    burst     a hundred tenants at full speed; 100,000 creates into one list
    growth    a list of 1,000,000 users and one of 10,000 are asked the same
    group     one member more in a group of ten and a large one
    memory    what processes hold, idle and after much work
    sessions  a list of 100,000 people is copied, edited in the copy, compared with it and deleted
    sync      a directory of 100,000 users and 500 groups is pulled, and then what has changed
    api       a script reads and changes people of a list of 100,000 with one API key
    csv       a file of 100,000 people is imported through the console, exported, and imported again
    overload  a list's thousand connections, and clients that are slow on purpose, beside another list
    hostile   requests that are made to cost much, and what a bystander waits for
    table     these and console, one after the other, and the targets that they meet or miss
    scale     requests of every kind against a large list
    console   the pages of a large list

    The suite `hosts` needs no running system: as root, with iproute2, it makes network namespaces that stand for
    hosts (one with PostgreSQL and Valkey, some with ingress, some with workers), sends Entra ID's mix to them,
    tells what 1,000 requests cost each component, checks that nothing was lost, doubled or disordered, and takes
    everything down again. So does `bytes`, which tells what minutes of creates and PATCHes leave in each table, and
    `background`, which times what the sweep and each scrape ask, with many lists and many operations that wait, and
    `bloat`, which passes millions of operations through the journal and tells how large it gets.

    \b
    muster bench
    muster bench --seconds 10 --connections 16 --json
    muster bench --with-workers
    muster bench --peer-url http://127.0.0.1:5225/scim/v2.0/ID --peer-token SECRET
    muster bench --suite table --draw pictures
    muster bench --suite scale --users 100000 --plans
    muster bench --suite console --users 100000 --log 1000000
    muster bench --suite hosts --ingress-hosts 4 --worker-hosts 2 --delay 0.25
    muster bench --suite hosts --matrix
    muster bench --suite growth --users 1000000 --log 5000000
    muster bench --suite bytes --seconds 300
    muster bench --suite background --lists 10000 --waiting 1000000
    muster bench --suite bloat --rows 10000000
    """
    # Or what was started would outlive a measurement that is ended. Of itself Python minds no SIGINT where a shell
    # runs it in the background.
    for number in _ENDING:
        signal.signal(number, _end)
    if suite in _ON_HOSTS:
        return with_sentences(_on_hosts, _ON_HOSTS[suite], as_json=as_json, **options)
    return with_sentences(_on_system, suite, data, as_json=as_json, **options)


def _on_hosts(
    suite: Callable[..., None], ingress_hosts: int, worker_hosts: int, delay: float, seconds: float | None,
    **options: Any,
) -> None:  # fmt: skip
    from ops.account import Unusable
    from ops.bench.hosts import Shape

    try:
        suite(Shape(ingress_hosts, worker_hosts, delay), seconds=seconds or SECONDS, **options)
    except Unusable as error:
        stop(REFUSED, str(error))


def _on_system(
    suite: str, data: Path, as_json: bool, draw: Path | None, peer_url: str | None, peer_token: str, open_tables: bool,
    **options: Any,
) -> None:  # fmt: skip
    from ops.account import Unusable
    from ops.bench import table
    from ops.bench.suites import ON_THEIR_OWN, SUITES, Chosen
    from ops.bench.traffic import Target

    known = {name: value for name, value in options.items() if name in Chosen.__dataclass_fields__}
    chosen = Chosen(**known, peer=Target(peer_url, peer_token) if peer_url else None)
    try:
        if suite == "table":
            found = table.measure(chosen, _say)
        else:
            with _system(None if suite in ON_THEIR_OWN or open_tables else data) as system:
                if open_tables:
                    system.open_tables()
                found = {suite: SUITES[suite](system, chosen, _say)}
    except Unusable as error:
        stop(REFUSED, str(error))
    if draw is not None:
        for path in table.draw(list(found.values()), draw, _say):
            _say(f"drawn: {path}")
    if suite == "table":
        show(table.as_json(found, chosen)) if as_json else click.echo(table.text(found, chosen))
    else:
        show(found[suite].document) if as_json else click.echo(found[suite].text)
    _complain(sum(outcome.wrong for outcome in found.values()))


@contextmanager
def _system(data: Path | None) -> Iterator["System"]:
    """The one that the environment names, else the one that runs on the data folder, else one for the bench alone;
    without a folder, that one in any case."""
    from ops.bench.system import System, running
    from ops.state import Folder

    if data is None:
        with running(_say) as system:
            yield system
        return
    if os.environ.get("MUSTER_DATABASE_URL") or os.environ.get("MUSTER_DATABASE_URL_FILE"):
        at = target(data)
        root = at.public_root
        yield System(at.database_url, at.owner_url, at.redis_url, root, at.console_root or root)
        return
    folder = Folder(data)
    if folder.held() and folder.read().get("database_url"):
        yield System.of_state(folder.read())
        return
    with running(_say) as system:
        yield system


_ENDING = (signal.SIGINT, signal.SIGTERM)


def _end(*_: object) -> None:
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)  # the hosts are taken down now, whoever is impatient
    sys.exit(FAILED)


def _hosts(
    shape: "Shape", seconds: float, connections: int, runs: int, phases: tuple[str, ...], matrix: bool, as_json: bool,
    **_: object,
) -> None:  # fmt: skip
    from ops.bench import grid, spread

    if matrix:
        results = list(grid.measure(say=_say, seconds=seconds, runs=runs, phases=phases))
    else:
        results = spread.measure(shape, say=_say, seconds=seconds, connections=[connections], runs=runs, phases=phases)
    show(spread.as_json(results)) if as_json else click.echo(grid.tables(results))
    _complain(spread.wrong(one.figures for one in results))


def _bytes(shape: "Shape", seconds: float, connections: int, as_json: bool, **_: object) -> None:
    from ops.bench import bytes as sizes
    from ops.bench import spread

    results = sizes.measure(shape, say=_say, seconds=seconds, connections=connections)
    show(sizes.as_json(results)) if as_json else click.echo(sizes.tables(results))
    _complain(spread.wrong(one.figures for one in results))


def _background(_shape: "Shape", lists: int, waiting: int, as_json: bool, **_: object) -> None:
    from ops.bench import background

    results = background.measure(lists, waiting, say=_say)
    show(background.as_json(results)) if as_json else click.echo(background.table(results))


def _bloat(_shape: "Shape", rows: int, as_json: bool, **_: object) -> None:
    from ops.bench import bloat

    results = bloat.measure(rows, say=_say)
    show(bloat.as_json(results)) if as_json else click.echo(bloat.table(results))


def _complain(wrong: float) -> None:
    if wrong:
        stop(FAILED, f"not everything arrived as it was sent: {wrong:.0f} differences (`wrong…` in --json)")


_ON_HOSTS: dict[str, Callable[..., None]] = {
    "hosts": _hosts, "bytes": _bytes, "background": _background, "bloat": _bloat,
}  # fmt: skip


def _say(text: str) -> None:
    click.echo(text, err=True)
