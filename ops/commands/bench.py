"""`muster bench`."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ops.commands.shared import FAILED, REFUSED, data_option, json_option, show, stop, target, with_sentences

if TYPE_CHECKING:
    from ops.bench.hosts import Shape
    from ops.bench.system import System


@click.command()
@click.option(
    "--suite", type=click.Choice(["ingress", "scale", "console", "hosts", "growth", "background", "workers", "burst"]),
    default="ingress", show_default=True,
)  # fmt: skip
@click.option("--users", default=100_000, show_default=True, help="Users of the list (scale, console).")
@click.option("--log", "entries", default=1_000_000, show_default=True, help="Entries of its log (console).")
@click.option("--plans", is_flag=True, help="Show the plans of the database as well (scale).")
@click.option("--seconds", default=5.0, show_default=True, help="How long a run of a phase takes.")
@click.option("--connections", default=64, show_default=True, help="Kept-alive connections.")
@click.option("--runs", default=3, show_default=True, help="Runs a phase; medians are shown.")
@click.option("--ingress-hosts", default=2, show_default=True, help="Hosts of `muster ingress` (hosts, growth).")
@click.option("--worker-hosts", default=2, show_default=True, help="Hosts of `muster workers` (hosts, growth).")
@click.option("--delay", default=0.0, show_default=True, help="Milliseconds each way to the database (hosts, growth).")
@click.option(
    "--phase", "phases", multiple=True, default=("mix", "create"), show_default=True,
    type=click.Choice(["mix", "create", "lookup", "patch", "rest"]), help="What is sent (hosts).",
)  # fmt: skip
@click.option("--lists", default=10_000, show_default=True, help="Connected lists (background).")
@click.option("--waiting", default=1_000_000, show_default=True, help="Operations that wait (background).")
@click.option("--matrix", is_flag=True, help="Many numbers of hosts, delays and connections in turn (hosts).")
@click.option("--with-workers", is_flag=True, help="Let workers apply what is accepted meanwhile (ingress).")
@click.option("--events", default=100_000, show_default=True, help="Operations that wait (workers).")
@click.option("--creates", default=100_000, show_default=True, help="Creates into one list at once (burst).")
@click.option("--peer-url", help="Another SCIM server, measured in the same run: what precedes /Users (ingress).")
@click.option("--peer-token", help="Its bearer token.")
@data_option
@json_option
def bench(suite: str, data: Path, as_json: bool, **options: Any) -> None:
    """Measure a Muster: its ingress beside a bare route, requests of every kind against a large list, or the console's
    pages of one. A Muster that runs on --data, or that the environment names, is measured as it is: it gets lists of
    the bench's own, which stay there. Where none runs, one is started for the measurement, and is gone after it.

    The suite `hosts` needs no running system: as root, with iproute2, it makes network namespaces that stand for
    hosts (one with PostgreSQL and Valkey, some with ingress, some with workers), sends Entra ID's mix to them,
    tells what 1,000 requests cost each component, checks that nothing was lost, doubled or disordered, and takes
    everything down again. So does `growth`, which tells what minutes of creates and PATCHes leave in each table, and
    `background`, which times what the sweep and each scrape ask, with many lists and many operations that wait.

    \b
    muster bench
    muster bench --seconds 10 --connections 16 --json
    muster bench --with-workers
    muster bench --peer-url http://127.0.0.1:5225/scim/v2.0/ID --peer-token SECRET
    muster bench --suite scale --users 100000 --plans
    muster bench --suite console --users 100000 --log 1000000
    muster bench --suite hosts --ingress-hosts 4 --worker-hosts 2 --delay 0.25
    muster bench --suite hosts --matrix
    muster bench --suite growth --seconds 300
    muster bench --suite background --lists 10000 --waiting 1000000
    """
    # Or what was started would outlive a measurement that is ended. Of itself Python minds no SIGINT where a shell
    # runs it in the background.
    for number in _ENDING:
        signal.signal(number, _end)
    if suite in _ON_HOSTS:
        return with_sentences(_on_hosts, _ON_HOSTS[suite], as_json=as_json, **options)
    whose = None if suite in _ON_ITS_OWN else data
    return with_sentences(_on_system, _SUITES[suite], whose, as_json=as_json, **options)


def _on_hosts(suite: Callable[..., None], ingress_hosts: int, worker_hosts: int, delay: float, **options: Any) -> None:
    from ops.account import Unusable
    from ops.bench.hosts import Shape

    try:
        suite(Shape(ingress_hosts, worker_hosts, delay), **options)
    except Unusable as error:
        stop(REFUSED, str(error))


def _on_system(suite: Callable[..., None], data: Path | None, **options: Any) -> None:
    from ops.account import Unusable

    try:
        with _system(data) as system:
            suite(system, **options)
    except Unusable as error:
        stop(REFUSED, str(error))


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


def _growth(shape: "Shape", seconds: float, connections: int, as_json: bool, **_: object) -> None:
    from ops.bench import growth, spread

    results = growth.measure(shape, say=_say, seconds=seconds, connections=connections)
    show(growth.as_json(results)) if as_json else click.echo(growth.tables(results))
    _complain(spread.wrong(one.figures for one in results))


def _background(_shape: "Shape", lists: int, waiting: int, as_json: bool, **_: object) -> None:
    from ops.bench import background

    results = background.measure(lists, waiting, say=_say)
    show(background.as_json(results)) if as_json else click.echo(background.table(results))


def _complain(wrong: float) -> None:
    if wrong:
        stop(FAILED, f"not everything arrived as it was sent: {wrong:.0f} differences (`wrong…` in --json)")


_ON_HOSTS: dict[str, Callable[..., None]] = {"hosts": _hosts, "growth": _growth, "background": _background}


def _say(text: str) -> None:
    click.echo(text, err=True)


def _scale(system: "System", users: int, plans: bool, as_json: bool, **_: object) -> None:
    from models import database
    from ops.bench import scale

    list_id, load = system.new_list()
    with database.connect(system.database_url) as opened:
        _say(f"filling a list with {users:,} users")
        filled = scale.fill(opened, system.owner_url, list_id, users)
        results = scale.measure(load, filled, _say)
        told = scale.plans(system.database_url, list_id, filled) if plans else None
    if as_json:
        return show({"users": users, "results": [asdict(one) for one in results], "plans": told})
    return click.echo(scale.table(results) + (f"\n\n{told}" if told else ""))


def _console(system: "System", users: int, entries: int, as_json: bool, **_: object) -> None:
    from ops.bench import console

    found = console.suite(system, users, entries, _say)
    if as_json:
        return show({"people": users, "log": entries, "pages": [asdict(one) for one in found]})
    return click.echo(console.table(found))


def _ingress(
    system: "System", seconds: float, connections: int, runs: int, with_workers: bool, peer_url: str | None,
    peer_token: str | None, as_json: bool, **_: object,
) -> None:  # fmt: skip
    from ops.bench import ingress, ingress_shown
    from ops.bench.traffic import Target

    peer = Target(peer_url, peer_token or "") if peer_url else None
    found = ingress.measure(
        system, seconds=seconds, connections=connections, runs=runs, with_workers=with_workers, peer=peer, say=_say
    )
    show(ingress_shown.as_json(found)) if as_json else click.echo(ingress_shown.table(found))
    _complain(len(found.wrong))


def _workers(system: "System", events: int, connections: int, as_json: bool, **_: object) -> None:
    from ops.bench import workers

    found = workers.measure(system, events=events, connections=connections, say=_say)
    show(workers.as_json(found)) if as_json else click.echo(workers.table(found))
    _complain(len(found.wrong))


def _burst(system: "System", seconds: float, creates: int, as_json: bool, **_: object) -> None:
    from ops.bench import burst, burst_shown

    found = burst.measure(system, seconds=seconds, creates=creates, say=_say)
    show(burst_shown.as_json(found)) if as_json else click.echo(burst_shown.table(found))
    _complain(len(burst_shown.wrong(found)))


_SUITES: dict[str, Callable[..., None]] = {
    "ingress": _ingress, "scale": _scale, "console": _console, "workers": _workers, "burst": _burst
}  # fmt: skip
_ON_ITS_OWN = {"workers"}  # these stop workers, which nobody else's Muster is to suffer
