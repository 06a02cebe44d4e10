"""A slice of an import's rows, judged by what holds now: for its preview, or merged into the list."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from models import master_list, person
from models.database import Cursor, lock_key
from models.errors import Refused
from models.imports import judging, matching
from models.imports.judging import CREATED, LOCKED, UPDATED, Rules, Verdict
from models.imports.store import DONE, PREVIEWED, RUNNING, Import
from models.person import Person
from models.text import equality_key, new_id

SLICE = 500  # rows: what they concern is locked for tens of milliseconds
_LONGEST_KEY = 2_000  # bytes; a Postgres index entry holds 2,700, and nobody in a list has a longer UID
_encode = msgspec.json.Encoder().encode


class _Row(NamedTuple):
    number: int
    cells: list[str]
    fault: str | None
    outcome: str | None
    detail: dict[str, Any] | None


def work(cursor: Cursor, one: Import) -> bool:
    """Do the next slice, in the caller's transaction; False when there was none. The import is changed, not stored.

    Refused where the file cannot be merged as it is matched (any more).
    """
    rows = _next(cursor, one)
    if not rows:
        one.state, one.passed = (DONE if one.state == RUNNING else PREVIEWED), 0
        return False
    # Mappings and fields stay as they are until this slice is stored, as with drains.
    cursor.execute("select pg_advisory_xact_lock_shared(%s)", (lock_key("roster", one.list_id),))
    rules = _rules(cursor, one)
    writes = one.state == RUNNING
    keys = [_key(rules, row) for row in rows]
    present = _people(cursor, one.list_id, keys, writes)
    firsts = _firsts(cursor, one, rows, keys)
    verdicts = [
        judging.judge(rules, row.cells, row.fault, first, present.get(key))
        for row, key, first in zip(rows, keys, firsts, strict=True)
    ]
    if writes:
        _merge(cursor, one.list_id, keys, verdicts, present)
    _note(cursor, one, rows, keys, verdicts)
    return True


def _next(cursor: Cursor, one: Import) -> list[_Row]:
    cursor.execute(
        "select number, cells, fault, outcome, detail from import_row where list_id = %s and import_id = %s"
        " and number > %s order by list_id, import_id, number limit %s",
        (one.list_id, one.id, one.passed, SLICE),
    )
    return [_Row(*row) for row in cursor.fetchall()]


def _key(rules: Rules, row: _Row) -> str:
    """What the row's person is found by; "" where it can be nobody's."""
    key = "" if row.fault else equality_key(rules.uid(row.cells))
    return key if len(key.encode()) <= _LONGEST_KEY else ""


def _rules(cursor: Cursor, one: Import) -> Rules:
    if one.matching is None:
        raise Refused("the columns of this file are not matched: match them, then preview")
    fields = master_list.fields(cursor, one.list_id)
    matching.check(one.matching, one.columns, fields)
    return judging.rules(one.matching, one.columns, fields, person.locked_fields(cursor, one.list_id))


def _people(cursor: Cursor, list_id: str, keys: Sequence[str], lock: bool) -> dict[str, Person]:
    """Those who are in the list, by UID: for a run locked, in order of id, as drains do."""
    wanted = sorted({key for key in keys if key})
    if lock:
        found = person.lock_matching(cursor, [], [], [(list_id, key) for key in wanted])
    else:
        found = person.of_uids(cursor, list_id, wanted)
    return {one.uid_key: one for one in found}


def _firsts(cursor: Cursor, one: Import, rows: Sequence[_Row], keys: Sequence[str]) -> list[int | None]:
    """For each row, the number of the first one before it with the same UID."""
    cursor.execute(
        "select uid_key, min(number) from import_row where list_id = %s and import_id = %s"
        " and uid_key = any(%b::text[]) and number < %s group by uid_key",
        (one.list_id, one.id, sorted({key for key in keys if key}), rows[0].number),
    )
    seen: dict[str, int] = {row[0]: row[1] for row in cursor.fetchall()}
    firsts: list[int | None] = []
    for row, key in zip(rows, keys, strict=True):
        firsts.append(seen.get(key) if key else None)
        if key:
            seen.setdefault(key, row.number)
    return firsts


def _merge(
    cursor: Cursor, list_id: str, keys: Sequence[str], verdicts: Sequence[Verdict], present: dict[str, Person]
) -> None:
    changed = []
    for key, verdict in zip(keys, verdicts, strict=True):
        if verdict.outcome == CREATED:
            active = verdict.active is not False
            changed.append(Person(list_id, new_id(), verdict.uid, key, None, None, active, verdict.put))
        elif verdict.outcome == UPDATED:
            one = present[key]
            one.put, one.cleared = verdict.put, verdict.cleared
            one.active = one.active if verdict.active is None else verdict.active
            changed.append(one)
    if changed:
        person.write(cursor, changed)


def _note(cursor: Cursor, one: Import, rows: Sequence[_Row], keys: Sequence[str], verdicts: Sequence[Verdict]) -> None:
    """What became of the rows; those that came out as their preview said are not written again."""
    told = []
    for row, key, verdict in zip(rows, keys, verdicts, strict=True):
        detail = _encode(verdict.detail())
        if one.state != RUNNING or (row.outcome, row.detail) != (verdict.outcome, msgspec.json.decode(detail)):
            told.append((row.number, key or None, verdict.outcome, detail.decode()))
    if told:
        cursor.execute(
            "update import_row r set uid_key = v.uid_key, outcome = v.outcome, detail = v.detail::jsonb"
            " from unnest(%b::int4[], %b::text[], %b::text[], %b::text[]) v (number, uid_key, outcome, detail)"
            " where r.list_id = %s and r.import_id = %s and r.number = v.number",
            (*map(list, zip(*told, strict=True)), one.list_id, one.id),
        )
    counts = Counter(verdict.outcome for verdict in verdicts)
    counts[LOCKED] = sum(bool(verdict.kept) for verdict in verdicts)
    have = one.counts if one.state == RUNNING else one.planned
    total = {name: have.get(name, 0) + counts[name] for name in (*judging.OUTCOMES, LOCKED)}
    if one.state == RUNNING:
        one.counts = total
    else:
        one.planned = total
    one.passed = rows[-1].number
