"""`muster log`: what an IdP sent, and what became of it."""

import time
from collections import OrderedDict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from ops.commands.shared import Target, as_text, find_list, on_target, show, table

if TYPE_CHECKING:
    from models.database import Connection

LAST, LAST_FOLLOWED = 50, 10  # entries that are shown unless it is said how many; as `tail -f` and `journalctl -f` do
LOOK_EVERY = 0.5  # seconds
LOOKED_AT, REMEMBERED = 2_000, 20_000  # entries of a look, and those that are not printed again
HEADS = ("AT", "TOOK", "OPERATION", "RESULT", "TIMES", "PERSON", "DETAIL")
# Of what is not there yet: the longest operation and result, and a usual address.
WIDTHS = (19, 7, 10, 14, 5, 32, 0)
UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


@click.command()
@click.argument("wanted", metavar="LIST")
@click.option(
    "--limit", type=click.IntRange(0, 100_000),
    help=f"At most so many entries; {LAST}, or with --follow the last {LAST_FOLLOWED}, unless said otherwise.",
)  # fmt: skip
@click.option(
    "--follow", is_flag=True,
    help="Begin with the last entries, oldest first, and go on with what comes, until Ctrl-C; JSON a line each.",
)  # fmt: skip
@on_target
def log(wanted: str, limit: int | None, follow: bool, at: Target, as_json: bool) -> None:
    """The provisioning log of a list, newest first.

    TOOK is the time from acceptance to the list. A refused request is told at once; those of the same token and reason
    that follow it share an entry, a second later, or within a minute where the token is no good: AT is the first of
    them, TIMES how many there were.

    \b
    muster log Staff --limit 10
    muster log Staff --follow --json | jq 'select(.result == "rejected")'
    """
    from models import database, provisioning_log

    count = limit if limit is not None else LAST_FOLLOWED if follow else LAST
    with database.connect(at.database_url) as opened:
        with database.transaction(opened) as cursor:
            list_id = find_list(cursor, wanted)
            database.allow(cursor, [list_id])
            found = provisioning_log.newest(cursor, list_id, max(count, LOOKED_AT) if follow else count)
        if follow:
            return _follow(opened, list_id, found, count, as_json)
    if as_json:
        return show(found)
    return table(map(_columns, found), *HEADS)


def _columns(entry: dict[str, Any]) -> tuple[Any, ...]:
    took = span(entry["applied_at"] - entry["accepted_at"]) if entry["applied_at"] else None
    times = f"× {entry['repeats']}" if entry["repeats"] > 1 else ""
    who = entry["user_name"] or entry["uid"]
    return entry["at"], took, entry["operation"], entry["result"], times, who, entry["detail"] or ""


def span(duration: timedelta) -> str:
    """A time in the unit that fits it."""
    seconds = max(0.0, duration.total_seconds())
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    unit, size = next((each for each in UNITS if seconds >= 2 * each[1]), ("s", 1))
    return f"{seconds / size:.1f} {unit}"


def _follow(opened: "Connection", list_id: str, found: list[dict[str, Any]], count: int, as_json: bool) -> None:
    """Print entries as they come, until somebody has seen enough."""
    try:
        _print_as_they_come(opened, list_id, found, count, as_json)
    except KeyboardInterrupt:
        return


def _print_as_they_come(
    opened: "Connection", list_id: str, found: list[dict[str, Any]], count: int, as_json: bool
) -> None:
    """Lanes are applied in any order: an older entry may come after a newer one."""
    from models import database, provisioning_log

    if not as_json:
        table([], *HEADS, widths=WIDTHS)
    seen: OrderedDict[int, None] = OrderedDict((entry["id"], None) for entry in found[count:])
    while True:
        new = [entry for entry in reversed(found) if entry["id"] not in seen]
        seen |= OrderedDict((entry["id"], None) for entry in new)
        for entry in new:
            click.echo(as_text(entry)) if as_json else table([_columns(entry)], widths=WIDTHS)
        while len(seen) > REMEMBERED:
            seen.popitem(last=False)
        time.sleep(LOOK_EVERY)
        with database.transaction(opened, [list_id]) as cursor:
            found = provisioning_log.newest(cursor, list_id, LOOKED_AT)
