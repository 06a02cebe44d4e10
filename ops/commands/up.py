"""`muster up`."""

import shlex
from pathlib import Path
from typing import Any

import click

from ops.commands.shared import FAILED, REFUSED, UNREACHABLE, as_text, json_option, stop
from ops.state import DEFAULT_FOLDER

PORT = 8080


@click.command()
@click.option("--data", type=click.Path(path_type=Path), default=DEFAULT_FOLDER, show_default=True,
              envvar="MUSTER_DATA", help="Where everything is kept.")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, envvar="MUSTER_HOST", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, envvar="MUSTER_PORT",
              help="Port to listen on; 0 takes a free one.")  # fmt: skip
@click.option("--ingress", type=click.IntRange(1), default=1, show_default=True,
              envvar="MUSTER_INGRESS_PROCESSES", help="Processes that answer requests.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True,
              envvar="MUSTER_WORKER_PROCESSES", help="Processes that apply changes.")  # fmt: skip
@click.option("--demo/--no-demo", default=True, help="On the first start: an organisation with a list per IdP.")
@click.option("--public-url", envvar="MUSTER_PUBLIC_URL", help="What IdPs call, when a proxy stands before.")
@click.option("--console-url", envvar="MUSTER_CONSOLE_URL", hidden=True)
@click.option("--database-url", envvar="MUSTER_DATABASE_URL", help="Use this PostgreSQL, not the embedded one.")
@click.option("--owner-url", envvar="MUSTER_OWNER_URL", help="The same as the role that owns the tables.")
@click.option("--redis-url", envvar="MUSTER_REDIS_URL", help="Use this Redis or Valkey, not the embedded one.")
@click.option("--internal-port", type=click.IntRange(1, 65535), envvar="MUSTER_INTERNAL_PORT",
              help="Port of /metrics, /live and /ready of the ingress; a free one if not given.")  # fmt: skip
@click.option("--graph-simulator", envvar="MUSTER_GRAPH_SIMULATOR", hidden=True)
@json_option
def up(as_json: bool, **options: Any) -> None:
    """Run everything on this machine until Ctrl-C: PostgreSQL, Valkey, ingress and workers.

    \b
    muster up                          on http://127.0.0.1:8080, data in .muster/
    muster up --port 0 --json          on a free port; one JSON line when ready
    muster up --data /srv/muster --host 0.0.0.0 --ingress 2 --workers 2
    """
    from ops.account import Unusable
    from ops.addresses import PortTaken
    from ops.settings import SERVERS, WrongSetting, given_as
    from ops.state import Folder, Running
    from ops.supervisor import Failed, Stopped
    from ops.up import Options, Up

    folder = Folder(options["data"])
    try:
        servers = {name: given_as(name) for name in SERVERS}
        folder.take()
        options |= {name: options[name] or servers[name] for name in SERVERS}
        Up(Options(**options), folder).run(
            lambda ready: click.echo(as_text(ready) if as_json else banner(ready, options["data"]))
        )
    except Stopped:
        return
    except WrongSetting as error:
        stop(REFUSED, str(error))
    except Running as error:
        stop(UNREACHABLE, str(error))
    except (Failed, Unusable, PortTaken) as error:
        stop(FAILED, str(error))
    except PermissionError as error:
        stop(FAILED, f"cannot use {error.filename}: {error.strerror}")


def banner(ready: dict[str, Any], data: Path) -> str:
    """What people read when it is ready: addresses, tokens, and commands to copy."""
    who, at = ready["operator"], "" if data == DEFAULT_FOLDER else f" --data {shlex.quote(str(data))}"
    lines = ["", f"  Muster is running at {ready['console_url']}   (Ctrl-C stops it; nothing is lost)", ""]
    lines += [
        f"  {each['name']:<12} {each['scim_base_url']}  {each['token'] or ''}".rstrip() for each in ready["lists"]
    ]
    if not ready["lists"]:
        lines.append(f"  No list yet: ./muster list create Staff{at} && ./muster token issue Staff{at}")
    if who["email"]:
        lines += ["", f"  Operator     {who['email']}  {who['password'] or '(password shown at the first start)'}"]
    lines += [*_try_it(ready["lists"], at), f"  Metrics      {ready['metrics_url']}  (ingress)"]
    lines += [f"               {url}  (workers)" for url in ready["worker_metrics_urls"]]
    return "\n".join([*lines, ""])


def _try_it(lists: list[dict[str, Any]], at: str) -> list[str]:
    usable = [each for each in lists if each["token"]]
    if not usable:
        return ["", f"  Tokens are shown once; another one: ./muster token issue LIST{at}", ""]
    first = usable[0]
    return [
        "",
        "  Try it:",
        f"    curl {first['scim_base_url']}/Users -H 'Authorization: Bearer {first['token']}' \\",
        "      -H 'Content-Type: application/scim+json' \\",
        """      -d '{"userName": "mila@north.example", "displayName": "Mila Okafor"}'""",
        f"    ./muster people {first['name'] if ' ' not in first['name'] else first['list_id']}{at}",
        "",
    ]
