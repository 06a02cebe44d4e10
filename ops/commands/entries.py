"""`muster entry …`: one entry of the provisioning log, and how long all are kept."""

from dataclasses import asdict

import click

from ops.commands.acting import at_list, ring
from ops.commands.shared import Target, on_target, show, table


@click.group("entry")
def entry() -> None:
    """An entry of the provisioning log: show, retry; how long entries are kept."""


@entry.command("show")
@click.argument("wanted", metavar="LIST")
@click.argument("number", type=click.IntRange(0, 2**63 - 1))
@on_target
def present(wanted: str, number: int, at: Target, as_json: bool) -> None:
    """One entry whole, with what was sent.

    \b
    muster entry show Staff 48213
    """
    from models import log_page

    with at_list(at, wanted) as acting:
        found = log_page.find(acting.cursor, acting.list.id, number)
    facts = asdict(found.entry) | {"body": found.body}
    if as_json:
        return show(facts)
    return table([(name, value) for name, value in facts.items() if name != "person_fields"])


@entry.command()
@click.argument("wanted", metavar="LIST")
@click.argument("number", type=click.IntRange(0, 2**63 - 1))
@on_target
def retry(wanted: str, number: int, at: Target, as_json: bool) -> None:
    """Apply what an entry is about once more, now that its cause is mended."""
    from models import retry as retrying

    with at_list(at, wanted) as acting:
        lanes = retrying.retry(acting.cursor, acting.list.id, number)
        acting.record("log.retry", str(number))
    ring(at, lanes)
    told = "It is being applied again: `muster entry show` tells how it went."
    return show({"id": number, "state": "retried"}) if as_json else click.echo(told)


@entry.command()
@click.argument("wanted", metavar="LIST")
@click.argument("days", type=int, required=False)
@on_target
def keep(wanted: str, days: int | None, at: Target, as_json: bool) -> None:
    """For how many days a list keeps its log; shown, or set to 30, 90, 180 or 365.

    \b
    muster entry keep Staff 180
    """
    from models import log_retention

    with at_list(at, wanted) as acting:
        before = log_retention.days(acting.cursor, acting.list.id)
        if days is not None:
            log_retention.keep(acting.cursor, acting.list.id, days)
            told = f"{before} to {days} days"
            acting.record("log.retention", told)
    kept = before if days is None else days
    return show({"days": kept}) if as_json else click.echo(f"The log is kept for {kept} days.")
