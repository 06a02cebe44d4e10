"""What becomes of one row: somebody new, changed or as they were, or why it cannot be. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models import csv_writing
from models.defusing import restore
from models.errors import Refused
from models.imports.matching import STATUS, UID, Matching
from models.imports.values import active_of, check_whole, value_of
from models.mapping import Field, Value
from models.person import LONGEST_UID, Person

CREATED, UPDATED, UNCHANGED, REFUSED = "created", "updated", "unchanged", "refused"
OUTCOMES = (CREATED, UPDATED, UNCHANGED, REFUSED)
LOCKED = "locked"  # counted beside them: rows that have a locked field left alone


@dataclass(frozen=True, slots=True)
class Rules:
    """What rows are judged by: how the file is matched, the list's fields, and which of them an IdP writes."""

    matching: Matching
    columns: Sequence[str]
    fields: Mapping[str, Field]  # those that are matched, by key
    missing: Sequence[Field]  # required ones that no column fills
    locked: Mapping[str, str]
    uid_column: int

    def uid(self, cells: Sequence[str]) -> str:
        """A row's UID; "" where it has none."""
        return restore(cells[self.uid_column].strip()).strip()


@dataclass(slots=True)
class Verdict:
    """What becomes of a row. `changes`: (label, before, after) of somebody who is in the list; `kept`: labels of
    locked fields that the row would have changed; `complaints`: (column, sentence), column "" where it is the row's."""

    outcome: str = UNCHANGED
    uid: str = ""
    put: dict[str, Any] = field(default_factory=dict)
    cleared: set[str] = field(default_factory=set)
    active: bool | None = None
    changes: list[tuple[str, Value, Value]] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    complaints: list[tuple[str, str]] = field(default_factory=list)

    def detail(self) -> dict[str, Any]:
        """What is kept of it with the row."""
        told = {"changes": self.changes, "kept": self.kept, "complaints": self.complaints}
        return {name: value for name, value in told.items() if value}


def rules(matching: Matching, columns: Sequence[str], fields: Sequence[Field], locked: Mapping[str, str]) -> Rules:
    """Rules for a file that is matched."""
    place = matching.column_of(UID)
    assert place is not None
    chosen = set(matching.targets)
    return Rules(
        matching,
        columns,
        {one.key: one for one in fields if one.key in chosen and not one.uid},
        [one for one in fields if one.required and not one.uid and one.key not in chosen],
        locked,
        place,
    )


def judge(rules: Rules, cells: Sequence[str], fault: str | None, first: int | None, present: Person | None) -> Verdict:
    """What becomes of a row, given the row that names the same UID before it, and the person of that UID."""
    verdict = Verdict(uid=rules.uid(cells))
    if fault:
        verdict.complaints.append(("", fault))
    elif not verdict.uid:
        verdict.complaints.append((rules.columns[rules.uid_column], "the row has no UID: give it one"))
    elif first is not None:
        sentence = f"row {first} has the same UID, and counts: remove one of the two"
        verdict.complaints.append((rules.columns[rules.uid_column], sentence))
    else:
        _fill(rules, cells, present, verdict)
    if verdict.complaints:
        return Verdict(REFUSED, verdict.uid, complaints=verdict.complaints)
    return verdict


def _fill(rules: Rules, cells: Sequence[str], present: Person | None, verdict: Verdict) -> None:
    if present is None:
        verdict.outcome = CREATED
        verdict.active = True
        _check_new(rules, verdict)
    for place, target in enumerate(rules.matching.targets):
        try:
            if target == STATUS:
                _status(cells[place], present, verdict)
            elif target in rules.fields:
                _cell(rules, rules.fields[target], cells[place], present, verdict)
        except Refused as refusal:
            verdict.complaints.append((rules.columns[place], refusal.detail))
    if present is not None and (verdict.put or verdict.cleared or verdict.active is not None):
        verdict.outcome = UPDATED


def _check_new(rules: Rules, verdict: Verdict) -> None:
    try:
        _check_uid(verdict.uid)
    except Refused as refusal:
        verdict.complaints.append((rules.columns[rules.uid_column], refusal.detail))
    for one in rules.missing:
        verdict.complaints.append(("", f"{one.label} is required of somebody new, and no column is matched to it"))


def _check_uid(uid: str) -> None:
    if len(uid) > LONGEST_UID:
        raise Refused(f"a UID has 1 to {LONGEST_UID} characters, and this has {len(uid):,}")
    wrong = next((one for one in uid if not one.isprintable()), "")
    if wrong:
        raise Refused(f"the UID holds a character that cannot be seen (U+{ord(wrong):04X}): remove it")
    check_whole(uid, "the UID ")


def _status(cell: str, present: Person | None, verdict: Verdict) -> None:
    """An IdP says whether its people are active; of the others, the file does."""
    wanted = active_of(cell)
    if wanted is None or (present is not None and wanted == present.active):
        return
    if present is not None and present.identity_id is not None:
        verdict.kept.append("Status")
        return
    verdict.active = wanted
    if present is not None:
        words = ("Inactive", "Active")
        verdict.changes.append(("Status", words[present.active], words[wanted]))


def _cell(rules: Rules, target: Field, cell: str, present: Person | None, verdict: Verdict) -> None:
    before = present.fields.get(target.key) if present is not None else None
    # What an export wrote is no change, whether or not it could be typed.
    if present is not None and (cell == csv_writing.cell(before) or (not cell.strip() and not rules.matching.clear)):
        return
    if present is not None and present.identity_id is not None and target.key in rules.locked:
        verdict.kept.append(target.label)
        return
    after = value_of(target, cell, rules.matching)
    if after == before:
        return
    check_whole(cell, f"{target.label}: ")
    if after is None:
        verdict.cleared.add(target.key)
    else:
        verdict.put[target.key] = after
    if present is not None:
        verdict.changes.append((target.label, before, after))
