"""`muster simulate`."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import click

from ops.commands.shared import FAILED, UNREACHABLE, Target, find_list, on_target, show, stop, table, whoami
from ops.commands.simulate_graph import entra_graph

IDPS = {
    "okta": "Okta", "entra": "Entra ID", "pingone": "PingOne", "onelogin": "OneLogin", "jumpcloud": "JumpCloud"
}  # fmt: skip


@click.group()
def simulate() -> None:
    """Be an identity provider: push its traffic to a list, or let Directory Sync pull.

    \b
    muster simulate okta --users 200
    muster simulate entra-graph --users 1000 --groups 20
    """


@click.command()
@click.option("--users", type=click.IntRange(1, 1_000_000), default=100, show_default=True)
@click.option("--list", "wanted", metavar="LIST", help="The list to fill.  [default: the IdP's list of the demo]")
@click.option(
    "--updates", "update_share", type=click.FloatRange(0, 1), default=0.3, show_default=True, help="Share that changes."
)
@click.option(
    "--leavers", "leaver_share", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="Share that leaves."
)
@click.option(
    "--groups", type=click.IntRange(0, 100_000), default=0, show_default=True,
    help="Groups that are pushed, each with its share of those who stay.",
)  # fmt: skip
@click.option("--rate", type=click.FloatRange(0.1), help="Requests a second at most; as fast as it goes without.")
@click.option(
    "--seed", type=click.IntRange(0, 999), default=0, show_default=True, help="Other people with another one."
)
@click.option(
    "--repeats", type=click.FloatRange(0, 1), default=0, show_default=True, help="Share of writes sent twice."
)
@click.option(
    "--cycles", type=click.IntRange(1), default=1, show_default=True, help="Days, or provisioning cycles, one by one."
)
@click.option(
    "--every", type=click.FloatRange(0), default=2400, show_default=True,
    help="Seconds between the beginnings of two cycles; Entra ID's 40 minutes unless it says otherwise.",
)  # fmt: skip
@on_target
def _push(idp: str, wanted: str | None, cycles: int, every: float, at: Target, as_json: bool, **traffic: Any) -> None:
    """Send an identity provider's traffic to a list, in that provider's own dialect.

    \b
    muster simulate okta --users 200
    muster simulate entra --users 1000 --list Staff --leavers 0 --groups 20 --rate 25 --seed 7
    muster simulate entra --users 1000 --cycles 36 --updates 0.02 --repeats 0.01
    """
    from ops.simulators.directory import IDPS as DIALECTS
    from ops.simulators.directory import run

    dialect = DIALECTS[idp]()
    list_id, token = _token(at, wanted or dialect.list_name, idp)
    base_url = at.scim_base_url(list_id)
    failed = 0
    for cycle in _begun(cycles, every):
        with _told(base_url), _progress(idp, traffic["users"] + traffic["groups"], as_json) as step:
            counted = run(dialect, base_url, token, **traffic, cycle=cycle, progress=step)
        report = {"list_id": list_id, **counted}
        show(report) if as_json else _print(report)
        failed += report["failed"]
    if failed:
        raise SystemExit(FAILED)


for _idp, _title in IDPS.items():
    simulate.add_command(
        click.Command(
            _idp,
            callback=partial(_push.callback or _push, idp=_idp),
            params=_push.params,
            help=_push.help,
            short_help=f"Push a day of {_title}'s SCIM traffic to a list.",
        )
    )
simulate.add_command(entra_graph)


def _begun(cycles: int, every: float) -> Iterator[int]:
    """The cycles by number, each when it is due."""
    for cycle in range(cycles):
        begun = time.monotonic()
        yield cycle
        if cycle + 1 < cycles:
            time.sleep(max(0.0, begun + every - time.monotonic()))


@contextmanager
def _told(base_url: str) -> Iterator[None]:
    """What keeps a run from beginning, as a sentence and an exit code."""
    from ops.simulators.wire import Refusal

    try:
        yield
    except Refusal as refusal:
        stop(FAILED, f"the connection test failed: {refusal}")
    except OSError as error:
        stop(UNREACHABLE, f"{base_url} does not answer: {error}")


@contextmanager
def _progress(idp: str, length: int, hidden: bool) -> Iterator[Callable[[], None]]:
    """A bar with what it does a second."""
    begun, done = time.monotonic(), 0
    shown: Any = click.progressbar(
        length=length, label=f"{idp} pushes", file=sys.stderr, hidden=hidden, show_pos=True,
        item_show_func=lambda _: f"{done / max(0.001, time.monotonic() - begun):.0f} a second",
    )  # fmt: skip
    with shown as bar:

        def step() -> None:
            nonlocal done
            done += 1
            bar.update(1, current_item=done)

        yield step


def _token(at: Target, wanted: str, idp: str) -> tuple[str, str]:
    """A token of the simulation's own, which ends by itself."""
    from models import database, token

    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        list_id = find_list(cursor, wanted)
        database.allow(cursor, [list_id])
        issued = token.issue(cursor, list_id, f"simulated {idp}", datetime.now(UTC) + timedelta(days=1), whoami())
    return list_id, issued.token


def _print(report: dict[str, Any]) -> None:
    table((step.values() for step in report["steps"]), "STEP", "REQUESTS", "FAILED", "P50 MS", "P99 MS", "WORST MS")
    click.echo(
        f"{report['requests']} requests in {report['seconds']} s ({report['requests_per_second']}/s),"
        f" {report['failed']} failed"
    )
    for failure in report["failures"]:
        click.echo(f"  {failure}", err=True)
