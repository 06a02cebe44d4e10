"""What the commands of `muster field` share: a list's schema, a change of it, and what is told of that."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from ops.commands.shared import Target, find_list, show

if TYPE_CHECKING:
    from models.database import Cursor
    from models.fields.schema import Schema
    from models.mapping import Field

Act = Callable[["Cursor", str, "Field"], "dict[str, Any]"]


@contextmanager
def opened(at: Target, wanted: str) -> "Iterator[tuple[Cursor, Schema]]":
    """A transaction of the list, and its schema."""
    from models import database
    from models.fields import schema

    with database.connect(at.database_url) as opened, database.transaction(opened) as cursor:
        list_id = find_list(cursor, wanted)
        database.allow(cursor, [list_id])
        yield cursor, schema.read(cursor, list_id)


def change(at: Target, wanted: str, label: str | None, act: Act) -> dict[str, Any]:
    """Do something to a field of a list, and let workers know; returns what there is to tell."""
    from models.mapping import Field
    from ops import logs
    from ops.bell import Bell

    with opened(at, wanted) as (cursor, schema):
        field = Field("", "", "text") if label is None else schema.labelled(label)
        told = {"list_id": schema.list_id, "key": field.key} | act(cursor, schema.list_id, field)
    logs.configure("warning")
    Bell(at.redis_url).schema(told["list_id"], told.get("job_id"))
    return told


def tell(told: dict[str, Any], as_json: bool, sentence: str) -> None:
    """What was done, as a document or in words."""
    if as_json:
        return show(told)
    if told.get("job_id"):
        sentence += " Workers change people's values now; `muster field list` shows how far they are."
    return click.echo(sentence)
