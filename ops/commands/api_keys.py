"""`muster api-key …`."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click

from ops.commands.acting import somebody
from ops.commands.shared import Target, on_target, show, table, whoami
from ops.commands.tokens import Span

org_option = click.option("--org", default="Default", show_default=True, help="The organisation.")


@click.group("api-key")
def api_keys() -> None:
    """Keys of the admin API: create, list, revoke."""


@api_keys.command()
@click.argument("label")
@click.option("--scope", default="read", show_default=True, help="read, or write: reads and changes.")
@click.option("--expires", type=Span(), help="When it stops working by itself: 90d, 6w, 1y.")
@org_option
@on_target
def create(label: str, scope: str, expires: timedelta | None, org: str, at: Target, as_json: bool) -> None:
    """Make a key. It is shown this once; only a digest is kept.

    \b
    muster api-key create "Nightly export"
    muster api-key create Onboarding --scope write --expires 1y --org "North School"
    """
    from models import api_key, audit, database, organisation

    until = datetime.now(UTC) + expires if expires else None
    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        owner = organisation.named(cursor, org)
        issued = api_key.create(cursor, owner, label, scope, until, whoami())
        audit.record(cursor, somebody(owner), None, "api_key.create", f"{issued.prefix} {scope}")
    if as_json:
        return show({"key": issued.token, "prefix": issued.prefix})
    return click.echo(f"{issued.token}\nKeep it now: it is not shown again. Its name from now on: {issued.prefix}")


@api_keys.command("list")
@org_option
@on_target
def listing(org: str, at: Target, as_json: bool) -> None:
    """An organisation's keys, newest first, revoked ones included."""
    from models import api_key, database, organisation

    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        found = api_key.listing(cursor, organisation.named(cursor, org))
    if as_json:
        return show([asdict(each) for each in found])
    rows = ((k.prefix, k.label, k.scope, k.created_at, k.expires_at, k.last_used_at, k.revoked_at) for k in found)
    return table(rows, "KEY", "LABEL", "SCOPE", "CREATED", "EXPIRES", "LAST USED", "REVOKED")


@api_keys.command()
@click.argument("prefix")
@on_target
def revoke(prefix: str, at: Target, as_json: bool) -> None:
    """Cut one key off, at once: the next request with it is 401.

    \b
    muster api-key revoke msk_a1b2c3d4
    """
    from models import api_key, audit, database, token
    from models.errors import Unknown

    prefix = prefix[: token.PREFIX_LENGTH]
    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        owner = api_key.revoke(cursor, prefix)
        if owner is None:
            raise Unknown(f"no API key begins with '{prefix}'")
        audit.record(cursor, somebody(owner), None, "api_key.revoke", prefix)
    if as_json:
        return show({"prefix": prefix, "organisation_id": owner})
    return click.echo(f"API key {prefix} is revoked.")
