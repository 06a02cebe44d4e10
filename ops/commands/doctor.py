"""`muster doctor`."""

import click

from ops.commands.shared import FAILED, Target, on_target, show


@click.command()
@click.option("--reach/--no-reach", default=True, help="Call the public addresses, as an IdP or a browser would.")
@on_target
def doctor(at: Target, reach: bool, as_json: bool) -> None:
    """Look at everything that can be wrong with an installation, and say what to do.

    What cannot be known from here is a warning: it leaves the exit code alone.

    \b
    muster doctor
    muster doctor --no-reach     where nothing outside can be called, as in a container
    muster doctor --json | jq '.checks[] | select(.ok | not)'
    """
    from ops.doctor import Installation, examine

    findings = examine(
        Installation(
            at.database_url,
            at.owner_url,
            at.redis_url,
            at.public_root,
            at.console_root,
            at.trusted_proxies,
            at.folders,
            reach,
            at.secret_keys,
            at.graph_simulator,
        )
    )
    healthy = all(finding.ok for finding in findings)
    if as_json:
        show({"healthy": healthy, "checks": [finding._asdict() for finding in findings]})
    else:
        for finding in findings:
            mark = "FAIL" if not finding.ok else "warn" if finding.warning else "ok  "
            click.echo(f"{mark}  {finding.check:<12}  {finding.detail}")
    if not healthy:
        raise SystemExit(FAILED)
