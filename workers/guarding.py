"""The guard of a batch (product rule V9): which deactivations reach their people, and which are held."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from models import guard, hold
from models.database import Cursor
from models.hold import HELD, Ended
from models.journal import Event
from models.person import Person
from models.provisioning_log import NO_CHANGE, WAITING, LogEntry

KEPT = "The deactivation of this person is held: release or discard it on the list's Sync tab"


@dataclass(slots=True)
class Guarding:
    """How many people of each guarded list may still be deactivated, and what came of the holds."""

    room: dict[str, int] = field(default_factory=dict)
    holding: dict[str, str] = field(default_factory=dict)  # by list, whose deactivations are held whatever the room
    deactivated: set[tuple[str, str]] = field(default_factory=set)
    entries: dict[str, LogEntry] = field(default_factory=dict)  # of this batch's own holds, by person
    ended: list[Ended] = field(default_factory=list)

    def stops(self, event: Event, person: Person) -> bool:
        """Whether an active person stays active although the IdP's user is inactive or gone."""
        if person.held_seq is not None:
            return True
        room = self.room.get(event.list_id)
        if room is None:
            return False
        # A re-application has no entry of its own that could wait: it counts, and is let through.
        if (room == 0 or self.holding.get(event.list_id) == event.request_id) and event.operation != "reapply":
            person.held_seq, person.held_at = event.seq, event.accepted_at
            return True
        self.room[event.list_id] = max(0, room - 1)
        self.deactivated.add((event.list_id, person.id))
        return False

    def cancel(self, event: Event, person: Person, sentence: str) -> None:
        """End a person's hold: the IdP's user is active again, or another one has taken the person over."""
        if person.held_seq is None or person.held_at is None:
            return
        entry = self.entries.pop(person.id, None)
        if entry is None:
            self.ended.append(Ended(event.list_id, person.held_at, person.held_seq, sentence))
        else:
            entry.result, entry.detail = NO_CHANGE, (entry.detail or "").replace(HELD, sentence)
        person.held_seq = person.held_at = None

    def tell(self, entry: LogEntry, person: Person) -> LogEntry:
        """Say in the entry of an operation that the person's deactivation is held, by it or by an earlier one."""
        if entry.event.operation == "reapply" or person.held_seq is None:
            return entry
        sentence = KEPT
        if person.held_seq == entry.event.seq:
            # Waiting for an operator, not for the identity's next operation, which must not end it.
            entry.result, entry.waits, sentence = WAITING, False, HELD
            self.entries[person.id] = entry
        entry.detail = "; ".join(filter(None, (sentence, entry.detail)))
        return entry

    def write(self, cursor: Cursor) -> None:
        """Store what the batch comes to: after its people, whose locks order it against operators."""
        if self.deactivated:
            guard.note(cursor, sorted(self.deactivated))
        if self.ended:
            hold.end(cursor, self.ended)


def read(cursor: Cursor, events: Iterable[Event]) -> Guarding:
    """Count, where the guard is on and somebody may be deactivated; a batch that deactivates nobody asks nothing."""
    leaving = Counter(event.list_id for event in events if _leaves(event))
    guards = guard.enter(cursor, sorted(leaving)) if leaving else {}
    if not guards:
        return Guarding()
    lately = guard.lately(cursor, list(guards))
    # Only a wave pays for counting the people: fewer than `at_least` are let through whatever their share.
    doubtful = [each for each, one in guards.items() if lately[each] + leaving[each] >= one.at_least]
    active = guard.active(cursor, doubtful) if doubtful else {}
    # The share is of those who were active before the wave: itself must not make the list smaller.
    return Guarding(
        {
            each: max(0, one.allowed(active[each] + lately[each] if each in active else 0) - lately[each])
            for each, one in guards.items()
        },
        {each: one.holding for each, one in guards.items() if one.holding is not None},
    )


def _leaves(event: Event) -> bool:
    if event.resource != "user" or event.document is None:
        return False
    return event.operation == "delete" or event.document.get("active", True) is False
