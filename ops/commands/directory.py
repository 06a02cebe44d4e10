"""`muster directory …`: connections to Microsoft Entra ID, and the key that their secrets are sealed with."""

import sys
from pathlib import Path
from typing import Any

import click

from ops.commands.acting import somebody
from ops.commands.directories import asking, client, find_connection, vault
from ops.commands.shared import FAILED, Target, json_option, on_target, show, stop, table

CLOUDS = ("global", "us", "dod", "china", "simulated")
secret_file_option = click.option(
    "--secret-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A file with the client secret."
)


@click.group()
def directory() -> None:
    """Directory connections (Entra ID), which lists are synced through."""


@directory.command()
@json_option
def key(as_json: bool) -> None:
    """Print a new key for MUSTER_SECRET_KEY. Keep it apart from backups; without it no secret can be read again.

    \b
    (umask 077; muster directory key > /etc/muster/secret_key)     and MUSTER_SECRET_KEY_FILE names it
    MUSTER_SECRET_KEY=NEW,OLD muster directory renew                another key from now on
    """
    from ops.vault import new_key

    made = new_key()
    show({"key": made}) if as_json else click.echo(made)


@directory.command()
@click.argument("name")
@click.option("--tenant", required=True, help="Directory (tenant) ID, or a domain of the tenant.")
@click.option("--client", "client_id", required=True, help="Application (client) ID.")
@click.option("--cloud", type=click.Choice(CLOUDS), default="global", show_default=True, help="Which of Microsoft's.")
@click.option("--org", default="Default", show_default=True, help="The organisation; made if it is new.")
@secret_file_option
@on_target
def add(
    name: str, tenant: str, client_id: str, cloud: str, org: str, secret_file: Path | None, at: Target, as_json: bool
) -> None:
    """Add a connection. The client secret is asked for, or read from stdin or a file, and never shown again.

    \b
    muster directory add North --tenant 8f1c…-… --client 2b7e…-…
    muster directory add North --tenant north.example --client 2b7e…-… --secret-file secret.txt
    """
    from models import audit, database, organisation
    from models.directory import connections
    from models.directory.connections import Wanted, check_secret
    from models.errors import Refused
    from ops.graph import clouds

    wanted = Wanted(name, tenant, client_id, cloud).checked()
    if cloud not in clouds(at.graph_simulator):
        raise Refused("there is no simulated directory here: MUSTER_GRAPH_SIMULATOR is not set")
    sealed = vault(at).seal(check_secret(_secret(secret_file)))
    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        actor = somebody(organisation.ensure(cursor, org))
        plan = organisation.plan_of(cursor, actor.organisation_id)
        connection_id = connections.add(cursor, actor.organisation_id, plan, wanted, sealed, actor.who)
        audit.record(cursor, actor, None, "directory.add", wanted.name)
    if as_json:
        return show({"id": connection_id, "name": wanted.name})
    return click.echo(f"{wanted.name}  {connection_id}\nNext: muster directory test {connection_id}")


def _secret(file: Path | None) -> str:
    """The client secret: no argument, which everybody on the machine could read."""
    if file is not None:
        return file.read_text()
    if sys.stdin.isatty():
        return str(click.prompt("Client secret (its Value)", hide_input=True, err=True))
    return sys.stdin.read()


@directory.command("list")
@on_target
def listing(at: Target, as_json: bool) -> None:
    """All connections with their organisations, and the lists that are synced through them."""
    from models import database, organisation
    from models.directory import connections

    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        found, owners = connections.everywhere(cursor), organisation.names(cursor)
    if as_json:
        return show([_as_facts(one, owners[one.organisation_id]) for one in found])
    rows = (
        (one.id, one.name, owners[one.organisation_id], one.cloud, one.tenant_id, ", ".join(one.used_by) or "-")
        for one in found
    )
    return table(rows, "CONNECTION", "NAME", "ORGANISATION", "CLOUD", "TENANT", "LISTS")


def _as_facts(one: Any, owner: str) -> dict[str, Any]:
    """A connection without its secret."""
    members = ("id", "name", "cloud", "tenant_id", "client_id", "created_by", "created_at")
    return {member: getattr(one, member) for member in members} | {"organisation": owner, "used_by": list(one.used_by)}


def _found(at: Target, wanted: str) -> Any:
    from models import database
    from models.directory import connections

    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        return find_connection(connections.everywhere(cursor), wanted)


@directory.command()
@click.argument("wanted", metavar="NAME|ID")
@on_target
def test(wanted: str, at: Target, as_json: bool) -> None:
    """Sign in and read as a run will: how many users and groups can be seen, or what is wrong (exit code 1).

    \b
    muster directory test North
    """
    from models.errors import Refused
    from ops import graph_look

    one = _found(at, wanted)
    try:
        seen = graph_look.test(client(at, one))
    except Refused as refused:
        stop(FAILED, refused.detail)
    if as_json:
        return show({"id": one.id, "name": one.name, **seen._asdict()})
    return click.echo(f"{one.name} answers: {seen.users:,} users and {seen.groups:,} groups can be seen.")


@directory.command()
@click.argument("wanted", metavar="NAME|ID")
@click.option("--name", help="Another name.")
@click.option("--client", "client_id", help="Another application (client) ID.")
@secret_file_option
@click.option("--secret", "ask", is_flag=True, help="Ask for another client secret, or read it from stdin.")
@on_target
def change(
    wanted: str, name: str | None, client_id: str | None, secret_file: Path | None, ask: bool, at: Target, as_json: bool
) -> None:
    """Change a connection: its name, its application, or the secret when the present one expires.

    \b
    muster directory change North --secret
    """
    from models import audit, database
    from models.directory import connections
    from models.directory.connections import Wanted, check_secret

    if not (name or client_id or secret_file or ask):
        raise click.UsageError("say what changes: --name, --client, --secret or --secret-file")
    sealed = vault(at).seal(check_secret(_secret(secret_file))) if ask or secret_file else None
    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        one = find_connection(connections.everywhere(cursor), wanted)
        changed = Wanted(name or one.name, one.tenant_id, client_id or one.client_id, one.cloud)
        connections.change(cursor, one.organisation_id, one.id, changed, sealed)
        detail = changed.name + (", new secret" if sealed else "")
        audit.record(cursor, somebody(one.organisation_id), None, "directory.change", detail)
    if as_json:
        return show({"id": one.id, "name": changed.name})
    return click.echo(f"{changed.name} is changed. Next: muster directory test {one.id}")


@directory.command()
@click.argument("wanted", metavar="NAME|ID")
@on_target
def remove(wanted: str, at: Target, as_json: bool) -> None:
    """Remove a connection that no list is synced through, and its secret.

    \b
    muster directory remove North
    """
    from models import audit, database
    from models.directory import connections

    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        one = find_connection(connections.everywhere(cursor), wanted)
        connections.remove(cursor, one.organisation_id, one.id)
        audit.record(cursor, somebody(one.organisation_id), None, "directory.remove", one.name)
    show({"id": one.id, "name": one.name}) if as_json else click.echo(f"{one.name} is removed.")


@directory.command()
@click.argument("wanted", metavar="NAME|ID")
@click.argument("text", default="")
@on_target
def groups(wanted: str, text: str, at: Target, as_json: bool) -> None:
    """The first twenty groups of the directory by name, or those whose name has words that begin so.

    \b
    muster directory groups North "teach"
    """
    from ops import graph_look

    one = _found(at, wanted)
    with asking():
        found = graph_look.search_groups(client(at, one), text)
    if as_json:
        return show([group._asdict() for group in found])
    return table(((group.id, group.name, group.members) for group in found), "GROUP", "NAME", "MEMBERS")


@directory.command()
@on_target
def renew(at: Target, as_json: bool) -> None:
    """Seal every secret with the first key of MUSTER_SECRET_KEY; older keys can go then.

    \b
    MUSTER_SECRET_KEY=NEW,OLD muster directory renew
    """
    from models import audit, database
    from models.directory import connections

    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        count = connections.reseal(cursor, vault(at).renew)
        for owner in sorted({one.organisation_id for one in connections.everywhere(cursor)}):
            audit.record(cursor, somebody(owner), None, "directory.renew")
    if as_json:
        return show({"renewed": count})
    return click.echo(f"{count} {'secret is' if count == 1 else 'secrets are'} sealed with the first key.")
