"""Changes of a field that people's values follow: its type, tried first, and the options of a dropdown."""

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from ingress.api.desk import Desk
from ingress.api.fields import DETAIL, NOUN, ONE, VERSIONED, FieldDetail, begin, detail, end
from ingress.api.lists import Kind, Option
from ingress.api.operation import operation
from models.fields import options, retype
from models.master_list import MOST_OPTIONS

Wanted = Annotated[list[Option], Meta(description="Of a dropdown.", max_length=MOST_OPTIONS)]
Named = Annotated[str, Meta(description="The option, as it is written.")]


class TriedType(Struct, kw_only=True, forbid_unknown_fields=True):
    """A type to be tried."""

    type: Kind
    options: Wanted = []


class NewType(TriedType, kw_only=True, forbid_unknown_fields=True):
    """A type to be given."""

    clear: Annotated[bool, Meta(description="Clear the values that do not fit; it is refused otherwise.")] = False


class TypeTrial(Struct, kw_only=True):
    """Everybody's values against a type."""

    people: Annotated[int, Meta(description="How many people have a value.")]
    misfits: Annotated[int, Meta(description="How many of these do not fit.")]
    examples: Annotated[list[str], Meta(description="Some that do not, the most frequent first.")]


class MoreOptions(Struct, kw_only=True, forbid_unknown_fields=True):
    """Options to be offered as well."""

    options: Annotated[list[Option], Meta(min_length=1, max_length=MOST_OPTIONS)]


class OptionChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed of an option; what is not named stays."""

    option: Named
    name: Annotated[Option | None, Meta(description="Its new name; who has it follows.")] = None
    position: Annotated[
        Annotated[int, Meta(ge=1, le=MOST_OPTIONS)] | None, Meta(description="1 is the first.")
    ] = None  # fmt: skip


class RemovedOption(Struct, kw_only=True, forbid_unknown_fields=True):
    """An option to be offered no longer."""

    option: Named
    keep: Annotated[bool, Meta(description="Whether who has it keeps it until they get another; false clears it.")]


@operation(
    "POST", ONE + "/type/check", NOUN, TypeTrial(people=96, misfits=2, examples=["after Easter"]), {"type": "date"}
)
def check_field_type(at: Desk, key: str, body: TriedType) -> TypeTrial:
    """Try another type for a field.

    On everybody's values. Nothing is changed.
    """
    found = retype.check(at.cursor, at.list.id, key, body.type, body.options)
    return TypeTrial(people=found.people, misfits=found.misfits, examples=list(found.examples))


@operation("PUT", ONE + "/type", NOUN, DETAIL, {"type": "date", "clear": True}, problems=VERSIONED, tagged=True)
def change_field_type(at: Desk, key: str, body: NewType) -> FieldDetail:
    """Change a field's type.

    Tried on everybody's values again: refused where some do not fit, unless `clear` says that those are to be cleared.
    Values follow in the background; `changing` of the fields tells how far they are.
    """
    present, expected = begin(at, key)
    before = present.field(key)
    may_clear = None if body.clear else 0
    found, following = retype.save(at.cursor, at.list.id, key, body.type, body.options, may_clear, expected)
    end(at, "type", f"{before.label}: {before.type} to {body.type}, {found.misfits} cleared", following)
    return detail(at, key)


@operation(
    "POST", ONE + "/options", NOUN, DETAIL, {"options": ["West"]}, problems=VERSIONED, tagged=True,
)  # fmt: skip
def add_field_options(at: Desk, key: str, body: MoreOptions) -> FieldDetail:
    """Add options to a dropdown.

    After those that there are.
    """
    present, expected = begin(at, key)
    following = options.add(at.cursor, at.list.id, key, body.options, expected)
    end(at, "options", f"{present.field(key).label}: add {', '.join(body.options)}", following)
    return detail(at, key)


@operation(
    "PATCH", ONE + "/options", NOUN, DETAIL, {"option": "North", "name": "Northern", "position": 2},
    problems=VERSIONED, tagged=True,
)  # fmt: skip
def change_field_option(at: Desk, key: str, body: OptionChange) -> FieldDetail:
    """Rename or move an option.

    Who has one that is renamed follows, in the background.
    """
    present, expected = begin(at, key)
    label, option, list_id = present.field(key).label, body.option, at.list.id
    if body.position is not None:
        options.move(at.cursor, list_id, key, option, body.position - 1, expected)
        end(at, "options", f"{label}: move {option} to {body.position}")
        expected = None
    # Last: once its values are being changed, a field waits for no other change.
    if body.name is not None:
        following = options.rename(at.cursor, list_id, key, option, body.name, expected)
        end(at, "options", f"{label}: rename {option} {body.name}", following)
    return detail(at, key)


@operation(
    "POST", ONE + "/options/remove", NOUN, DETAIL, {"option": "North", "keep": False}, problems=VERSIONED,
    tagged=True,
)  # fmt: skip
def remove_field_option(at: Desk, key: str, body: RemovedOption) -> FieldDetail:
    """Remove an option.

    It is offered no longer. Who has it keeps it, or is cleared in the background: `keep` decides.
    """
    present, expected = begin(at, key)
    _, following = options.remove(at.cursor, at.list.id, key, body.option, body.keep, expected)
    end(at, "options", f"{present.field(key).label}: {'keep' if body.keep else 'clear'} {body.option}", following)
    return detail(at, key)


OPERATIONS: Sequence[Any] = [
    check_field_type, change_field_type, add_field_options, change_field_option, remove_field_option,
]  # fmt: skip
