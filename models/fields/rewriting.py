"""The job that changes people's values after their field did: in slices, resumable at any of them."""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from models import job
from models.database import Cursor
from models.errors import Taken
from models.fields.schema import Schema
from models.fields.values import Changer
from models.mapping import Field, converted

KEEP = 20  # finished jobs of a list
BUSY = "people's values are still being changed after the last change of a field: wait until that is done"
RENAME, CLEAR, FIT, PURGE = "rename", "clear", "fit", "purge"


@dataclass(frozen=True, slots=True)
class Task:
    """What is done to the values of one field, and how far it is: `done` people of `total`, `changed` of them."""

    act: str
    key: str
    label: str
    total: int
    value: str | None = None  # the one that is renamed or cleared; None: any
    to: str | None = None
    done: int = 0
    changed: int = 0
    after: str | None = None


class Following(NamedTuple):
    """The jobs that follow a change of a field, each None where it is not needed: `values` changes what people have
    stored, `remap` maps again what the identity provider sent last. Either may be first."""

    values: str | None = None
    remap: str | None = None


NOTHING = Following()


def require_idle(cursor: Cursor, list_id: str) -> None:
    """Taken while values are being changed: a second change would not know which of them are the first one's."""
    found = job.latest(cursor, list_id, job.FIELDS)
    if found is not None and found.is_open:
        raise Taken(BUSY)


def begin(cursor: Cursor, list_id: str, task: Task) -> str:
    """A job for it; returns its id, for the bell."""
    job.forget_old(cursor, list_id, job.FIELDS, KEEP)
    job_id = job.begin(cursor, list_id, job.FIELDS, asdict(task))
    if job_id is None:
        raise Taken(BUSY)
    return job_id


def everybody(cursor: Cursor, list_id: str) -> int:
    """How many people a list has: what a task walks through."""
    cursor.execute("select count(*) from person where list_id = %s", (list_id,))
    row = cursor.fetchone()
    assert row
    return int(row[0])


def changer(task: Task, schema: Schema) -> Changer:
    """What becomes of a value. A value that is as it is to be stays, so that a slice may be done again."""
    if task.act == FIT:
        target = schema.field(task.key)
        return lambda value: _fitted(target, value)
    if task.act == PURGE:
        return lambda _: None
    return lambda value: task.to if value == task.value else value


def _fitted(target: Field, value: Any) -> Any:
    fits, made = converted(target, value)
    return made if fits else None
