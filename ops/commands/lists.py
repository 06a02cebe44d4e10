"""`muster list …`."""

import click

from ops.commands.acting import at_list, somebody
from ops.commands.shared import Target, on_target, show, table


@click.group("list")
def lists() -> None:
    """Master Lists: create, list, show, connect, disconnect; who may send to them."""


@lists.command()
@click.argument("name")
@click.option(
    "--uid", default="userName", show_default=True, help="Unique identifier: employeeNumber, userName, email."
)
@click.option("--org", default="Default", show_default=True, help="The organisation; made if missing.")
@click.option("--plan", help="The organisation's plan: free, pro, business, enterprise.  [default: business, if new]")
@click.option("--connect/--no-connect", "scim", default=True, help="Connect it to Automated User Provisioning.")
@on_target
def create(name: str, uid: str, org: str, plan: str | None, scim: bool, at: Target, as_json: bool) -> None:
    """Make a list and connect it to Automated User Provisioning, unless it is to be synced from a directory.

    \b
    muster list create Staff
    muster list create Students --uid employeeNumber --org "North School"
    muster list create Teachers --no-connect && muster sync connect Teachers --directory North
    """
    from models import audit, connection, database, master_list, organisation

    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        actor = somebody(organisation.ensure(cursor, org, plan))
        if plan is not None:
            audit.record(cursor, actor, None, "organisation.plan", plan)
        list_id = master_list.create(cursor, actor.organisation_id, name)
        database.allow(cursor, [list_id])
        audit.record(cursor, actor, list_id, "list.create", name.strip())
        if scim:
            connection.connect(cursor, list_id, uid, actor.who)
            audit.record(cursor, actor, list_id, "connection.connect", uid)
    if scim or as_json:
        return _tell(at, list_id, as_json, "Next: muster token issue " + list_id)
    return click.echo(f"List {list_id}\nNext: muster sync connect {list_id} --directory NAME")


@lists.command()
@click.argument("wanted", metavar="LIST")
@click.option(
    "--uid", default="userName", show_default=True, help="Unique identifier: employeeNumber, userName, email."
)
@on_target
def connect(wanted: str, uid: str, at: Target, as_json: bool) -> None:
    """Connect a list again after a disconnect: an empty SCIM store, the same people.

    \b
    muster list connect Staff --uid email
    """
    from models import connection

    with at_list(at, wanted) as acting:
        list_id = acting.list.id
        connection.connect(acting.cursor, list_id, uid, acting.actor.who)
        acting.record("connection.connect", uid)
    _tell(at, list_id, as_json, "Next: muster token issue " + list_id)


@lists.command()
@click.argument("wanted", metavar="LIST")
@on_target
def disconnect(wanted: str, at: Target, as_json: bool) -> None:
    """Cut a list's IdP off: tokens revoked at once, people kept.

    \b
    muster list disconnect Staff
    """
    from models import connection

    with at_list(at, wanted) as acting:
        list_id = acting.list.id
        connection.disconnect(acting.cursor, list_id)
        acting.record("connection.disconnect")
    if as_json:
        return show({"list_id": list_id, "state": "disconnecting"})
    return click.echo(f"List {list_id} is disconnecting: its tokens are revoked, its people stay.")


@lists.command()
@click.argument("wanted", metavar="LIST")
@click.argument("networks", nargs=-1)
@click.option("--any", "anywhere", is_flag=True, help="From any address.")
@on_target
def allow(wanted: str, networks: tuple[str, ...], anywhere: bool, at: Target, as_json: bool) -> None:
    """From which networks a list's IdP may come: shown, or set. From elsewhere it is refused with 403.

    \b
    muster list allow Staff 203.0.113.0/24 2001:db8::/32
    muster list allow Staff --any
    """
    from models import connection
    from models import networks as allowed

    if networks and anywhere:
        raise click.UsageError("name networks, or --any")
    with at_list(at, wanted) as acting:
        if networks or anywhere:
            kept = allowed.save(acting.cursor, acting.list.id, networks)
            acting.record("connection.networks", allowed.told(kept))
        found = connection.details(acting.cursor, acting.list.id)
    kept = found.networks if found else []
    return show({"networks": kept}) if as_json else click.echo(f"Requests are taken from {allowed.told(kept)}.")


@lists.command("list")
@on_target
def listing(at: Target, as_json: bool) -> None:
    """All lists with their organisations and connections, in order of creation."""
    from models import database, master_list

    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        found = master_list.listing(cursor)
    if as_json:
        members = ("list_id", "name", "organisation", "state")
        return show(
            [dict(zip(members, one, strict=True)) | {"scim_base_url": at.scim_base_url(one.id)} for one in found]
        )
    rows = ((*one[:3], one.state or "not connected", at.scim_base_url(one.id)) for one in found)
    return table(rows, "LIST", "NAME", "ORGANISATION", "STATE", "SCIM BASE URL")


@lists.command("show")
@click.argument("wanted", metavar="LIST")
@on_target
def present(wanted: str, at: Target, as_json: bool) -> None:
    """One list: its fields, its people in numbers and its connection.

    \b
    muster list show Staff
    """
    from dataclasses import asdict

    from models import connection, person_page

    with at_list(at, wanted) as acting:
        counts = person_page.counts(acting.cursor, acting.list.id)
        details = connection.details(acting.cursor, acting.list.id)
    if as_json:
        facts = asdict(acting.list) | {"people": asdict(counts) | {"active": counts.active}}
        return show(facts | {"connection": asdict(details) if details else None})
    state = f"{details.state}, {details.provider}, by {details.unique_identifier}" if details else "not connected"
    click.echo(f"{acting.list.name} ({acting.list.id}): {state}; {counts.active} active, {counts.inactive} inactive")
    rows = ((field.key, field.label, field.type, ", ".join(field.options)) for field in acting.list.fields)
    return table(rows, "FIELD", "LABEL", "TYPE", "OPTIONS")


def _tell(at: Target, list_id: str, as_json: bool, hint: str) -> None:
    if as_json:
        return show({"list_id": list_id, "scim_base_url": at.scim_base_url(list_id)})
    return click.echo(f"SCIM Base URL  {at.scim_base_url(list_id)}\n{hint}")
