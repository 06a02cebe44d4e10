"""`muster person …`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ops.commands.acting import Acting, at_list, ring
from ops.commands.shared import Target, on_target, show, table

if TYPE_CHECKING:
    from models.person_page import Row

set_option = click.option(
    "--set", "given", multiple=True, metavar="FIELD=VALUE", help="A field by its key or label; no value clears it."
)


@click.group("person")
def person() -> None:
    """One person of a list: show, add, edit, deactivate, reactivate."""


@person.command("show")
@click.argument("wanted", metavar="LIST")
@click.argument("uid")
@on_target
def present(wanted: str, uid: str, at: Target, as_json: bool) -> None:
    """Somebody, with their fields and which of them are locked.

    \b
    muster person show Staff EMP001
    """
    from models import person as people

    with at_list(at, wanted) as acting:
        one = _one(acting, uid)
        locked = people.locked_fields(acting.cursor, acting.list.id) if one.synced else {}
    if as_json:
        return show(asdict(one) | {"locked": list(locked)})
    rows = [(field.label, one.fields.get(field.key), "locked" if field.key in locked else "") for field in
            acting.list.fields if not field.uid]  # fmt: skip
    return table([("UID", one.uid, ""), ("Status", "Active" if one.active else "Inactive", ""), *rows])


def _one(acting: Acting, uid: str) -> "Row":
    from models import person_edit, person_page

    return person_page.find(acting.cursor, acting.list.id, person_edit.known(acting.cursor, acting.list.id, uid))


def _given(acting: Acting, given: tuple[str, ...]) -> dict[str, str]:
    """Values by key, of `FIELD=VALUE` with a key or a label."""
    keys = {field.label.casefold(): field.key for field in acting.list.fields}
    found = {}
    for text in given:
        name, is_given, value = text.partition("=")
        if not is_given:
            raise click.UsageError(f"'{text}' is no FIELD=VALUE")
        found[keys.get(name.strip().casefold(), name.strip())] = value
    return found


@person.command()
@click.argument("wanted", metavar="LIST")
@click.argument("uid")
@set_option
@on_target
def add(wanted: str, uid: str, given: tuple[str, ...], at: Target, as_json: bool) -> None:
    """Add somebody by hand.

    \b
    muster person add Staff EMP001 --set "First Name=Mila" --set house=North
    """
    from models import person_edit

    with at_list(at, wanted) as acting:
        values = _given(acting, given)
        person_id = person_edit.add(acting.cursor, acting.actor, acting.list, uid, values)
    return show({"id": person_id, "uid": uid}) if as_json else click.echo(f"{uid} is added.")


@person.command()
@click.argument("wanted", metavar="LIST")
@click.argument("uid")
@set_option
@on_target
def edit(wanted: str, uid: str, given: tuple[str, ...], at: Target, as_json: bool) -> None:
    """Change fields that the identity provider does not write.

    \b
    muster person edit Staff EMP001 --set house=South --set locker=
    """
    from models import person_edit

    if not given:
        raise click.UsageError("say what changes: --set FIELD=VALUE")
    with at_list(at, wanted) as acting:
        one = _one(acting, uid)
        values = _given(acting, given)
        person_edit.edit(acting.cursor, acting.actor, acting.list, one.id, None, values)
        now = _one(acting, uid)
    _tell(now, "is changed" if now.version != one.version else "is as it was", as_json)


@person.command()
@click.argument("wanted", metavar="LIST")
@click.argument("uid")
@on_target
def deactivate(wanted: str, uid: str, at: Target, as_json: bool) -> None:
    """Make somebody inactive; it holds until the identity provider's next push for them."""
    from models import person_edit

    with at_list(at, wanted) as acting:
        lanes = person_edit.deactivate(acting.cursor, acting.actor, acting.list.id, _one(acting, uid).id)
        now = _one(acting, uid)
    ring(at, lanes)
    _tell(now, "is inactive", as_json)


@person.command()
@click.argument("wanted", metavar="LIST")
@click.argument("uid")
@on_target
def reactivate(wanted: str, uid: str, at: Target, as_json: bool) -> None:
    """Make somebody active again; it holds until the identity provider's next push for them."""
    from models import person_edit

    with at_list(at, wanted) as acting:
        person_edit.reactivate(acting.cursor, acting.actor, acting.list.id, _one(acting, uid).id)
        now = _one(acting, uid)
    _tell(now, "is active", as_json)


def _tell(one: "Row", what: str, as_json: bool) -> Any:
    return show(asdict(one)) if as_json else click.echo(f"{one.uid} {what}.")
