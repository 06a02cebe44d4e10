"""What mappings come to before they are saved: tried on people that the IdP really sent (product rule M4)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models import mapping, remapping
from models.database import Cursor
from models.mapping import Field, Projection
from models.mapping_choice import Choice, targets
from models.resource import Document

MOST = 2_000  # people; what a preview reads and projects in well under a second
SAMPLE = 10  # people who are shown
RECENT = 200  # log entries, and users, among which the last value of each attribute is looked for
SHOWN = 120  # characters of a value


@dataclass(frozen=True, slots=True)
class Sampled:
    """One person whom the mappings would change: `changes` are (field, before, after)."""

    name: str
    uid: str
    changes: Sequence[tuple[str, Any, Any]]


@dataclass(slots=True)
class Preview:
    """How many of those looked at would change, per field (by label), and some of them."""

    looked_at: int = 0
    changed: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    misfits: Counter[str] = field(default_factory=Counter)
    sample: list[Sampled] = field(default_factory=list)


def preview(
    cursor: Cursor, list_id: str, choices: Iterable[Choice], fields: Sequence[Field], types: Mapping[str, str]
) -> Preview:
    """Try these choices on the people whom the IdP added last."""
    projection, labels = _draft(choices, fields, types)
    found = Preview()
    for document, uid, present in remapping.newest(cursor, list_id, MOST):
        projected = projection.project(document)
        found.looked_at += 1
        found.misfits.update(problem.label for problem in projected.problems)
        changed = remapping.differences(present, projected.values)
        if not changed:
            continue
        found.changed += 1
        found.fields.update(labels[key] for key in changed)
        if len(found.sample) < SAMPLE:
            moved = [(labels[key], present.get(key), value) for key, value in changed.items()]
            found.sample.append(Sampled(_name(document), uid, moved))
    return found


def _draft(
    choices: Iterable[Choice], fields: Sequence[Field], types: Mapping[str, str]
) -> tuple[Projection, dict[str, str]]:
    """The projection that saving would bring; fields that are to be made have keys that no stored field has."""
    chosen = {one.number: one for one in choices}
    found, _ = targets(chosen.values(), fields, types)
    keyed = {
        number: Field(target.key or f":{number}", target.label, target.type, target.options)
        for number, target in found.items()
    }
    drafts = [
        mapping.Mapping(chosen[number].path or "", target.key, True, chosen[number].transform)
        for number, target in keyed.items()
    ]
    return mapping.compile(drafts, keyed.values()), {target.key: target.label for target in keyed.values()}


def _name(document: Document) -> str:
    return str(document.get("displayName") or document.get("userName") or "")


def last_values(cursor: Cursor, list_id: str, paths: Iterable[str]) -> dict[str, str]:
    """The last value that came in for each of these attributes, by SCIM path."""
    texts = {path: Field(path, "", "text") for path in paths}
    every = mapping.compile([mapping.Mapping(path, path, True, "copy") for path in texts], texts.values())
    found: dict[str, str] = {}
    for document in _recent(cursor, list_id):
        for path, value in every.project(document).values.items():
            if value is not None and path not in found:
                found[path] = str(value)[:SHOWN]
    return found


def _recent(cursor: Cursor, list_id: str) -> list[Document]:
    # By the log, for there is no index by time of change: each would cost every update its own. Its oldest
    # entries may be gone; those whom the IdP added last are there in any case.
    cursor.execute(
        "select document from identity where list_id = %s and id in ("
        " select identity_id from (select identity_id from log_entry where list_id = %s"
        " order by list_id desc, at desc, id desc limit %s) e"
        " union select id from (select id from identity where list_id = %s"
        " order by list_id desc, created desc, id desc limit %s) i)"
        " order by modified desc, id desc",
        (list_id, list_id, RECENT, list_id, RECENT),
    )
    return [row[0] for row in cursor.fetchall()]
