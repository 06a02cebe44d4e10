"""What an operator chooses for each of the 27 attributes, and what is wrong with it (product rules M1–M3, M5). Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from models import master_list
from models.attributes import ATTRIBUTES, Attribute
from models.errors import Refused
from models.extension import Seen
from models.mapping import Field

TRANSFORMS = ("copy", "trim", "lowercase", "uppercase")
# What may be chosen instead of a field's key, which has no colon.
DEFAULT, NEW = ":default", ":new"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the 27 as it is stored, or was chosen. `number` is its place in `ATTRIBUTES`."""

    number: int
    path: str | None  # None: a slot for an extension attribute that nothing was chosen for
    on: bool
    field: str  # a field's key, DEFAULT (the attribute's own field, made if it is missing) or NEW
    label: str = ""  # of a new field
    transform: str = "copy"

    @property
    def attribute(self) -> Attribute:
        """Which of the 27 it is."""
        return ATTRIBUTES[self.number]

    @property
    def name(self) -> str:
        """The attribute in an operator's words."""
        if self.attribute.path is None and self.path:
            return self.path.rpartition(":")[2]
        return self.attribute.label


class Fault(NamedTuple):
    """What is wrong with one choice; `clash`: another one has the field or the attribute."""

    sentence: str
    clash: bool


def offered(seen: Iterable[Seen], present: Iterable[Choice]) -> dict[str, str]:
    """The extension attributes that the two slots may take: SCIM path to type of field."""
    users = [one for one in seen if one.resource == "user" and one.urn.lower().startswith("urn:")]
    several = {(one.urn, one.name.partition(".")[0]) for one in users if one.multi_valued}
    paths = {
        f"{one.urn}:{one.name}": "number" if one.type in ("integer", "decimal") else "text"
        for one in users
        # Of several values there is no one to take.
        if one.type != "complex" and ":" not in one.name and (one.urn, one.name.partition(".")[0]) not in several
    }
    # What an earlier connection has seen may be mapped still.
    kept = [one.path for one in present if one.path and one.attribute.path is None]
    return paths | {path: "text" for path in kept if path not in paths}


def targets(
    choices: Iterable[Choice], fields: Sequence[Field], types: Mapping[str, str]
) -> tuple[dict[int, Field], dict[int, Fault]]:
    """The field of every choice that is on, one without a key where it is to be made, and what is wrong.

    `types` is what `offered` says.
    """
    found: dict[int, Field] = {}
    faults: dict[int, Fault] = {}
    receives: dict[str, str] = {}
    used: dict[str, str] = {}
    for choice in (each for each in choices if each.on):
        try:
            path = _path(choice, types)
            target = _target(choice, fields, types)
        except Refused as refusal:
            faults[choice.number] = Fault(_sentence(refusal.detail), clash=False)
            continue
        if path in used:
            faults[choice.number] = Fault(f"{used[path]} already takes this attribute. Choose another one.", clash=True)
            continue
        used[path] = choice.attribute.label
        same = target.key or f":{target.label.casefold()}"
        if same in receives:
            sentence = f"{target.label} already receives {receives[same]}. Each field can take one attribute."
            faults[choice.number] = Fault(sentence, clash=True)
            continue
        receives[same] = choice.name
        found[choice.number] = target
    return found, faults


def _sentence(detail: str) -> str:
    return f"{detail[:1].upper()}{detail[1:].rstrip('.')}."


def _path(choice: Choice, types: Mapping[str, str]) -> str:
    if choice.transform not in TRANSFORMS:
        raise Refused(f"Choose how the value is written: {', '.join(TRANSFORMS)}.")
    if choice.path is None:
        raise Refused("Choose which attribute of your identity provider this is.")
    if choice.attribute.path is None and choice.path not in types:
        raise Refused("Your identity provider has not sent this attribute. Choose one that it has sent.")
    return choice.path


def _target(choice: Choice, fields: Sequence[Field], types: Mapping[str, str]) -> Field:
    kind = types.get(choice.path or "", "text") if choice.attribute.path is None else choice.attribute.type
    if choice.field == NEW:
        if _labelled(fields, choice.label):
            raise Refused(f"The list has a field called {choice.label.strip()}: choose it, or another label.")
        return master_list.new_field(choice.label, kind)
    if choice.field == DEFAULT:
        label = choice.attribute.default_field
        return _labelled(fields, label) or master_list.new_field(label, kind)
    chosen = next((field for field in fields if field.key == choice.field and not field.uid), None)
    if chosen is None:
        raise Refused("Choose a field of the list.")
    return chosen


def _labelled(fields: Iterable[Field], label: str) -> Field | None:
    wanted = label.strip().casefold()
    return next((field for field in fields if field.label.casefold() == wanted), None)


def changes(
    before: Sequence[Choice], after: Sequence[Choice], fields: Sequence[Field], types: Mapping[str, str]
) -> list[str]:
    """What saving would change, a phrase for each of the 27 that is not as it was."""
    old, _ = targets(before, fields, types)
    new, _ = targets(after, fields, types)
    return [
        _phrase(now, new.get(now.number))
        for was, now in zip(before, after, strict=True)
        if _differs(was, now, old.get(was.number), new.get(now.number))
    ]


def _differs(was: Choice, now: Choice, old: Field | None, new: Field | None) -> bool:
    if not (was.on and now.on):
        return was.on != now.on
    return (was.path, was.transform, old) != (now.path, now.transform, new) or new is None


def _phrase(choice: Choice, target: Field | None) -> str:
    if not choice.on or target is None:
        return f"{choice.name} off"
    return f"{choice.name} to {target.label}" + ("" if choice.transform == "copy" else f" ({choice.transform})")
