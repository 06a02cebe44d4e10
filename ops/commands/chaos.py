"""`muster chaos`."""

import tempfile
import time

import click

from ops.chaos.faults import FAULTS
from ops.commands.shared import FAILED, REFUSED, json_option, show, stop, table


@click.command()
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True, help="How long."
)
@click.option("--seed", type=int, help="The order of faults, and their chances.  [default: of the clock, and told]")
@click.option(
    "--only", multiple=True, metavar="FAULT", type=click.Choice(list(FAULTS)), help="This fault, and others so named."
)
@click.option(
    "--pause", type=click.FloatRange(0), default=0.03, show_default=True, help="Seconds between two writes of a job."
)
@json_option
def chaos(minutes: float, seed: int | None, only: tuple[str, ...], pause: float, as_json: bool) -> None:
    """Break a Muster of its own while identity providers push to it, and look whether anything was lost.

    It starts PostgreSQL, Valkey, ingress and workers in a folder that is gone afterwards, touches nothing else, and
    kills, stops, cuts and fills what it started. At the end every acknowledged answer is compared with identities,
    people, groups and the log. Exit code 0: nothing lost, doubled, out of order, stale or leaked.

    \b
    muster chaos --minutes 30 --seed 7
    muster chaos --only kill-postgres --only cut-database
    """
    from ops.account import Unusable
    from ops.chaos.run import run
    from ops.supervisor import Failed

    chosen = seed if seed is not None else time.time_ns() % 1_000_000
    click.echo(f"seed {chosen}", err=True)
    try:
        report = run(minutes * 60, chosen, only or tuple(FAULTS), pause, lambda line: click.echo(line, err=True))
    except (Unusable, Failed) as error:
        stop(REFUSED if isinstance(error, Failed) else FAILED, str(error))
    told = report.as_json()
    show(told) if as_json else _print(told)
    if report.findings:
        file, name = tempfile.mkstemp(prefix="muster-chaos-", suffix=".log")
        with open(file, "w") as log:
            log.write(report.log)
        stop(FAILED, f"what the processes wrote down is in {name}")


def _print(told: dict[str, object]) -> None:
    faults = told.pop("faults")
    assert isinstance(faults, list)
    table((one.values() for one in faults), "FAULT", "TIMES", "LONGEST OUTAGE S")
    for name, value in told.items():
        for line in value if isinstance(value, list) else [value]:
            click.echo(f"{name.replace('_', ' ')}: {line}")
