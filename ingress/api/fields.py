"""Fields of a list: what it keeps of everybody, and how that is changed."""

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from ingress.api.desk import Desk
from ingress.api.lists import HOUSE, UID, Field, NewField, field_of
from ingress.api.operation import operation
from models import audit, job, master_list
from models.fields import removal, schema, values
from models.fields.rewriting import NOTHING, Following
from models.fields.schema import Schema
from models.mapping import Field as Stored
from models.master_list import LONGEST_LABEL, MOST_FIELDS

NOUN = "Fields"
PATH = "/lists/{list_id}/fields"
ONE = PATH + "/{key}"
VERSIONED = ("conflict", "version")


class FieldItem(Field, kw_only=True):
    """A field, and what it is used for."""

    people: Annotated[int, Meta(description="How many people have a value.")]
    filled_by: Annotated[str | None, Meta(description="The attribute that is mapped to it, in an operator's words.")]


class OptionUse(Struct, kw_only=True):
    """An option of a dropdown."""

    option: str
    people: Annotated[int, Meta(description="How many people have it.")]


class FieldDetail(FieldItem, kw_only=True):
    """A field with all that would be lost, or is in the way, if it were removed."""

    options_used: Annotated[list[OptionUse], Meta(description="Of a dropdown; those that only people have come last.")]
    sessions: Annotated[list[str], Meta(description="Names of the sessions that have the field, and keep it.")]


class ChangingValues(Struct, kw_only=True):
    """How far people's values follow the last change of a field."""

    label: str
    total: Annotated[int, Meta(description="People to look at.")]
    done: int
    changed: int


class Fields(Struct, kw_only=True):
    """The fields of a list, in their order; the first is the UID."""

    version: Annotated[int, Meta(description="What the ETag names.")]
    items: list[FieldItem]
    changing: Annotated[ChangingValues | None, Meta(description="null where nothing is being changed.")]


class FieldChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed; what is not named stays."""

    label: Annotated[Annotated[str, Meta(min_length=1, max_length=LONGEST_LABEL)] | None,
                     Meta(description="What operators see; the key stays.")] = None  # fmt: skip
    required: Annotated[
        bool | None, Meta(description="Whether whoever is added or edited by hand must have a value.")
    ] = None
    position: Annotated[Annotated[int, Meta(ge=1, le=MOST_FIELDS)] | None,
                        Meta(description="1 is the first after the UID.")] = None  # fmt: skip


class RemovedField(Struct, kw_only=True):
    """A field that is gone."""

    key: Annotated[str, Meta(description="Never another field's.")]
    people: Annotated[int, Meta(description="How many people had a value; workers purge them.")]
    sessions: Annotated[list[str], Meta(description="Names of the sessions that keep the field.")]


def item(field: Field, **more: Any) -> dict[str, Any]:
    """A field's members, and more."""
    return {name: getattr(field, name) for name in Field.__struct_fields__} | more


SAMPLE = Fields(
    version=4, changing=ChangingValues(label="House", total=120, done=80, changed=12),
    items=[FieldItem(**item(UID, people=120, filled_by=None)), FieldItem(**item(HOUSE, people=96, filled_by=None))],
)  # fmt: skip
DETAIL = FieldDetail(
    **item(HOUSE, people=96, filled_by=None), sessions=["Timetable 2027"],
    options_used=[OptionUse(option="North", people=50), OptionUse(option="South", people=46)],
)  # fmt: skip


@operation("GET", PATH, NOUN, SAMPLE, tagged=True)
def list_fields(at: Desk) -> Fields:
    """List the fields of a list.

    In their order, with how many people have a value in each, and how far values follow the last change.
    """
    present = schema.read(at.cursor, at.list.id)
    at.tag(present.version)
    counted = values.counts(at.cursor, at.list.id, present.fields, present.version)
    mapped = removal.mapped(at.cursor, at.list.id)
    items = [
        FieldItem(**item(field_of(field), people=counted.filled.get(field.key, counted.people),
                         filled_by=mapped.get(field.key)))
        for field in present.fields
    ]  # fmt: skip
    return Fields(version=present.version, items=items, changing=_changing(at))


def _changing(at: Desk) -> ChangingValues | None:
    latest = job.latest(at.cursor, at.list.id, job.FIELDS)
    if latest is None or not latest.is_open:
        return None
    told = latest.progress
    return ChangingValues(label=told["label"], total=told["total"], done=told["done"], changed=told["changed"])


@operation("GET", ONE, NOUN, DETAIL, tagged=True)
def get_field(at: Desk, key: str) -> FieldDetail:
    """Read a field.

    With what would be lost if it were removed: who has a value, and of a dropdown who has which option.
    """
    return detail(at, key)


def detail(at: Desk, key: str) -> FieldDetail:
    """A field as it is now, under the version of the schema."""
    present = schema.read(at.cursor, at.list.id)
    field = present.field(key)
    at.tag(present.version)
    used = removal.use(at.cursor, at.list.id, field)
    people = values.counts(at.cursor, at.list.id, [], present.version).people if field.uid else used.people
    return FieldDetail(
        **item(field_of(field), people=people, filled_by=used.attribute),
        options_used=_options(at, field), sessions=list(used.sessions),
    )  # fmt: skip


def _options(at: Desk, field: Stored) -> list[OptionUse]:
    if field.type != "dropdown":
        return []
    having = values.having(at.cursor, at.list.id, field.key)
    gone = [option for option in having if option not in field.options]
    return [OptionUse(option=option, people=having.get(option, 0)) for option in (*field.options, *gone)]


def begin(at: Desk, key: str | None = None) -> tuple[Schema, int | None]:
    """The schema before a change, and the version that If-Match holds it to; a field that there is not is unknown."""
    present = schema.read(at.cursor, at.list.id)
    if key is not None:
        present.changeable(key)
    return present, at.check_version(present.version)


def end(at: Desk, act: str, words: str, following: Following = NOTHING) -> None:
    """Write a change down, and have drains and values follow it."""
    audit.record(at.cursor, at.caller, at.list.id, f"field.{act}", words)
    list_id, bell = at.list.id, at.office.bell
    at.after.append(lambda: bell.schema(list_id, following))


@operation(
    "POST", PATH, NOUN, DETAIL, {"label": "House", "type": "dropdown", "options": ["North", "South"]},
    status=201, problems=VERSIONED, tagged=True,
)  # fmt: skip
def add_field(at: Desk, body: NewField) -> FieldDetail:
    """Add a field.

    At the end; its key is made of its label. With If-Match nothing is added where the fields were changed meanwhile.
    """
    _, expected = begin(at)
    described = master_list.new_field(body.label, body.type, body.options, body.required)
    added = schema.add(at.cursor, at.list.id, described, expected)
    end(at, "add", added.label)
    at.headers["Location"] = f"/api/v1/lists/{at.list.id}/fields/{added.key}"
    return detail(at, added.key)


@operation("PATCH", ONE, NOUN, DETAIL, {"label": "House", "position": 1}, problems=VERSIONED, tagged=True)
def change_field(at: Desk, key: str, body: FieldChange) -> FieldDetail:
    """Rename, move or require a field.

    Its key stays, and with it its values and its mapping. The type and the options have operations of their own.
    """
    present, expected = begin(at, key)
    before, list_id = present.field(key), at.list.id
    # The first change takes the lock; the others come after it, at versions of their own.
    if body.label is not None:
        new = schema.relabel(at.cursor, list_id, key, body.label, expected)
        end(at, "label", f"{before.label} to {new.label}")
        expected = None
    if body.required is not None:
        schema.require(at.cursor, list_id, key, body.required, expected)
        end(at, "required", f"{before.label}: {'required' if body.required else 'not required'}")
        expected = None
    if body.position is not None:
        schema.move(at.cursor, list_id, key, body.position, expected)
        end(at, "move", f"{before.label} to {body.position}")
    return detail(at, key)


@operation(
    "DELETE", ONE, NOUN, RemovedField(key="house", people=96, sessions=["Timetable 2027"]), problems=VERSIONED,
)  # fmt: skip
def remove_field(at: Desk, key: str) -> RemovedField:
    """Remove a field.

    With everybody's values of it; reading it tells how many those are. Refused while a mapping fills it.
    """
    present, expected = begin(at, key)
    used, following = removal.remove(at.cursor, at.list.id, key, expected)
    end(at, "remove", f"{present.field(key).label}, {used.people} values", following)
    return RemovedField(key=key, people=used.people, sessions=list(used.sessions))


OPERATIONS: Sequence[Any] = [list_fields, get_field, add_field, change_field, remove_field]
