"""`muster held …`, `muster guard`: deactivations that wait for a word, and what holds them."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ops.commands.acting import Acting, at_list, ring
from ops.commands.shared import Target, on_target, show, table

if TYPE_CHECKING:
    from models.hold import Chosen

MOST = 10_000  # that are listed
everybody_option = click.option("--all", "everybody", is_flag=True, help="Everybody who is held now.")


@click.group("held")
def held() -> None:
    """Held deactivations: list, release, discard."""


@held.command("list")
@click.argument("wanted", metavar="LIST")
@on_target
def listing(wanted: str, at: Target, as_json: bool) -> None:
    """Whose deactivation is held, oldest first. They are still active."""
    from models import hold

    with at_list(at, wanted) as acting:
        rows = hold.page(acting.cursor, acting.list.id, None, None, MOST).rows
    if as_json:
        return show([asdict(one) for one in rows])
    return table(((one.uid, one.at, "yes" if one.gone else "no") for one in rows), "UID", "SINCE", "DELETED")


@held.command()
@click.argument("wanted", metavar="LIST")
@click.argument("uids", nargs=-1, metavar="[UID]...")
@everybody_option
@on_target
def release(wanted: str, uids: tuple[str, ...], everybody: bool, at: Target, as_json: bool) -> None:
    """Make these people inactive after all.

    \b
    muster held release Staff EMP001 EMP002
    muster held release Staff --all
    """
    from models import hold
    from models.text import plural

    with at_list(at, wanted) as acting:
        chosen = _chosen(acting, uids, everybody)
        count, lanes = hold.release(acting.cursor, acting.list.id, chosen, acting.actor.who)
        told = plural(count, "person", "people")
        acting.record("hold.release", told)
    ring(at, lanes)
    return show({"count": count}) if as_json else click.echo(f"Released: {told}.")


@held.command()
@click.argument("wanted", metavar="LIST")
@click.argument("uids", nargs=-1, metavar="[UID]...")
@everybody_option
@on_target
def discard(wanted: str, uids: tuple[str, ...], everybody: bool, at: Target, as_json: bool) -> None:
    """Leave these people active, until the identity provider's next push for them."""
    from models import hold
    from models.text import plural

    with at_list(at, wanted) as acting:
        chosen = _chosen(acting, uids, everybody)
        count = hold.discard(acting.cursor, acting.list.id, chosen, acting.actor.who)
        told = plural(count, "person", "people")
        acting.record("hold.discard", told)
    return show({"count": count}) if as_json else click.echo(f"Discarded: {told}.")


def _chosen(acting: Acting, uids: tuple[str, ...], everybody: bool) -> "Chosen":
    from models import hold, person_edit
    from models.hold import Chosen

    if bool(uids) == everybody:
        raise click.UsageError("name people by their UIDs, or say --all: one of the two")
    if everybody:
        told = hold.summary(acting.cursor, acting.list.id)
        return Chosen(up_to=told.newest_seq or 0, at_most=told.count)
    return Chosen([person_edit.known(acting.cursor, acting.list.id, uid) for uid in uids])


@click.command()
@click.argument("wanted", metavar="LIST")
@click.option("--on/--off", "enabled", default=None, help="Switch it.")
@click.option("--percent", type=int, help="What share of the active people within an hour is a wave.")
@click.option("--at-least", type=int, help="And at least so many.")
@on_target
def guard(
    wanted: str, enabled: bool | None, percent: int | None, at_least: int | None, at: Target, as_json: bool
) -> None:
    """What of a wave of deactivations is held; shown, or set where an option says so.

    \b
    muster guard Staff
    muster guard Staff --on --percent 20 --at-least 50
    """
    from models import guard as guards
    from models.guard import Guard

    with at_list(at, wanted) as acting:
        found = guards.of_list(acting.cursor, acting.list.id)
        if any(one is not None for one in (enabled, percent, at_least)):
            found = Guard(
                found.enabled if enabled is None else enabled,
                found.percent if percent is None else percent,
                found.at_least if at_least is None else at_least,
            )
            guards.save(acting.cursor, acting.list.id, found)
            state = f"{'on' if found.enabled else 'off'}: {found.percent} %, at least {found.at_least}"
            acting.record("guard.save", state)
    facts = {"enabled": found.enabled, "percent": found.percent, "at_least": found.at_least}
    return show(facts) if as_json else table([("on" if found.enabled else "off", found.percent, found.at_least)],
                                             "GUARD", "PERCENT", "AT LEAST")  # fmt: skip
