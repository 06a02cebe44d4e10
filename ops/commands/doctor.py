"""`muster doctor`."""

import click

from ops.commands.shared import FAILED, Target, on_target, show


@click.command()
@on_target
def doctor(at: Target, as_json: bool) -> None:
    """Look at everything that can be wrong with an installation, and say what to do.

    \b
    muster doctor
    muster doctor --json | jq '.checks[] | select(.ok | not)'
    """
    from ops.doctor import Installation, examine

    findings = examine(
        Installation(
            at.database_url, at.owner_url, at.redis_url, at.public_root, at.console_root, at.trusted_proxies, at.folders
        )
    )
    healthy = all(finding.ok for finding in findings)
    if as_json:
        show({"healthy": healthy, "checks": [finding._asdict() for finding in findings]})
    else:
        for finding in findings:
            click.echo(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.check:<12}  {finding.detail}")
    if not healthy:
        raise SystemExit(FAILED)
