"""`muster ingress`, `muster workers`, `muster migrate`: one kind of process against the environment's URLs."""

import atexit
import gc
import importlib
import os
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ops import addresses
from ops.commands.beginning import need_bell, need_database, need_port, need_welcome
from ops.commands.shared import REFUSED, Target, on_target, show, stop
from ops.up import GATE

if TYPE_CHECKING:
    from ops.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
INGRESS_PORT, WORKERS_PORT = 9090, 9091  # internal ones, where none is set
AGAIN_AFTER = 0.5  # seconds until an ingress process that died is there again
KILL_AFTER = 3  # seconds that a process has to finish what it began; clients see connections close


@click.command()
def ingress() -> None:
    """Answer IdPs: the ingress processes alone.

    \b
    MUSTER_DATABASE_URL=postgresql://… MUSTER_REDIS_URL=redis://… muster ingress

    \b
    Settings, all of them environment variables (every setting: docs/settings.md):
      MUSTER_DATABASE_URL       PostgreSQL as the serving role; or MUSTER_DATABASE_URL_FILE, a file with it
      MUSTER_REDIS_URL          Redis or Valkey; or MUSTER_REDIS_URL_FILE
      MUSTER_HOST, MUSTER_PORT  where it answers  [127.0.0.1, 8080]
      MUSTER_PUBLIC_URL         what IdPs call, when a proxy stands before
      MUSTER_CONSOLE_URL        where operators open the console
      MUSTER_TRUSTED_PROXIES    whose Forwarded and X-Forwarded headers count
      MUSTER_SERVE              scim, console (with the API), api  [scim,console]
      MUSTER_INGRESS_PROCESSES  processes that answer  [1]
      MUSTER_STOP_DELAY         seconds that they go on after SIGTERM  [0]
      MUSTER_INTERNAL_HOST      where /metrics, /live and /ready are  [127.0.0.1]
      MUSTER_INTERNAL_PORT      the port of them  [9090]
    """
    loaded = _settings("ingress", INGRESS_PORT)
    need_port(loaded.host, loaded.port, "MUSTER_HOST", "MUSTER_PORT")
    os.environ["MUSTER_INTERNAL_PORT"] = str(loaded.internal_port or INGRESS_PORT)
    # scim2_models is the grammar of unusual filters: a quarter of a second that no request should pay.
    apart = {"console": "ingress.console.app", "api": "ingress.api.app"}
    parts = ["ingress.app", *(module for part, module in apart.items() if loaded.serves(part))]
    _load(*parts, "ingress.server", "ops.internal", "scim2_models")
    need_welcome(loaded.database_url)
    need_bell(loaded.redis_url)
    from ops import forks
    from ops.internal import ingress_server

    with addresses.listening(loaded.host, loaded.port) as listener:
        app = partial(importlib.import_module("ingress.app").build, loaded)
        work = partial(importlib.import_module("ingress.server").work, app, listener, loaded.stop_delay, KILL_AFTER)

        def beside(leaving: forks.Leaving) -> None:
            listener.close()  # or it would take connections, and answer none, once all others are gone
            ingress_server(leaving)

        # Connections are refused as soon as nobody is left to take them.
        sys.exit(forks.run(loaded.ingress_processes, work, beside, AGAIN_AFTER, listener.close))


@click.command()
def workers() -> None:
    """Apply what was accepted: the worker processes alone (Dramatiq).

    \b
    MUSTER_DATABASE_URL=postgresql://… MUSTER_REDIS_URL=redis://… muster workers

    \b
    Settings, all of them environment variables (every setting: docs/settings.md):
      MUSTER_DATABASE_URL      PostgreSQL as the serving role; or MUSTER_DATABASE_URL_FILE, a file with it
      MUSTER_REDIS_URL         Redis or Valkey; or MUSTER_REDIS_URL_FILE
      MUSTER_WORKER_PROCESSES  processes that apply  [1]
      MUSTER_WORKER_THREADS    drains at once in each of them  [2]
      MUSTER_INTERNAL_HOST     where /metrics, /live and /ready are  [127.0.0.1]
      MUSTER_INTERNAL_PORT     the port of them, another for each on one host  [9091]
    """
    loaded = _settings("workers", WORKERS_PORT)
    os.environ["MUSTER_INTERNAL_PORT"] = str(loaded.internal_port or WORKERS_PORT)

    _load("workers.main", "ops.internal")
    need_welcome(loaded.database_url)
    need_bell(loaded.redis_url)
    from ops import forks
    from ops.internal import worker_server

    work = partial(importlib.import_module("workers.main").work, loaded, KILL_AFTER)
    sys.exit(forks.run(loaded.worker_processes, work, worker_server))


def _settings(kind: str, internal_port: int) -> "Settings":
    from ops import logs, settings

    try:
        loaded = settings.load()
    except settings.WrongSetting as error:
        stop(REFUSED, str(error))
    need_database(loaded)
    need_port(
        loaded.internal_host, loaded.internal_port or internal_port, "MUSTER_INTERNAL_HOST", "MUSTER_INTERNAL_PORT"
    )
    logs.configure(loaded.log_level)
    _metrics_folder(kind, loaded)
    return loaded


def _load(*modules: str) -> None:
    """Import what the processes need before they are forked: they share its memory, and a dead one
    is back within milliseconds. By name: ops knows models only.

    `muster up` starts us before the schema is there, and tells on stdin when it is.
    """
    sys.path.insert(0, str(ROOT))
    # Nothing loaded here is garbage: a tenth of the time saved, and later collections, in the forked
    # processes, leave these pages shared.
    gc.disable()
    for module in modules:
        importlib.import_module(module)
    gc.freeze()
    gc.enable()
    # By default the collector looks whenever 700 objects are new, which a batch's live ones always are: 14 % of a
    # process's time under load. What is a cycle at all waits for this many; it is a few megabytes.
    gc.set_threshold(20_000, 20, 20)
    if os.environ.pop(GATE, None) and not sys.stdin.readline():
        sys.exit("muster: whoever started this process is gone")


def _metrics_folder(kind: str, settings: "Settings") -> None:
    """An empty folder for the values that processes of a kind share.

    Emptied by whoever starts them: values of processes long gone would be counted for ever.
    Set before prometheus_client is imported, which looks only then.
    """
    if settings.metrics_dir is None:
        folder = Path(tempfile.mkdtemp(prefix=f"muster-{kind}-metrics-"))
        atexit.register(_remove, folder, os.getpid())
    else:
        folder = Path(settings.metrics_dir) / kind
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def _remove(folder: Path, maker: int) -> None:
    # Forked children inherit the exit hook, and must not act on it.
    if os.getpid() == maker:
        shutil.rmtree(folder, ignore_errors=True)


@click.command()
@on_target
def migrate(at: Target, as_json: bool) -> None:
    """Bring the database to the newest schema (as MUSTER_OWNER_URL's role, if that is set)."""
    from ops.prepare import migrate as bring_up_to_date

    revision = bring_up_to_date(at.owner_url, at.database_url)
    show({"revision": revision}) if as_json else click.echo(f"The schema is at revision {revision}.")
