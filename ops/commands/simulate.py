"""`muster simulate`."""

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from ops.commands.shared import FAILED, UNREACHABLE, Target, find_list, on_target, show, stop, table, whoami

IDPS = ("okta", "entra", "pingone", "onelogin", "jumpcloud")


@click.command()
@click.argument("idp", type=click.Choice(IDPS))
@click.option("--users", type=click.IntRange(1, 1_000_000), default=100, show_default=True)
@click.option("--list", "wanted", metavar="LIST", help="The list to fill.  [default: the IdP's list of the demo]")
@click.option("--updates", type=click.FloatRange(0, 1), default=0.3, show_default=True, help="Share that changes.")
@click.option("--leavers", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="Share that leaves.")
@click.option(
    "--groups", type=click.IntRange(0, 100_000), default=0, show_default=True,
    help="Groups that are pushed, each with its share of those who stay.",
)  # fmt: skip
@click.option("--rate", type=click.FloatRange(0.1), help="Requests a second at most; as fast as it goes without.")
@click.option(
    "--seed", type=click.IntRange(0, 999), default=0, show_default=True, help="Other people with another one."
)
@on_target
def simulate(
    idp: str,
    users: int,
    wanted: str | None,
    updates: float,
    leavers: float,
    groups: int,
    rate: float | None,
    seed: int,
    at: Target,
    as_json: bool,
) -> None:
    """Send an identity provider's traffic to a list, in that provider's own dialect.

    \b
    muster simulate okta --users 200
    muster simulate entra --users 1000 --list Staff --leavers 0 --groups 20 --rate 25 --seed 7
    """
    from ops.simulators.directory import IDPS as DIALECTS
    from ops.simulators.directory import run
    from ops.simulators.wire import Refusal

    dialect = DIALECTS[idp]()
    list_id, token = _token(at, wanted or dialect.list_name, idp)
    try:
        with click.progressbar(length=users + groups, label=f"{idp} pushes", file=sys.stderr, hidden=as_json) as bar:
            report = run(
                dialect, at.scim_base_url(list_id), token, users, updates, leavers, groups,
                rate=rate, seed=seed, progress=lambda: bar.update(1),
            )  # fmt: skip
    except Refusal as refusal:
        stop(FAILED, f"the connection test failed: {refusal}")
    except OSError as error:
        stop(UNREACHABLE, f"{at.scim_base_url(list_id)} does not answer: {error}")
    report = {"list_id": list_id, **report}
    show(report) if as_json else _print(report)
    if report["failed"]:
        raise SystemExit(FAILED)


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
