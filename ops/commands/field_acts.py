"""What the commands of `muster field` share: a list's schema, a change of it, and what is told of that."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ops.commands.acting import Acting, at_list, bell
from ops.commands.shared import Target, show

if TYPE_CHECKING:
    from models.database import Cursor
    from models.fields.schema import Schema
    from models.mapping import Field

Act = Callable[["Cursor", str, "Field"], "Done"]


class Done(NamedTuple):
    """What there is to tell of an act, and the words of the audit log for it; None where nothing was changed."""

    told: dict[str, Any]
    words: str | None


@contextmanager
def opened(at: Target, wanted: str) -> "Iterator[tuple[Acting, Schema]]":
    """A transaction of the list, and its schema."""
    from models.fields import schema

    with at_list(at, wanted) as acting:
        yield acting, schema.read(acting.cursor, acting.list.id)


def change(at: Target, wanted: str, label: str | None, name: str, act: Act) -> dict[str, Any]:
    """Do something to a field of a list, write it down as `field.` and its name, and let workers know of the jobs that
    follow (`following` of what the act tells); returns what there is to tell."""
    from models.fields.rewriting import NOTHING, Following
    from models.mapping import Field

    with opened(at, wanted) as (acting, schema):
        field = Field("", "", "text") if label is None else schema.labelled(label)
        done = act(acting.cursor, schema.list_id, field)
        if done.words is not None:
            acting.record(f"field.{name}", done.words)
    following: Following = done.told.pop("following", NOTHING)
    if done.words is not None:
        bell(at).schema(schema.list_id, following)
    jobs = {"job_id": following.values, "remap_job_id": following.remap}
    return {"list_id": schema.list_id, "key": field.key} | done.told | jobs


def tell(told: dict[str, Any], as_json: bool, sentence: str) -> None:
    """What was done, as a document or in words."""
    if as_json:
        return show(told)
    if told.get("job_id"):
        sentence += " Workers change people's values now; `muster field list` shows how far they are."
    if told.get("remap_job_id"):
        sentence += " What the identity provider sent last is mapped again."
    return click.echo(sentence)
