"""Mappings of a list: which attribute fills which field; checked and tried before they are saved."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from ingress.api.desk import Desk
from ingress.api.operation import operation
from ingress.api.problems import Place, Wrong, pointer
from models import audit, job, mapping_choice, mapping_edit, mapping_editor, mapping_preview, remapping
from models.attributes import ATTRIBUTES
from models.journal import LANES, Lane
from models.mapping_choice import DEFAULT, Choice
from models.mapping_editor import Editor
from models.master_list import LONGEST_LABEL

NOUN = "Mappings"
PATH = "/lists/{list_id}/mappings"
Number = Annotated[int, Meta(description="Which of the 27 attributes it is.", ge=0, lt=len(ATTRIBUTES))]
Transform = Literal["copy", "trim", "lowercase", "uppercase"]


class ChosenMapping(Struct, kw_only=True, forbid_unknown_fields=True):
    """A choice for one attribute; what is not named stays as it is in force."""

    number: Number
    on: bool | None = None
    path: Annotated[Annotated[str, Meta(max_length=2_000)] | None, Meta(description="Of a slot: one of `offered`.")] = (
        None
    )
    field: Annotated[
        Annotated[str, Meta(max_length=200)] | None,
        Meta(description="A field's key; `:default` is the attribute's own field, `:new` a new one with `label`."),
    ] = None
    label: Annotated[str, Meta(description="Of a new field.", max_length=LONGEST_LABEL)] = ""
    transform: Transform | None = None


class ChosenMappings(Struct, kw_only=True, forbid_unknown_fields=True):
    """Choices; attributes that are not named stay as they are in force."""

    mappings: Annotated[list[ChosenMapping], Meta(max_length=len(ATTRIBUTES))]


class MappingItem(Struct, kw_only=True):
    """One of the 27 attributes."""

    number: Number
    name: Annotated[str, Meta(description="The attribute in an operator's words.")]
    category: str
    path: Annotated[str | None, Meta(description="Its SCIM path; null is a slot for which none was chosen.")]
    on: bool
    field: Annotated[str, Meta(description="The key of the field that it fills.")]
    transform: str
    possible: Annotated[bool, Meta(description="Whether the provider can fill it at all.")]


class Progress(Struct, kw_only=True):
    """How far everybody is mapped anew."""

    state: str
    total: int
    done: int
    changed: int


class Mappings(Struct, kw_only=True):
    """The mappings in force."""

    version: Annotated[int, Meta(description="What the ETag names.")]
    unique_identifier: str
    items: list[MappingItem]
    offered: Annotated[dict[str, str], Meta(description="Attributes that the slots may take, and their types.")]
    remapping: Progress | None


class MappingFault(Struct, kw_only=True):
    """What is wrong with one choice."""

    number: int
    detail: str
    clash: Annotated[bool, Meta(description="Whether another choice has the field or the attribute.")]


class Checked(Struct, kw_only=True):
    """What the choices come to."""

    faults: list[MappingFault]
    changes: Annotated[list[str], Meta(description="What saving would change, a phrase each.")]


class ValueChange(Struct, kw_only=True):
    """A value before and after."""

    field: str
    before: Any
    after: Any


class Sampled(Struct, kw_only=True):
    """One person whom the choices would change."""

    name: str
    uid: str
    changes: list[ValueChange]


class Preview(Struct, kw_only=True):
    """What would become of people whom the identity provider really sent."""

    changes: list[str]
    people: Annotated[int, Meta(description="Who would be mapped anew.")]
    looked_at: int
    changed: int
    fields: Annotated[dict[str, int], Meta(description="How many values of each field would change, by label.")]
    misfits: Annotated[dict[str, int], Meta(description="How many values would not fit.")]
    locked: Annotated[list[str], Meta(description="Labels of fields that would be locked from then on.")]
    freed: Annotated[list[str], Meta(description="Labels of fields that would be free.")]
    reads_everybody: Annotated[bool, Meta(description="Whether a Directory Sync would read everybody anew.")]
    sample: list[Sampled]


TITLE = next(number for number, one in enumerate(ATTRIBUTES) if one.path == "title")
ITEM = MappingItem(
    number=TITLE, name="Title", category="Organisation", path="title", on=True, field="job_title", transform="copy",
    possible=True,
)  # fmt: skip
SAMPLE = Mappings(
    version=3, unique_identifier="employeeNumber", items=[ITEM], offered={},
    remapping=Progress(state="done", total=120, done=120, changed=4),
)  # fmt: skip
CHOSEN = {"mappings": [{"number": TITLE, "on": True, "field": "job_title", "transform": "trim"}]}
CHECKED = Checked(faults=[], changes=["Title to Job Title (trim)"])
PREVIEW = Preview(
    changes=CHECKED.changes, people=120, looked_at=120, changed=1, fields={"Job Title": 1}, misfits={}, locked=[],
    freed=[], reads_everybody=False,
    sample=[
        Sampled(
            name="Mila Okafor", uid="EMP001", changes=[ValueChange(field="Job Title", before="Head ", after="Head")]
        )
    ],
)  # fmt: skip


@operation("GET", PATH, NOUN, SAMPLE, tagged=True, problems=("invalid",))
def get_mappings(at: Desk) -> Mappings:
    """Read the mappings.

    All 27 attributes, what may be chosen for the two slots, and how far the last change is carried out.
    """
    return _mappings(at, mapping_editor.opened(at.cursor, at.list))


def _mappings(at: Desk, opened: Editor) -> Mappings:
    at.tag(opened.version)
    latest = job.latest(at.cursor, at.list.id, job.REMAP)
    members = ("total", "done", "changed")
    return Mappings(
        version=opened.version, unique_identifier=opened.unique_identifier, offered=dict(opened.types),
        items=[_item(one, opened) for one in opened.stored],
        remapping=Progress(state=latest.state, **{name: int(latest.progress.get(name, 0)) for name in members})
        if latest
        else None,
    )  # fmt: skip


def _item(one: Choice, opened: Editor) -> MappingItem:
    return MappingItem(
        number=one.number, name=one.name, category=one.attribute.category, path=one.path, on=one.on, field=one.field,
        transform=one.transform, possible=opened.has(one.attribute.path),
    )  # fmt: skip


def _choices(opened: Editor, body: ChosenMappings) -> list[Choice]:
    """All 27, with what was chosen."""
    chosen = {one.number: one for one in body.mappings}
    if len(chosen) < len(body.mappings):
        sentence = "an attribute is chosen for twice: give each number once"
        raise Wrong("invalid", sentence, Place(sentence, pointer("mappings")))
    return opened.possible(_changed(one, chosen.get(one.number)) for one in opened.stored)


def _changed(one: Choice, chosen: ChosenMapping | None) -> Choice:
    if chosen is None:
        return one
    return Choice(
        one.number,
        one.attribute.path or chosen.path or one.path,
        one.on if chosen.on is None else chosen.on,
        one.field if chosen.field is None else chosen.field or DEFAULT,
        chosen.label,
        chosen.transform or one.transform,
    )


@operation("POST", PATH + "/check", NOUN, CHECKED, CHOSEN)
def check_mappings(at: Desk, body: ChosenMappings) -> Checked:
    """Check choices.

    What is wrong with them, and what saving them would change. Nothing is saved.
    """
    opened = mapping_editor.opened(at.cursor, at.list)
    choices = _choices(opened, body)
    _, faults = mapping_choice.targets(choices, at.list.fields, opened.types)
    told = [MappingFault(number=number, detail=one.sentence, clash=one.clash) for number, one in faults.items()]
    changes = mapping_choice.changes(opened.stored, choices, at.list.fields, opened.types)
    return Checked(faults=told, changes=changes)


@operation("POST", PATH + "/preview", NOUN, PREVIEW, CHOSEN)
def preview_mappings(at: Desk, body: ChosenMappings) -> Preview:
    """Try choices.

    On the people whom the identity provider added last. Nothing is saved.
    """
    opened = mapping_editor.opened(at.cursor, at.list)
    choices, fields = _choices(opened, body), at.list.fields
    after, faults = mapping_choice.targets(choices, fields, opened.types)
    if faults:
        raise mapping_edit.Conflicts(faults)
    before, _ = mapping_choice.targets(opened.stored, fields, opened.types)
    old, new = ([field.label for field in each.values()] for each in (before, after))
    tried = mapping_preview.preview(at.cursor, at.list.id, choices, fields, opened.types)
    return Preview(
        changes=mapping_choice.changes(opened.stored, choices, fields, opened.types),
        people=remapping.count(at.cursor, at.list.id), looked_at=tried.looked_at, changed=tried.changed,
        fields=dict(tried.fields), misfits=dict(tried.misfits), sample=_sampled(tried.sample),
        locked=[label for label in new if label not in old], freed=[label for label in old if label not in new],
        reads_everybody=opened.reads_everybody(choices),
    )  # fmt: skip


def _sampled(sample: Sequence[mapping_preview.Sampled]) -> list[Sampled]:
    return [
        Sampled(
            name=one.name, uid=one.uid, changes=[ValueChange(field=f, before=b, after=a) for f, b, a in one.changes]
        )
        for one in sample
    ]


@operation(
    "PATCH", PATH, NOUN, SAMPLE, CHOSEN, problems=("conflict", "version", "no-version"), tagged=True
)  # fmt: skip
def save_mappings(at: Desk, body: ChosenMappings) -> Mappings:
    """Save mappings.

    Puts the choices in force and has everybody in the list mapped anew; `remapping` tells how far that is. If-Match
    with the version that was read is needed: choices rest on those of others.
    """
    opened = mapping_editor.opened(at.cursor, at.list)
    expected = at.check_version(opened.version, needed=True)
    version = opened.version if expected is None else expected
    saved = mapping_edit.save(at.cursor, at.list.id, version, _choices(opened, body), opened.types)
    if saved:
        audit.record(at.cursor, at.caller, at.list.id, "mapping.save", "; ".join(saved.changed))
        list_id, bell = at.list.id, at.office.bell
        at.after.append(lambda: bell.remap(list_id, saved.job_id))
        # Drains that met the lock have dropped their lanes.
        at.after.append(lambda: bell.ring(Lane(list_id, number) for number in range(LANES)))
    return _mappings(at, mapping_editor.opened(at.cursor, at.list))


OPERATIONS = [get_mappings, check_mappings, preview_mappings, save_mappings]
