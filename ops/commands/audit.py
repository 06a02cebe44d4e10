"""`muster audit`: what operators, API keys and the command line did."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from ops.commands.shared import Target, find_list, on_target, private_file, show, table

if TYPE_CHECKING:
    from models.audit_page import Filters
    from models.database import Cursor

STRETCH = 1_000  # entries of a file in memory at once
MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"])


@click.command()
@click.option("--org", default="Default", show_default=True, help="The organisation.")
@click.option("--who", default="", help="A part of an operator's address or of an API key's prefix.")
@click.option("--what", default="", help="An action, token.issue, or what it is about, token.")
@click.option("--list", "wanted", metavar="LIST", help="About this list.")
@click.option("--since", type=MOMENT, help="From this moment on, in UTC.")
@click.option("--until", type=MOMENT, help="Before this moment, in UTC.")
@click.option("--limit", type=click.IntRange(0, 100_000), default=50, show_default=True, help="At most so many.")
@click.option("--csv", "file", metavar="FILE", help="Write all that match to a file instead.")
@on_target
def audit(
    org: str, who: str, what: str, wanted: str | None, since: datetime | None, until: datetime | None, limit: int,
    file: str | None, at: Target, as_json: bool,
) -> None:  # fmt: skip
    """Who did what, when and from where: newest first.

    \b
    muster audit --org "North School" --what token --since 2026-11-01
    muster audit --list Staff --csv audit.csv
    """
    from models import audit_page, database, organisation
    from models.audit_page import Filters

    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        owner = organisation.named(cursor, org)
        list_id = find_list(cursor, wanted) if wanted else ""
        if list_id:
            database.allow(cursor, [list_id])
        filters = Filters(who, what, list_id, _in_utc(since), _in_utc(until))
        if file is not None:
            count = _write(cursor, owner, filters, file)
            return show({"file": file, "entries": count}) if as_json else click.echo(f"{count} entries in {file}.")
        found = audit_page.page(cursor, owner, filters, count=limit).entries
    if as_json:
        return show([asdict(one) for one in found])
    rows = ((one.at, one.who, one.what, one.list or one.list_id, one.detail, one.address) for one in found)
    return table(rows, "AT", "WHO", "WHAT", "LIST", "DETAIL", "FROM")


def _in_utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None


def _write(cursor: "Cursor", owner: str, filters: "Filters", file: str) -> int:
    """All that match, into a file; how many. That they were taken away is an entry itself."""
    from models import audit, audit_page, csv_writing
    from ops.commands.acting import somebody

    count, older, more = 0, None, True
    with private_file(file) as out:
        out.write((csv_writing.MARK + csv_writing.lines([audit_page.COLUMNS])).encode())
        while more:
            found = audit_page.page(cursor, owner, filters, older, count=STRETCH)
            out.write(csv_writing.lines(one.cells() for one in found.entries).encode())
            count, older, more = count + len(found.entries), found.older, found.older is not None
    audit.record(cursor, somebody(owner), None, "audit.export", f"{count} entries")
    return count
