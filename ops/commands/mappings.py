"""`muster mapping …`."""

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import click

from ops.commands.acting import Acting, at_list, bell
from ops.commands.shared import Target, on_target, show, table

if TYPE_CHECKING:
    from models.mapping_choice import Choice
    from models.mapping_editor import Editor


@click.group("mapping")
def mapping() -> None:
    """Which attribute fills which field: show, preview, save."""


def choosing(function: Any) -> Any:
    """What is chosen; attributes by number, SCIM path or name, fields by key or label."""
    for option in (
        click.option("--transform", "transforms", multiple=True, metavar="ATTRIBUTE=HOW",
                     help="copy, trim, lowercase or uppercase."),
        click.option("--off", "offs", multiple=True, metavar="ATTRIBUTE", help="Switch one off."),
        click.option("--map", "maps", multiple=True, metavar="ATTRIBUTE=FIELD", help="Switch one on, into this field;"
                     " a field that there is not is made."),
    ):  # fmt: skip
        function = option(function)
    return function


@mapping.command("show")
@click.argument("wanted", metavar="LIST")
@on_target
def present(wanted: str, at: Target, as_json: bool) -> None:
    """All attributes of a list, and the fields that they fill.

    \b
    muster mapping show Staff
    """
    from models import mapping_editor

    with at_list(at, wanted) as acting:
        opened = mapping_editor.opened(acting.cursor, acting.list)
    if as_json:
        items = [asdict(one) | {"name": one.name} for one in opened.stored]
        return show({"version": opened.version, "unique_identifier": opened.unique_identifier, "mappings": items})
    labels = {field.key: field.label for field in acting.list.fields}
    rows = (
        (one.number, one.name, one.path, "on" if one.on else "off", labels.get(one.field, "-"), one.transform)
        for one in opened.stored
    )
    return table(rows, "NUMBER", "ATTRIBUTE", "PATH", "STATE", "FIELD", "TRANSFORM")


@mapping.command()
@click.argument("wanted", metavar="LIST")
@choosing
@on_target
def preview(wanted: str, at: Target, as_json: bool, **chosen: tuple[str, ...]) -> None:
    """Try mappings on the people whom the identity provider added last. Nothing is saved.

    \b
    muster mapping preview Staff --map title="Job Title" --off displayName
    """
    from models import mapping_choice, mapping_edit, mapping_editor, mapping_preview

    with at_list(at, wanted) as acting:
        opened = mapping_editor.opened(acting.cursor, acting.list)
        choices, fields = _choices(acting, opened, **chosen), acting.list.fields
        _, faults = mapping_choice.targets(choices, fields, opened.types)
        if faults:
            raise mapping_edit.Conflicts(faults)
        tried = mapping_preview.preview(acting.cursor, acting.list.id, choices, fields, opened.types)
        changes = mapping_choice.changes(opened.stored, choices, fields, opened.types)
    if as_json:
        return show(asdict(tried) | {"changes": changes})
    click.echo(f"{tried.changed} of {tried.looked_at} people would change. {'; '.join(changes) or 'Nothing differs'}.")
    rows = ((one.uid, label, before, after) for one in tried.sample for label, before, after in one.changes)
    return table(rows, "UID", "FIELD", "BEFORE", "AFTER")


@mapping.command()
@click.argument("wanted", metavar="LIST")
@choosing
@on_target
def save(wanted: str, at: Target, as_json: bool, **chosen: tuple[str, ...]) -> None:
    """Put mappings in force, and have everybody in the list mapped anew.

    \b
    muster mapping save Staff --map title="Job Title" --transform title=trim
    """
    from models import mapping_edit, mapping_editor
    from models.journal import LANES, Lane

    with at_list(at, wanted) as acting:
        opened, list_id = mapping_editor.opened(acting.cursor, acting.list), acting.list.id
        choices = _choices(acting, opened, **chosen)
        saved = mapping_edit.save(acting.cursor, list_id, opened.version, choices, opened.types)
        if saved:
            acting.record("mapping.save", "; ".join(saved.changed))
    if saved:
        bell(at).remap(list_id, saved.job_id)
        bell(at).ring(Lane(list_id, number) for number in range(LANES))
    changed = saved.changed if saved else []
    told = f"Saved: {'; '.join(changed)}." if changed else "Nothing differs from what it was."
    return show({"list_id": list_id, "changed": changed}) if as_json else click.echo(told)


def _choices(
    acting: Acting, opened: "Editor", maps: tuple[str, ...], offs: tuple[str, ...], transforms: tuple[str, ...]
) -> "list[Choice]":
    from models.mapping_choice import NEW

    choices = list(opened.stored)
    keys = {field.label.casefold(): field.key for field in acting.list.fields if not field.uid}
    for name, wanted in map(_pair, maps):
        number, path = _which(opened, name)
        key = wanted if wanted in keys.values() else keys.get(wanted.casefold(), NEW)
        choices[number] = replace(choices[number], path=path, on=True, field=key, label=wanted)
    for name in offs:
        number, _ = _which(opened, name)
        choices[number] = replace(choices[number], on=False)
    for name, how in map(_pair, transforms):
        number, _ = _which(opened, name)
        choices[number] = replace(choices[number], transform=how)
    return opened.possible(choices)


def _pair(text: str) -> tuple[str, str]:
    # A path may have an equals sign of its own; a field's name has none before it.
    name, is_given, value = text.rpartition("=")
    if not is_given:
        raise click.UsageError(f"'{text}' has no = in it")
    return name.strip(), value.strip()


def _which(opened: "Editor", name: str) -> tuple[int, str | None]:
    """The number and the path of an attribute; one that only a slot can take, in the first slot that is off."""
    from models.errors import Unknown

    for one in opened.stored:
        if name in (str(one.number), one.path) or name.casefold() == one.name.casefold():
            return one.number, one.path
    slot = next((one for one in opened.stored if one.attribute.path is None and not one.on), None)
    if name in opened.types and slot is not None:
        return slot.number, name
    raise Unknown(f"no attribute has the number, path or name '{name}': `muster mapping show` has all of them")
