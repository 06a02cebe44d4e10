"""What one accepted operation does to the people of its list: decided and applied in memory."""

from typing import Any

from models import mapping
from models.connection import Roster
from models.journal import Event
from models.mapping import Projected
from models.person import Person
from models.provisioning_log import APPLIED, NO_CHANGE, PARTLY, REJECTED, WAITING, LogEntry, Wait
from models.resource import GROUP
from models.text import equality_key, new_id
from workers.involved import UID_HELD, UID_MISSING, Involved, anchor_of
from workers.matching import Conflict, Found, Match, New, TakenOver, match

STATUS = {True: "Active", False: "Inactive"}


def apply(involved: Involved, roster: Roster | None, event: Event) -> LogEntry:
    """Apply an event and say what became of it. Nothing is changed before nothing can fail any more."""
    if event.resource == GROUP:
        return _of_group(event)
    if roster is None or event.document is None:
        return LogEntry(event, NO_CHANGE, detail="the list was disconnected before this was applied")
    uid = mapping.uid_of(event.document, roster.unique_identifier)
    projected = roster.projection.project(event.document)
    state = involved.states.get((event.list_id, event.resource_id))
    uid_key = equality_key(uid) if uid is not None else None
    decision = match(involved.candidates(event, uid_key), state is not None and state.active, involved.holder)
    entry = _decide(involved, roster, event, decision, uid, projected)
    _note_waiting(involved, event, entry)
    return entry


def _of_group(event: Event) -> LogEntry:
    """Groups have no people: ingress stored them, and says in the row what changed."""
    told = event.document or {}
    changes, ignored = told.get("changes", []), told.get("ignored")
    if ignored:
        named = ", ".join(f"'{one[:100]}'" for one in ignored)
        detail = f"members: {named} cannot be ids of users of this list, and were left out"
        return LogEntry(event, PARTLY, changes=changes, detail=detail)
    return LogEntry(event, APPLIED if changes or event.operation != "update" else NO_CHANGE, changes=changes)


def rejected(event: Event, error: str) -> LogEntry:
    """The entry of a row that was set aside."""
    return LogEntry(event, REJECTED, detail=f"this could not be applied and was set aside for a retry: {error}")


def _decide(
    involved: Involved, roster: Roster, event: Event, decision: Match, uid: str | None, projected: Projected
) -> LogEntry:
    match decision:
        case TakenOver(person):
            name = involved.holder_name(person)
            return LogEntry(event, NO_CHANGE, person_id=person.id, uid=person.uid, detail=f"Taken over by {name}")
        case Conflict(person):
            return _wait(
                event, UID_HELD, uid,
                f"{roster.unique_identifier} '{uid}' belongs to {involved.holder_name(person)}, who is active:"
                " this user becomes a person when that one gives the value up or leaves",
            )  # fmt: skip
        case New() if event.operation == "delete":
            return LogEntry(event, NO_CHANGE, detail="this user had not become a person of the list")
        case New() if uid is None:
            return _wait(
                event, UID_MISSING, None,
                f"{roster.unique_identifier} is missing: it is this list's unique identifier, and the user"
                " becomes a person as soon as the identity provider sends it",
            )  # fmt: skip
        case New():
            assert uid is not None
            return _create(involved, roster, event, uid, projected)
        case Found(person) if event.operation == "delete":
            return _leave(involved, event, person)
        case Found(person):
            return _change(involved, roster, event, person, uid, projected)


def _wait(event: Event, reason: str, uid: str | None, detail: str) -> LogEntry:
    return LogEntry(event, WAITING, waits=True, reason=reason, uid=uid, detail=detail)


def _create(involved: Involved, roster: Roster, event: Event, uid: str, projected: Projected) -> LogEntry:
    document = event.document or {}
    fields = {key: value for key, value in projected.values.items() if value is not None}
    person = Person(
        event.list_id, new_id(), uid, equality_key(uid), anchor_of(event), event.resource_id,
        bool(document.get("active", True)), fields,
    )  # fmt: skip
    involved.add([person])
    involved.changed[person.id] = person
    changes = [{"field": "UID", "before": None, "after": uid}]
    changes += [_moved(roster, key, None, value) for key, value in fields.items()]
    return _outcome(event, person, changes, _complaints(projected), touched=True)


def _leave(involved: Involved, event: Event, person: Person) -> LogEntry:
    """DELETE: the person stays, inactive, and follows nobody."""
    changes = _set_active(involved, event, person, False)
    involved.drop(person)
    person.identity_id = None
    involved.add([person])
    involved.changed[person.id] = person
    involved.freed.add((person.list_id, person.uid_key))
    return involved.guard.tell(_outcome(event, person, changes, []), person)


def _change(
    involved: Involved, roster: Roster, event: Event, person: Person, uid: str | None, projected: Projected
) -> LogEntry:
    document = event.document or {}
    active = bool(document.get("active", True))
    taken = person.identity_id != event.resource_id
    involved.drop(person)
    old_anchor, old_hold = person.anchor, person.held_seq
    person.identity_id = event.resource_id
    # A former holder's anchor would let that one, or a stranger who has it, take the person back.
    kept = None if taken else person.anchor
    person.anchor = document.get("externalId") or kept or event.resource_id
    changes, complaint = _set_uid(involved, roster, person, uid)
    involved.add([person])
    changes += _set_fields(roster, person, projected)
    if active and taken:
        involved.guard.cancel(event, person, f"Taken over by {document.get('userName')}")
    if _moves_activity(involved, event):
        changes += _set_active(involved, event, person, active)
    if changes or taken or person.anchor != old_anchor or person.held_seq != old_hold:
        involved.changed[person.id] = person
    state = involved.states.get((event.list_id, event.resource_id))
    # Not where a re-application came to nothing: inactive users who wait for each other would be re-applied for ever.
    if (state is None or not state.active) and (event.operation != "reapply" or changes or taken):
        involved.freed.add((person.list_id, person.uid_key))
    complaints = [complaint] if complaint else []
    ended = old_hold is not None and person.held_seq is None
    entry = _outcome(event, person, changes, complaints + _complaints(projected), touched=taken or ended)
    entry.waits = complaint is not None and uid is not None
    entry.reason = UID_HELD if entry.waits else None
    return involved.guard.tell(entry, person)


def _moves_activity(involved: Involved, event: Event) -> bool:
    """A re-application for an identity that waits for nothing never changes activity (V4)."""
    waits = involved.waiting_reason((event.list_id, event.resource_id)) is not None
    return event.operation != "reapply" or waits


def _set_uid(
    involved: Involved, roster: Roster, person: Person, uid: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    attribute = roster.unique_identifier
    if uid is None:
        return [], f"{attribute} is missing: the person keeps the UID '{person.uid}'"
    if uid == person.uid:
        return [], None
    key = equality_key(uid)
    other = involved.by_uid.get((person.list_id, key))
    circle = involved.circle(other, person.uid_key) if other is not None else []
    if circle:
        # Each waits for what the next one has: none of them could ever give way first.
        involved.move_on(circle, person.uid)
    elif other is not None:
        return [], (
            f"{attribute} '{uid}' is the UID of another person ('{involved.holder_name(other)}'):"
            f" the UID stays '{person.uid}' until that person gives it up"
        )
    if key != person.uid_key:
        involved.freed.add((person.list_id, person.uid_key))
    change = {"field": "UID", "before": person.uid, "after": uid}
    person.uid, person.uid_key = uid, key
    return [change], None


def _set_fields(roster: Roster, person: Person, projected: Projected) -> list[dict[str, Any]]:
    changes = []
    for key, value in projected.values.items():
        before = person.fields.get(key)
        if before == value:
            continue
        changes.append(_moved(roster, key, before, value))
        if value is None:
            person.fields.pop(key, None)
            person.put.pop(key, None)
            person.cleared.add(key)
        else:
            person.fields[key] = person.put[key] = value
            person.cleared.discard(key)
    return changes


def _set_active(involved: Involved, event: Event, person: Person, active: bool) -> list[dict[str, Any]]:
    if person.active and active:
        involved.guard.cancel(event, person, f"Cancelled: active again by {event.request_id}")
    if person.active == active or (not active and involved.guard.stops(event, person)):
        return []
    person.active = active
    return [{"field": "Status", "before": STATUS[not active], "after": STATUS[active]}]


def _moved(roster: Roster, key: str, before: Any, after: Any) -> dict[str, Any]:
    return {"field": roster.labels.get(key, key), "before": before, "after": after}


def _complaints(projected: Projected) -> list[str]:
    return [problem.reason for problem in projected.problems]


def _outcome(
    event: Event, person: Person, changes: list[dict[str, Any]], complaints: list[str], touched: bool = False
) -> LogEntry:
    result = PARTLY if complaints else APPLIED if changes or touched else NO_CHANGE
    detail = "; ".join(complaints) or None
    return LogEntry(event, result, person_id=person.id, uid=person.uid, changes=changes, detail=detail)


def _note_waiting(involved: Involved, event: Event, entry: LogEntry) -> None:
    """Waiting never blocks (V3b): it is remembered, and ended by the operation that succeeds."""
    key = (event.list_id, event.resource_id)
    before = involved.waiting_reason(key)
    if event.operation == "reapply":
        if before is None:
            return  # what it was written for has been settled by a later look
        _mend(involved, event, entry)
    elif entry.waits:
        involved.open_entries.setdefault(key, []).append(entry)
    elif before is not None or key in involved.open_entries or event.operation == "delete":
        _supersede(event.request_id, involved.open_entries.pop(key, []))
        involved.ended.append((*key, event.seq, event.request_id))
    if entry.reason != before and key in involved.states:
        involved.reasons[key] = entry.reason


def _supersede(request_id: str, entries: list[LogEntry]) -> None:
    for earlier in entries:
        earlier.waits = False
        if earlier.result == WAITING:
            earlier.result, earlier.detail = NO_CHANGE, f"Superseded by {request_id}"


def _mend(involved: Involved, event: Event, entry: LogEntry) -> None:
    """A re-application that succeeds turns the newest waiting entry into its own outcome."""
    if entry.waits:
        return
    if entry.result == NO_CHANGE and entry.detail is None:
        entry.result = APPLIED  # what it waited for was done to its person by another's operation
    opened = involved.open_entries.pop((event.list_id, event.resource_id), [])
    if not opened:
        involved.mended.append(entry)
        return
    newest = opened[-1]
    newest.changes = newest.changes + since(newest, entry)
    newest.waits, newest.result, newest.detail = False, entry.result, entry.detail
    newest.person_id, newest.uid = entry.person_id, entry.uid
    _supersede(newest.event.request_id, opened[:-1])
    involved.ended.append((event.list_id, event.resource_id, newest.event.seq, newest.event.request_id))


def since(waiting: LogEntry | Wait, entry: LogEntry) -> list[dict[str, Any]]:
    """What a re-application came to since the entry that waits: another's operation may have moved the UID on."""
    if entry.person_id is None or entry.person_id != waiting.person_id:
        return entry.changes
    moved = [{"field": "UID", "before": waiting.uid, "after": entry.uid}] if entry.uid != waiting.uid else []
    return moved + [change for change in entry.changes if change["field"] != "UID"]
