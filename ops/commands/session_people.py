"""`muster session person`, `add`, `edit`, `remove` and `restore`: one person of a copy. The list stays as it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

import click

from ops.commands.acting import Acting, at_list
from ops.commands.persons import set_option
from ops.commands.shared import Target, on_target, show, table

if TYPE_CHECKING:
    from models.sessions.people import Copied
    from models.sessions.taking import Session

status_option = click.option("--active/--inactive", "active", default=None, help="Their status in the session.")


class Held(NamedTuple):
    """A session in its transaction."""

    acting: Acting
    session: "Session"

    def somebody(self, uid: str) -> "Copied":
        """Whoever has a UID in it."""
        from models.sessions import people

        return people.known(self.acting.cursor, self.session, uid)

    def typed(self, given: tuple[str, ...]) -> dict[str, str]:
        """Values by key, of `FIELD=VALUE` with a key or a label that the session has."""
        from models.errors import Unknown

        own = [field for field in self.session.fields if not field.uid]
        keys = {field.label.casefold(): field.key for field in own} | {field.key: field.key for field in own}
        found = {}
        for text in given:
            name, is_given, value = text.partition("=")
            if not is_given:
                raise click.UsageError(f"'{text}' is no FIELD=VALUE")
            key = keys.get(name.strip()) or keys.get(name.strip().casefold())
            if key is None:
                labels = ", ".join(field.label for field in own)
                raise Unknown(f"the session has no field '{name.strip()}': it has {labels}")
            found[key] = value
        return found

    def record(self, act: str, words: str) -> None:
        """Write down what was done."""
        self.acting.record(f"session.{act}", f"{self.session.name}: {words}")


@contextmanager
def _held(at: Target, wanted: str, session: str) -> Iterator[Held]:
    from models.sessions import taking

    with at_list(at, wanted) as acting:
        yield Held(acting, taking.find(acting.cursor, acting.list.id, session))


def _tell(one: "Copied", what: str, as_json: bool) -> None:
    return show(asdict(one) | {"mark": one.mark or None}) if as_json else click.echo(f"{one.uid} {what}.")


@click.command("person")
@click.argument("wanted", metavar="LIST")
@click.argument("session")
@click.argument("uid")
@on_target
def present(wanted: str, session: str, uid: str, at: Target, as_json: bool) -> None:
    """Somebody in a session, beside how they were when it was taken.

    \b
    muster session person Staff "Timetable 2027" EMP001
    """
    from models.sessions import people

    with _held(at, wanted, session) as held:
        cursor, current, _ = held.acting
        one = people.find(cursor, current.id, held.session.id, held.somebody(uid).id)
    if as_json:
        return show(asdict(one) | {"mark": one.mark or None, "original": one.original})
    was = one.original or {"uid": "", "active": None, "fields": {}}
    rows: list[tuple[str, object, object]] = [
        ("UID", one.uid, was["uid"]),
        ("Status", _status(one.active), _status(was["active"])),
    ]
    rows += [(field.label, one.fields.get(field.key), was["fields"].get(field.key)) for field in held.session.fields
             if not field.uid]  # fmt: skip
    return table(rows, "FIELD", "SESSION", "SNAPSHOT")


def _status(active: bool | None) -> str:
    return "" if active is None else "Active" if active else "Inactive"


@click.command()
@click.argument("wanted", metavar="LIST")
@click.argument("session")
@click.argument("uid")
@set_option
@status_option
@on_target
def add(
    wanted: str, session: str, uid: str, given: tuple[str, ...], active: bool | None, at: Target, as_json: bool
) -> None:
    """Add somebody to a session alone.

    \b
    muster session add Staff "Timetable 2027" NEW001 --set "First Name=Mila"
    """
    from models.sessions import people

    with _held(at, wanted, session) as held:
        cursor, current, actor = held.acting
        typed = held.typed(given) | {people.UID: uid}
        people.add(cursor, current.id, held.session.id, actor.who, typed, active is not False)
        held.record("add", uid.strip())
        one = held.somebody(uid)
    return _tell(one, "is added", as_json)


@click.command()
@click.argument("wanted", metavar="LIST")
@click.argument("session")
@click.argument("uid")
@set_option
@click.option("--uid", "new", help="Another UID.")
@status_option
@on_target
def edit(
    wanted: str, session: str, uid: str, given: tuple[str, ...], new: str | None, active: bool | None, at: Target,
    as_json: bool,
) -> None:  # fmt: skip
    """Change any field of somebody in a session.

    \b
    muster session edit Staff "Timetable 2027" EMP001 --set house=South --inactive
    """
    from models.sessions import people

    if not given and new is None and active is None:
        raise click.UsageError("say what changes: --set FIELD=VALUE, --uid, --active or --inactive")
    with _held(at, wanted, session) as held:
        cursor, current, actor = held.acting
        one, typed = held.somebody(uid), held.typed(given) | ({} if new is None else {people.UID: new})
        touched = people.edit(
            cursor, current.id, held.session.id, one.id, one.version, actor.who, typed, active
        )  # fmt: skip
        if touched:
            held.record("edit", f"{one.uid}: {', '.join(touched)}")
        now = people.find(cursor, current.id, held.session.id, one.id)
    return _tell(now, "is changed" if touched else "is as it was", as_json)


@click.command()
@click.argument("wanted", metavar="LIST")
@click.argument("session")
@click.argument("uid")
@on_target
def remove(wanted: str, session: str, uid: str, at: Target, as_json: bool) -> None:
    """Take somebody out of a session. Who was taken with it can be restored."""
    from models.sessions import people

    with _held(at, wanted, session) as held:
        cursor, current, actor = held.acting
        one = held.somebody(uid)
        people.remove(cursor, current.id, held.session.id, one.id, one.version, actor.who)
        held.record("remove", one.uid)
    return show({"id": one.id, "uid": one.uid}) if as_json else click.echo(f"{one.uid} is removed.")


@click.command()
@click.argument("wanted", metavar="LIST")
@click.argument("session")
@click.argument("uid")
@on_target
def restore(wanted: str, session: str, uid: str, at: Target, as_json: bool) -> None:
    """Put somebody who was removed from a session back, as they were then."""
    from models.sessions import people

    with _held(at, wanted, session) as held:
        cursor, current, actor = held.acting
        one = held.somebody(uid)
        people.restore(cursor, current.id, held.session.id, one.id, actor.who)
        held.record("restore", one.uid)
        now = people.find(cursor, current.id, held.session.id, one.id)
    return _tell(now, "is in the session again", as_json)


COMMANDS = (present, add, edit, remove, restore)
