"""The one way into identities and groups: `accept`, many changes in one transaction, each journaled."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from models import group, group_acceptance, identity_acceptance, journal
from models.change import Accepted, Change, Outcome
from models.database import Cursor
from models.errors import Refused
from models.identity_acceptance import Identities
from models.journal import Entry, Lane
from models.resource import GROUP, USER


def accept(
    cursor: Cursor, changes: Sequence[Change], unique_identifiers: dict[str, str]
) -> tuple[list[Outcome], list[Lane]]:
    """Apply changes and journal each, in the caller's transaction: those to users in this order, then those to groups.

    `unique_identifiers` says for every list of the batch which attribute is its UID. Returns an
    outcome a change, and the lanes to ring after COMMIT. Raises psycopg's UniqueViolation where
    another transaction was faster: nothing of the batch is stored then, and it can be repeated.
    """
    batch = Batch(cursor, unique_identifiers)
    batch.announce(changes)
    return batch.carry_out(changes)


def _now() -> datetime:
    """In whole milliseconds, as it is served: `meta.lastModified gt` what was served finds what came later."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


@dataclass(slots=True)
class Batch:
    """The changes of one transaction, applied one after the other.

    `unique_identifiers` may be guesses while changes are announced: who is locked then, the rest follows when needed.
    """

    cursor: Cursor
    unique_identifiers: dict[str, str]
    now: datetime = field(default_factory=_now)
    entries: list[Entry] = field(default_factory=list)
    identities: Identities = field(init=False)

    def __post_init__(self) -> None:
        self.identities = Identities(self.cursor, self.unique_identifiers, self.now, self.entries)

    def announce(self, changes: Sequence[Change]) -> None:
        """Take the locks and read the rows that these changes will need, as far as that is known beforehand."""
        groups = [change for change in changes if change.resource == GROUP]
        users = [change for change in changes if change.resource == USER] if groups else changes
        adding = {change.list_id for change in groups}
        deleting = {change.list_id for change in users if change.verb == "delete"}
        if adding or deleting:
            group.hold_members(self.cursor, adding, deleting)
        self.identities.announce(users)
        if groups:
            group.lock(self.cursor, ((one.list_id, one.resource_id) for one in groups if one.resource_id is not None))

    def carry_out(self, changes: Sequence[Change]) -> tuple[list[Outcome], list[Lane]]:
        """What the announced changes come to, all of it written."""
        # None of them was answered yet, so any order is one in which they may have come: this one writes once.
        order = sorted(range(len(changes)), key=lambda number: changes[number].resource != USER)
        outcomes = {number: self.apply(changes[number]) for number in order}
        lanes = self.write()
        return self.shown(changes, [outcomes[number] for number in range(len(changes))]), lanes

    def apply(self, change: Change) -> Outcome:
        """What a change comes to, after those before it."""
        try:
            if change.resource == USER:
                return identity_acceptance.apply(self.identities, change)
            self.identities.flush()  # its members may be users of this very transaction
            outcome, entry = group_acceptance.apply(self.cursor, change, self.now)
        except Refused as refusal:
            if change.resource == USER:
                refusal.identity_id = refusal.identity_id or change.resource_id
            return refusal
        self.entries.append(entry)
        return outcome

    def write(self) -> list[Lane]:
        """Write all that is left, the journal last; the lanes to ring after COMMIT."""
        self.identities.flush()
        return journal.append(self.cursor, self.entries) if self.entries else []

    def shown(self, changes: Sequence[Change], outcomes: list[Outcome]) -> list[Outcome]:
        """The outcomes with what only the database knows of them: a user's groups, a group's members."""
        _show_groups(self.cursor, changes, outcomes)
        group_acceptance.show_members(self.cursor, changes, outcomes)
        return outcomes


def _show_groups(cursor: Cursor, changes: Sequence[Change], outcomes: list[Outcome]) -> None:
    """The groups of the users that were there before, for the answers that show them."""
    there = {
        (change.list_id, outcome.id)
        for change, outcome in zip(changes, outcomes, strict=True)
        if change.resource == USER and isinstance(outcome, Accepted) and outcome.operation not in ("create", "delete")
    }
    if not there:
        return
    groups = group.of_users(cursor, there)
    for number, (change, outcome) in enumerate(zip(changes, outcomes, strict=True)):
        if isinstance(outcome, Accepted) and (change.list_id, outcome.id) in groups:
            outcomes[number] = outcome.but(groups=tuple(groups[change.list_id, outcome.id]))
