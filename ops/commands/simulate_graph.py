"""`muster simulate entra-graph`: a Microsoft Graph to pull from."""

import signal
import threading
from typing import TYPE_CHECKING, Any

import click

from ops.commands.shared import UNREACHABLE, json_option, show, stop

if TYPE_CHECKING:
    from ops.simulators.graph import GraphServer

PORT = 8765
MOST_SHOWN = 10  # groups of the banner


@click.command("entra-graph", short_help="Serve a Microsoft Graph with a made-up tenant, for Directory Sync.")
@click.option("--users", type=click.IntRange(0, 1_000_000), default=100, show_default=True)
@click.option("--groups", type=click.IntRange(0, 100_000), default=5, show_default=True,
              help="The first has everybody, the second every other user, the third every third.")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 takes a free one.")
@click.option("--changes", type=click.FloatRange(0), default=0, show_default=True,
              help="Joiners, leavers, new titles and moves between groups a minute.")  # fmt: skip
@click.option("--throttle", type=click.IntRange(1), help="Requests in 10 seconds; more are answered 429.")
@click.option("--seed", type=click.IntRange(0, 999), default=0, show_default=True,
              help="Another tenant with other people.")  # fmt: skip
@json_option
def entra_graph(
    users: int, groups: int, host: str, port: int, changes: float, throttle: int | None, seed: int, as_json: bool
) -> None:
    """Serve Microsoft Graph and its token endpoint with a made-up tenant until Ctrl-C, for Directory Sync to pull from.

    Tenant ID, client ID and client secret are the same from run to run; what they protect is made up, so they are no
    secrets. No list and no running Muster is needed; with --json, one JSON line when it is ready.

    \b
    muster simulate entra-graph --users 1000 --groups 20
    muster simulate entra-graph --users 100000 --groups 500 --changes 60 --throttle 300
    """
    from ops.simulators.graph import Directory, GraphServer
    from ops.simulators.graph.days import Days

    directory, end = Directory(users, groups, seed), threading.Event()
    try:
        server = GraphServer(directory, host, port)
    except OSError as error:
        stop(UNREACHABLE, f"cannot listen on {host}:{port} ({error.strerror or error}): choose another --port")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    with server:
        server.throttle(throttle)
        show(_ready(server)) if as_json else click.echo(_banner(server))
        if changes:
            Days(directory, seed).run(changes, end)
        end.wait()


def _ready(server: "GraphServer") -> dict[str, Any]:
    directory = server.directory
    return {
        "url": server.url, "tenant_id": directory.tenant_id, "client_id": directory.client_id,
        "client_secret": directory.client_secret, "users": len(directory.user_ids()),
        "groups": len(directory.group_ids()),
    }  # fmt: skip


def _banner(server: "GraphServer") -> str:
    """What people read when it is ready."""
    ready, directory = _ready(server), server.directory
    shown = [directory.groups[one] for one in directory.group_ids()[:MOST_SHOWN]]
    lines = [
        "", f"  Microsoft Graph is simulated at {ready['url']}   (Ctrl-C stops it)", "",
        f"  Tenant ID      {ready['tenant_id']}",
        f"  Client ID      {ready['client_id']}",
        f"  Client secret  {ready['client_secret']}   (no secret: what it protects is made up)", "",
        f"  {ready['users']} users, {ready['groups']} groups",
        *(f"    {group.properties['displayName']:<20} {directory.size(group):>7} members" for group in shown),
    ]  # fmt: skip
    if ready["groups"] > len(shown):
        lines.append(f"    and {ready['groups'] - len(shown)} more")
    return "\n".join([*lines, ""])
