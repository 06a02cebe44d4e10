"""`muster field …`: the fields of a list."""

from typing import TYPE_CHECKING, Any

import click

from ops.commands.field_acts import Done, change, opened, tell
from ops.commands.shared import REFUSED, Target, on_target, show, stop, table

if TYPE_CHECKING:
    from models.database import Cursor
    from models.mapping import Field

TYPES = ["text", "number", "email", "date", "dropdown"]


@click.group("field")
def fields() -> None:
    """The fields of a list: add, rename, retype, reorder, remove. A field is named by its label or its key."""


@fields.command("list")
@click.argument("wanted", metavar="LIST")
@on_target
def listing(wanted: str, at: Target, as_json: bool) -> None:
    """The fields of a list, in order, with how many people have a value."""
    from models import job
    from models.fields import removal, values

    with opened(at, wanted) as (acting, schema):
        cursor = acting.cursor
        counted = values.counts(cursor, schema.list_id, schema.fields, schema.version)
        mapped = removal.mapped(cursor, schema.list_id)
        running = job.latest(cursor, schema.list_id, job.FIELDS)
    rows = [
        field.as_json() | {"people": counted.filled.get(field.key, counted.people), "mapped": mapped.get(field.key)}
        for field in schema.fields
    ]
    progress = running.progress if running and running.is_open else None
    if as_json:
        return show({"list_id": schema.list_id, "version": schema.version, "fields": rows, "changing": progress})
    shown = (
        (one["label"], one["key"], one["type"], "yes" if one["required"] else "no", one["mapped"], one["people"])
        for one in rows
    )
    table(shown, "LABEL", "KEY", "TYPE", "REQUIRED", "FILLED BY", "PEOPLE")
    if progress:
        click.echo(f"Values of {progress['label']} are being changed: {progress['done']} of {progress['total']} people")
    return None


@fields.command()
@click.argument("wanted", metavar="LIST")
@click.argument("label")
@click.option("--type", "kind", type=click.Choice(TYPES), default="text", show_default=True)
@click.option("--option", "options", multiple=True, help="An option of a dropdown; several times.")
@click.option("--required", is_flag=True, help="Whoever is added or edited by hand must have a value.")
@on_target
def add(
    wanted: str, label: str, kind: str, options: tuple[str, ...], required: bool, at: Target, as_json: bool
) -> None:
    """Add a field at the end.

    \b
    muster field add Staff Locker
    muster field add Staff Team --type dropdown --option Red --option Blue
    """
    from models import master_list
    from models.fields import schema

    new = master_list.new_field(label, kind, options, required)

    def act(cursor: "Cursor", list_id: str, _: "Field") -> Done:
        return Done({"key": schema.add(cursor, list_id, new).key, "label": new.label}, new.label)

    told = change(at, wanted, None, "add", act)
    tell(told, as_json, f"{new.label} is added; its key is {told['key']}.")


@fields.command()
@click.argument("wanted", metavar="LIST")
@click.argument("field")
@click.argument("label")
@on_target
def rename(wanted: str, field: str, label: str, at: Target, as_json: bool) -> None:
    """Call a field otherwise. Its key, its values and its mapping stay."""
    from models.fields import schema

    def act(cursor: "Cursor", list_id: str, one: "Field") -> Done:
        new = schema.relabel(cursor, list_id, one.key, label).label
        return Done({"label": new}, f"{one.label} to {new}")

    told = change(at, wanted, field, "label", act)
    tell(told, as_json, f"{field} is called {told['label']} now.")


@fields.command()
@click.argument("wanted", metavar="LIST")
@click.argument("field")
@click.argument("kind", type=click.Choice(TYPES), metavar="TYPE")
@click.option("--option", "options", multiple=True, help="An option of a dropdown; several times.")
@click.option("--clear", is_flag=True, help="Clear the values that do not fit; it is refused otherwise.")
@click.option("--check", is_flag=True, help="Say what does not fit, and change nothing.")
@on_target
def retype(
    wanted: str, field: str, kind: str, options: tuple[str, ...], clear: bool, check: bool, at: Target, as_json: bool
) -> None:
    """Change a field's type, after trying everybody's values.

    \b
    muster field retype Staff "Start date" date --check
    muster field retype Staff "Start date" date --clear
    """
    from models.fields import retype as retyping
    from models.fields import rewriting

    def act(cursor: "Cursor", list_id: str, one: "Field") -> Done:
        following, words = rewriting.NOTHING, None
        if check:
            trial = retyping.check(cursor, list_id, one.key, kind, options)
        else:
            trial, following = retyping.save(cursor, list_id, one.key, kind, options, None if clear else 0)
            words = f"{one.label}: {one.type} to {kind}, {trial.misfits} cleared"
        told = {"people": trial.people, "misfits": trial.misfits, "examples": trial.examples}
        return Done(told | {"type": kind, "following": following}, words)

    told = change(at, wanted, field, "type", act)
    examples = f" ({', '.join(told['examples'])})" if told["examples"] else ""
    found = f"{told['misfits']:,} of {told['people']:,} values do not fit{examples}."
    tell(told, as_json, found if check else f"{field} is of type {kind} now. {found}")


@fields.command()
@click.argument("wanted", metavar="LIST")
@click.argument("field")
@click.option("--off", is_flag=True, help="Not any more.")
@on_target
def require(wanted: str, field: str, off: bool, at: Target, as_json: bool) -> None:
    """Require a value of whoever is added or edited by hand."""
    from models.fields import schema, values

    def act(cursor: "Cursor", list_id: str, one: "Field") -> Done:
        changed = schema.require(cursor, list_id, one.key, not off)
        present = schema.read(cursor, list_id)
        counted = values.counts(cursor, list_id, present.fields, present.version)
        told = {"required": changed.required, "without": counted.people - counted.filled[one.key]}
        return Done(told, f"{one.label}: {'not required' if off else 'required'}")

    told = change(at, wanted, field, "required", act)
    tell(told, as_json, f"{field} is {'not ' if off else ''}required now; {told['without']:,} people have no value.")


@fields.command()
@click.argument("wanted", metavar="LIST")
@click.argument("field")
@click.argument("position", type=int)
@on_target
def move(wanted: str, field: str, position: int, at: Target, as_json: bool) -> None:
    """Put a field at a position; 1 is the first after the UID."""
    from models.fields import schema

    def act(cursor: "Cursor", list_id: str, one: "Field") -> Done:
        schema.move(cursor, list_id, one.key, position)
        return Done({"position": position}, f"{one.label} to {position}")

    tell(change(at, wanted, field, "move", act), as_json, f"{field} is at position {position} now.")


@fields.command()
@click.argument("wanted", metavar="LIST")
@click.argument("field")
@click.option("--yes", is_flag=True, help="Do it; without, it is said what would be lost.")
@on_target
def remove(wanted: str, field: str, yes: bool, at: Target, as_json: bool) -> None:
    """Remove a field with everybody's values of it."""
    from models.fields import removal

    def act(cursor: "Cursor", list_id: str, one: "Field") -> Done:
        if not yes:
            lost = removal.use(cursor, list_id, one)
            kept = f"; sessions that keep it: {', '.join(lost.sessions)}" if lost.sessions else ""
            sentence = f"{lost.people:,} people have a value of {one.label}, and would lose it{kept}"
            stop(REFUSED, f"{sentence}: say --yes to remove it")
        use, following = removal.remove(cursor, list_id, one.key)
        return Done({"people": use.people, "following": following}, f"{one.label}, {use.people} values")

    told = change(at, wanted, field, "remove", act)
    tell(told, as_json, f"{field} is removed; {told['people']:,} people had a value.")


@fields.command()
@click.argument("wanted", metavar="LIST")
@click.argument("field")
@click.option("--add", "added", multiple=True, help="Offer one more; several times.")
@click.option("--rename", nargs=2, metavar="OPTION NEW", help="Call one otherwise; who has it follows.")
@click.option(
    "--move", nargs=2, type=(str, int), metavar="OPTION POSITION", help="Put one at a position; 1 is the first."
)
@click.option("--remove", "removed", metavar="OPTION", help="Offer one no longer; --keep or --clear with it.")
@click.option("--keep/--clear", default=None, help="Whether who has the removed option keeps it.")
@on_target
def options(wanted: str, field: str, at: Target, as_json: bool, **asked: Any) -> None:
    """The options of a dropdown and how many people have each; or a change of them, one at a time.

    \b
    muster field options Staff Team
    muster field options Staff Team --add Green --add Gold
    muster field options Staff Team --rename Red Crimson
    muster field options Staff Team --remove Blue --clear
    """
    from models.fields import options as changing
    from models.fields import schema, values

    given = [name for name in ("added", "rename", "move", "removed") if asked[name]]
    if len(given) > 1:
        raise click.UsageError("change one thing at a time: --add, --rename, --move or --remove")
    if asked["removed"] and asked["keep"] is None:
        raise click.UsageError("say whether who has the option keeps it: --keep or --clear")

    def act(cursor: "Cursor", list_id: str, one: "Field") -> Done:
        told: dict[str, Any] = {}
        what = ""
        if asked["added"]:
            told["following"] = changing.add(cursor, list_id, one.key, asked["added"])
            what = f"add {', '.join(asked['added'])}"
        elif asked["rename"]:
            told["following"] = changing.rename(cursor, list_id, one.key, *asked["rename"])
            what = f"rename {' '.join(asked['rename'])}"
        elif asked["move"]:
            changing.move(cursor, list_id, one.key, asked["move"][0], asked["move"][1] - 1)
            what = f"move {asked['move'][0]} to {asked['move'][1]}"
        elif asked["removed"]:
            _, told["following"] = changing.remove(cursor, list_id, one.key, asked["removed"], asked["keep"])
            what = f"{'keep' if asked['keep'] else 'clear'} {asked['removed']}"
        having = values.having(cursor, list_id, one.key)
        offered = schema.read(cursor, list_id).field(one.key).options
        told["options"] = [{"option": name, "people": having.get(name, 0)} for name in offered]
        return Done(told, f"{one.label}: {what}" if what else None)

    told = change(at, wanted, field, "options", act)
    tell(told, as_json, "\n".join(f"{one['option']}  {one['people']:,}" for one in told["options"]))
