"""`muster organisation …`."""

import click

from ops.commands.shared import Target, on_target, show, table


@click.group("organisation")
def organisation() -> None:
    """Organisations and their plans."""


@organisation.command("show")
@click.argument("name")
@on_target
def present(name: str, at: Target, as_json: bool) -> None:
    """An organisation, its plan, and what of provisioning that includes.

    \b
    muster organisation show "North School"
    """
    from models import database
    from models import organisation as organisations

    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        found = organisations.named(cursor, name)
        plan = organisations.plan_of(cursor, found)
    facts = {
        "id": found, "name": name, "plan": plan, "scim": plan in organisations.SCIM_PLANS,
        "directory": plan in organisations.DIRECTORY_PLANS,
    }  # fmt: skip
    return show(facts) if as_json else table([facts.values()], "ID", "NAME", "PLAN", "SCIM", "DIRECTORY SYNC")
