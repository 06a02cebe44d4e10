"""`muster sbom`: what Muster is made of."""

import click

from ops.commands.shared import REFUSED, show, stop


@click.command()
@click.option("--dev", is_flag=True, help="With what tests and checks need besides.")
@click.option("--json", "as_json", is_flag=True, help="As always: it is JSON in any case.")
def sbom(dev: bool, as_json: bool) -> None:
    """The software bill of materials, CycloneDX 1.6, of the lock that everything is installed from.

    \b
    muster sbom > muster.cdx.json
    """
    from ops.sbom import EVERYTHING, RUNTIME, document

    try:
        show(document(EVERYTHING if dev else RUNTIME))
    except FileNotFoundError as error:
        stop(REFUSED, f"{error.filename} is not here: run this in Muster's sources, of the version that is installed")
