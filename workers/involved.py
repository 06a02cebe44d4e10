"""Everyone whom a drain involves, read and locked once, then changed in memory event by event."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from models import circle, identity, mapping, person
from models.connection import Roster
from models.database import Cursor
from models.identity import State
from models.journal import Event
from models.person import Person
from models.provisioning_log import LogEntry
from models.text import equality_key
from workers import circles, guarding
from workers.guarding import Guarding
from workers.matching import Candidates, Holder

Key = tuple[str, str]
UID_MISSING, UID_HELD = "uid_missing", "uid_held"  # why an identity waits


@dataclass(slots=True)
class Involved:
    """People by holder, UID and anchor, and what ingress has accepted of their identities."""

    states: dict[Key, State]
    by_holder: dict[Key, Person] = field(default_factory=dict)
    by_uid: dict[Key, Person] = field(default_factory=dict)
    by_anchor: dict[Key, list[Person]] = field(default_factory=dict)
    changed: dict[str, Person] = field(default_factory=dict)
    # UIDs that somebody may take now: given up, or held by one who is inactive or gone.
    freed: set[Key] = field(default_factory=set)
    reasons: dict[Key, str | None] = field(default_factory=dict)
    open_entries: dict[Key, list[LogEntry]] = field(default_factory=dict)
    ended: list[tuple[str, str, int, str]] = field(default_factory=list)
    mended: list[LogEntry] = field(default_factory=list)
    guard: Guarding = field(default_factory=Guarding)

    def add(self, people: Iterable[Person]) -> None:
        """Let people be found by their present keys."""
        for one in people:
            self.by_uid[one.list_id, one.uid_key] = one
            if one.identity_id is not None:
                self.by_holder[one.list_id, one.identity_id] = one
            if one.anchor is not None:
                self.by_anchor.setdefault((one.list_id, one.anchor), []).append(one)

    def drop(self, one: Person) -> None:
        """Forget a person's keys before they change."""
        self.by_uid.pop((one.list_id, one.uid_key), None)
        if one.identity_id is not None:
            self.by_holder.pop((one.list_id, one.identity_id), None)
        if one.anchor is not None:
            self.by_anchor[one.list_id, one.anchor].remove(one)

    def candidates(self, event: Event, uid_key: str | None) -> Candidates:
        """Whom the event's identity may be."""
        anchor = anchor_of(event)
        return Candidates(
            self.by_holder.get((event.list_id, event.resource_id)),
            self.by_anchor.get((event.list_id, anchor), []),
            self.by_uid.get((event.list_id, uid_key)) if uid_key is not None else None,
        )

    def holder(self, one: Person) -> Holder:
        """Whom a person follows, by what ingress accepted."""
        state = self.states.get((one.list_id, one.identity_id or ""))
        if state is None:
            return Holder.NOBODY
        return Holder.ACTIVE if state.active else Holder.INACTIVE

    def claim(self, one: Person) -> str | None:
        """The UID key that a person's holder claims by now; the person may still have another."""
        state = self.states.get((one.list_id, one.identity_id or ""))
        return state.uid_key if state is not None else None

    def circle(self, first: Person, end: str) -> list[Person]:
        """`first`, the holder of the UID that it waits for, and so on to the one who waits for the UID `end`.

        Empty where they do not come to it: one of them waits for nothing, or for what nobody has.
        """
        found: dict[str, Person] = {}
        at: Person | None = first
        while at is not None and at.id not in found and self._waits_for_uid(at):
            found[at.id] = at
            claim = self.claim(at) or ""
            if claim == end:
                return list(found.values())
            at = self.by_uid.get((at.list_id, claim))
        return []

    def _waits_for_uid(self, one: Person) -> bool:
        return self.waiting_reason((one.list_id, one.identity_id or "")) == UID_HELD

    def move_on(self, people: Sequence[Person], last_uid: str) -> None:
        """Give each the UID of the next, and this one to the last. They are re-applied, which tells it in their
        entries, and writes the UID as it was sent to them."""
        uids = [*(one.uid for one in people[1:]), last_uid]
        for one in people:
            self.drop(one)
        for one, uid in zip(people, uids, strict=True):
            one.uid, one.uid_key = uid, equality_key(uid)
            self.changed[one.id] = one
            self.freed.add((one.list_id, one.uid_key))
        self.add(people)

    def holder_name(self, one: Person) -> str:
        """The user name of a person's holder, for a sentence in the log."""
        state = self.states.get((one.list_id, one.identity_id or ""))
        return state.user_name if state is not None else one.uid

    def waiting_reason(self, key: Key) -> str | None:
        """Why an identity waits, after the events applied so far."""
        if key in self.reasons:
            return self.reasons[key]
        state = self.states.get(key)
        return state.waiting_reason if state is not None else None


def anchor_of(event: Event) -> str:
    """The IdP's own identifier of a user; our SCIM id where it sends none."""
    external_id = (event.document or {}).get("externalId")
    return external_id if isinstance(external_id, str) and external_id else event.resource_id


def read(cursor: Cursor, events: Sequence[Event], rosters: dict[str, Roster]) -> Involved:
    """Lock the people whom these events may concern, then read their identities' accepted states.

    In this order: whoever begins to wait for a UID holds its person's lock, so that a later reader
    of the waiting sees it. The guards come last, to be held for the shortest time.
    """
    holders: set[Key] = set()
    anchors: set[Key] = set()
    wanted: list[tuple[Event, Key]] = []
    for event in events:
        roster = rosters.get(event.list_id)
        if event.resource != "user" or roster is None or event.document is None:
            continue
        holders.add((event.list_id, event.resource_id))
        anchors.add((event.list_id, anchor_of(event)))
        uid = mapping.uid_of(event.document, roster.unique_identifier)
        if uid is not None:
            wanted.append((event, (event.list_id, equality_key(uid))))
    uid_keys = {key for _, key in wanted}
    people = person.lock_matching(cursor, sorted(holders), sorted(anchors), sorted(uid_keys))
    involved = Involved(identity.states(cursor, holders | _holders(people)))
    involved.add(people)
    _read_circles(cursor, involved, wanted, uid_keys)
    involved.guard = guarding.read(cursor, events)
    return involved


def _holders(people: Iterable[Person]) -> set[Key]:
    return {(one.list_id, one.identity_id) for one in people if one.identity_id is not None}


def _read_circles(cursor: Cursor, involved: Involved, wanted: Iterable[tuple[Event, Key]], asked_for: set[Key]) -> None:
    """Lock those, too, with whom somebody would wait for each other's UIDs in a circle.

    Where nobody wants the UID of one who claims another, nothing is asked. Who is on a circle is looked up without
    locks, so that a long chain, of which all move on by one, is not locked from its beginning to its end.
    """
    by_uid = involved.by_uid
    taken = [
        (event, key, other)
        for event, key in wanted
        if (other := by_uid.get(key)) is not None and other.identity_id != event.resource_id
    ]
    collisions = [(event, key) for event, key, other in taken if involved.claim(other) not in (None, key[1])]
    if not collisions:
        return
    steps, starts = _steps(involved, collisions), [key for _, key in collisions]
    ends, _ = circles.follow(steps, starts)
    unknown = ends - by_uid.keys() - asked_for
    if not unknown:
        return
    _, on_circles = circles.follow(circle.ahead(cursor, unknown) | steps, starts)
    unread = sorted(on_circles - by_uid.keys())
    if unread:
        others = person.lock_matching(cursor, [], [], unread)
        involved.states |= identity.states(cursor, _holders(others))
        involved.add(others)


def _steps(involved: Involved, collisions: Iterable[tuple[Event, Key]]) -> dict[Key, Key]:
    """From the UID that a person has to the one that is to be theirs."""
    claims = {key: (key[0], claim) for key, one in involved.by_uid.items() if (claim := involved.claim(one))}
    steps = {has: claimed for has, claimed in claims.items() if has != claimed}
    for event, key in collisions:
        if (event.list_id, event.resource_id) not in involved.by_holder:
            # One that was made again is about to take the person of its anchor.
            for one in involved.by_anchor.get((event.list_id, anchor_of(event)), []):
                steps[one.list_id, one.uid_key] = key
    return steps
