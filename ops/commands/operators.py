"""`muster operator …`."""

import click

from ops.commands.acting import somebody
from ops.commands.shared import Target, on_target, show, table


@click.group("operator")
def operators() -> None:
    """Operators of the console: add, reset, list."""


@operators.command()
@click.argument("email")
@click.option("--role", default="admin", show_default=True, help="admin or viewer.")
@click.option("--org", default="Default", show_default=True, help="The organisation; made if missing.")
@on_target
def add(email: str, role: str, org: str, at: Target, as_json: bool) -> None:
    """Let somebody sign in. The password is shown this once.

    \b
    muster operator add mila@north.example --org "North School" --role viewer
    """
    from models import audit, database, operator, organisation

    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        owner = organisation.ensure(cursor, org)
        password = operator.add(cursor, owner, email, role)
        audit.record(cursor, somebody(owner), None, "operator.add", f"{email} {role}")
    _tell(email, password, as_json)


@operators.command()
@click.argument("email")
@on_target
def reset(email: str, at: Target, as_json: bool) -> None:
    """Give an operator a new password and end their sessions.

    \b
    muster operator reset mila@north.example
    """
    from models import audit, database, operator

    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        password = operator.reset(cursor, email)
        audit.record(cursor, somebody(operator.organisation_of(cursor, email)), None, "operator.reset", email)
    _tell(email, password, as_json)


@operators.command("list")
@on_target
def listing(at: Target, as_json: bool) -> None:
    """Everybody who may sign in."""
    from models import database, operator

    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        found = operator.listing(cursor)
    if as_json:
        return show(found)
    return table((each.values() for each in found), "E-MAIL", "ROLE", "ORGANISATION", "CREATED")


def _tell(email: str, password: str, as_json: bool) -> None:
    if as_json:
        return show({"email": email, "password": password})
    return click.echo(f"{email}  {password}\nKeep it now: it is not shown again.")
