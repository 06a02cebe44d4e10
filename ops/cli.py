"""`muster …`: the commands, each loaded when it is asked for."""

import importlib
import resource
import sys

import click

# Not imported before they are needed: `muster up` lives long and is to stay small.
COMMANDS = {
    "up": "ops.commands.up:up",
    "ingress": "ops.commands.serve:ingress",
    "workers": "ops.commands.serve:workers",
    "migrate": "ops.commands.serve:migrate",
    "list": "ops.commands.lists:lists",
    "field": "ops.commands.fields:fields",
    "session": "ops.commands.sessions:sessions",
    "token": "ops.commands.tokens:tokens",
    "operator": "ops.commands.operators:operators",
    "api-key": "ops.commands.api_keys:api_keys",
    "directory": "ops.commands.directory:directory",
    "sync": "ops.commands.sync:sync",
    "people": "ops.commands.people:people",
    "person": "ops.commands.persons:person",
    "mapping": "ops.commands.mappings:mapping",
    "log": "ops.commands.log:log",
    "entry": "ops.commands.entries:entry",
    "held": "ops.commands.held:held",
    "guard": "ops.commands.held:guard",
    "audit": "ops.commands.audit:audit",
    "organisation": "ops.commands.organisations:organisation",
    "backlog": "ops.commands.reading:backlog",
    "simulate": "ops.commands.simulate:simulate",
    "fill": "ops.commands.fill:fill",
    "bench": "ops.commands.bench:bench",
    "chaos": "ops.commands.chaos:chaos",
    "doctor": "ops.commands.doctor:doctor",
    "sbom": "ops.commands.sbom:sbom",
    "backup": "ops.commands.backup:backup",
    "restore": "ops.commands.backup:restore",
}


class Lazy(click.Group):
    """A group that knows the names of its commands and imports one at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        found: click.Command = getattr(importlib.import_module(module), name)
        return found


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="muster", message="muster %(version)s")
def main() -> None:
    """Muster keeps Master Lists in step with identity providers over SCIM 2.0.

    \b
    Everything on one machine:   muster up
    A list and its token:        muster list create Staff && muster token issue Staff
    Who is in it:                muster people Staff

    Exit codes: 0 done, 1 failed, 2 wrong use or refused, 3 already running or unreachable.
    """
    leave_no_core()


def leave_no_core() -> None:
    """Neither this process nor what it starts leaves its memory behind when it crashes: tokens and people are in it.

    `prlimit --core=unlimited --pid PID` has one leave it all the same. The limit is a byte, not none: a program that is
    piped cores gets them whatever the limit, but for this one (Linux, fs/coredump.c).
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard != 0:
        resource.setrlimit(resource.RLIMIT_CORE, (1, hard))


if __name__ == "__main__":
    sys.exit(main(prog_name="muster"))
