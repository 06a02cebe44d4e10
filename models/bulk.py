"""Many changes of one request (RFC 7644 §3.7): each with its own outcome, all in one transaction."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from models.acceptance import Batch
from models.change import Accepted, Change, Outcome
from models.database import Cursor
from models.errors import Refused
from models.journal import Lane
from models.text import UUID, new_id

# Each failure in a circle may free a name that lets another one in, and take an attempt. Before the last one, all that
# still refer ahead are barred, so that nothing is left to come out otherwise.
MOST_ATTEMPTS = 20
Reference = tuple[int, str]  # an operation's number, and the bulkId that it refers to


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `needs` are the bulkIds that it refers to; `build` makes the change, given their ids, or says
    why it cannot be one."""

    bulk_id: str | None
    needs: tuple[str, ...]
    build: Callable[[Mapping[str, str]], Change]


@dataclass(frozen=True, slots=True)
class Bulk:
    """A request's operations; no more is tried after `fail_on_errors` of them failed."""

    operations: tuple[Operation, ...]
    fail_on_errors: int | None = None


class RelatedFailed(Refused):
    """An operation refers to another one of the request that failed."""

    status = 409


def accept(cursor: Cursor, bulk: Bulk, unique_identifiers: dict[str, str]) -> tuple[list[Outcome | None], list[Lane]]:
    """Apply the operations in the caller's transaction; None stands for one that was not tried.

    What is referred to comes first. Where users refer to each other in a circle, the ids of those
    that are still to come are chosen beforehand; if one of them then fails, whoever refers to it
    fails too (the RFC's 409), and the others are applied once more without them.
    """
    learned = _Learned(bulk)
    for left in reversed(range(MOST_ATTEMPTS)):
        cursor.execute("savepoint bulk")
        attempt = _Attempt(learned, Batch(cursor, unique_identifiers))
        attempt.run()
        wrong = attempt.wrong()
        if not wrong:
            cursor.execute("release savepoint bulk")
            outcomes = [learned.told(number, attempt.outcomes.get(number)) for number in range(len(bulk.operations))]
            return outcomes, attempt.batch.write()
        cursor.execute("rollback to savepoint bulk")
        learned.learn(attempt.outcomes, wrong)
        if left == 1:
            learned.bar_who_refer_ahead()
    raise AssertionError("the last attempt refers to nothing that is still to come")


class _Learned:
    """What each attempt teaches the next one."""

    def __init__(self, bulk: Bulk) -> None:
        self.bulk = bulk
        self.numbers = {one.bulk_id: n for n, one in enumerate(bulk.operations) if one.bulk_id is not None}
        self.order = _in_order(bulk, self.numbers)
        self.assumed: dict[str, str] = {}  # ids, by bulkId, of what was referred to before it was made
        self.barred: dict[int, RelatedFailed] = {}
        self._reasons: dict[int, Refused] = {}  # why operations failed by themselves, before others drew them in

    def learn(self, outcomes: dict[int, Outcome], wrong: list[Reference]) -> None:
        """Take the ids that came to be for those assumed, and bar whoever stands on what failed."""
        for number, bulk_id in wrong:
            outcome = outcomes.get(self.numbers[bulk_id])
            if isinstance(outcome, Accepted) and outcome.id != self.assumed[bulk_id]:
                self.assumed[bulk_id] = outcome.id
            else:
                self.barred[number] = _failed(bulk_id)
        self._bar_those_behind()
        own = {n: one for n, one in outcomes.items() if isinstance(one, Refused) and not _is_related(one)}
        self._reasons = own | self._reasons

    def bar_who_refer_ahead(self) -> None:
        """Bar all who need what comes after them."""
        place = {number: n for n, number in enumerate(self.order)}
        for number, one in enumerate(self.bulk.operations):
            for need in one.needs:
                if place[self.numbers[need]] >= place[number]:
                    self.barred.setdefault(number, _failed(need))
        self._bar_those_behind()

    def _bar_those_behind(self) -> None:
        """Whoever needs one that is barred is barred too, however many stand between."""
        behind: dict[int, list[tuple[int, str]]] = {}
        for number, one in enumerate(self.bulk.operations):
            for need in one.needs:
                behind.setdefault(self.numbers[need], []).append((number, need))
        pending = list(self.barred)
        while pending:
            for number, need in behind.get(pending.pop(), ()):
                if number not in self.barred:
                    self.barred[number] = _failed(need)
                    pending.append(number)

    def told(self, number: int, outcome: Outcome | None) -> Outcome | None:
        """What an operation came to. One that failed by itself before those that refer to it did keeps its reason."""
        if _is_related(outcome):
            outcome = self._reasons.get(number, outcome)
        if isinstance(outcome, Refused):
            # An id that was assumed is none that the client has heard of.
            names = {assumed: f"bulkId:{bulk_id}" for bulk_id, assumed in self.assumed.items()}
            outcome.detail = UUID.sub(lambda found: names.get(found[0], found[0]), outcome.detail)
        return outcome


@dataclass(slots=True)
class _Attempt:
    learned: _Learned
    batch: Batch
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    relying: list[Reference] = field(default_factory=list)  # to what was still to be made

    def run(self) -> None:
        """Apply the operations, one after the other."""
        bulk = self.learned.bulk
        self.batch.announce(list(self._announced()))
        for number in self.learned.order:
            if bulk.fail_on_errors is not None and self._errors() >= bulk.fail_on_errors:
                return
            try:
                self.outcomes[number] = self._one(number)
            except Refused as refusal:
                self.outcomes[number] = refusal

    def _announced(self) -> Iterator[Change]:
        """The changes, for the batch to read at once what they need; ids that are still to come find nothing yet."""
        stand_ins = {bulk_id: new_id() for bulk_id in self.learned.numbers}
        for one in self.learned.bulk.operations:
            with suppress(Refused):
                yield one.build(stand_ins)

    def _errors(self) -> int:
        return sum(isinstance(outcome, Refused) for outcome in self.outcomes.values())

    def _one(self, number: int) -> Outcome:
        if number in self.learned.barred:
            raise self.learned.barred[number]
        one = self.learned.bulk.operations[number]
        change = one.build({bulk_id: self._id(number, bulk_id) for bulk_id in one.needs})
        if change.verb == "create" and one.bulk_id in self.learned.assumed:
            change = msgspec.structs.replace(change, resource_id=self.learned.assumed[one.bulk_id])
        return self.batch.apply(change)

    def _id(self, number: int, bulk_id: str) -> str:
        """The id behind a bulkId, for the operation of this number."""
        outcome = self.outcomes.get(self.learned.numbers[bulk_id])
        if isinstance(outcome, Refused):
            raise _failed(bulk_id)
        if outcome is not None:
            return outcome.id
        self.relying.append((number, bulk_id))
        return self.learned.assumed.setdefault(bulk_id, new_id())

    def wrong(self) -> list[Reference]:
        """The references that did not come true: to another id than was assumed, or to what failed."""
        return [one for one in self.relying if not self._holds(*one)]

    def _holds(self, number: int, bulk_id: str) -> bool:
        outcome = self.outcomes.get(self.learned.numbers[bulk_id])
        if isinstance(outcome, Accepted):
            return outcome.id == self.learned.assumed[bulk_id]
        return not isinstance(self.outcomes.get(number), Accepted)


def _is_related(outcome: Outcome | None) -> bool:
    return isinstance(outcome, RelatedFailed)


def _failed(bulk_id: str) -> RelatedFailed:
    return RelatedFailed(
        f"this refers to bulkId '{bulk_id[:100]}', whose operation failed: mend that one, and send both"
    )


def _in_order(bulk: Bulk, numbers: Mapping[str, int]) -> list[int]:
    """The operations' numbers as they came, but what is referred to before who refers to it, circles excepted."""
    order: dict[int, None] = {}
    begun: set[int] = set()
    for start in range(len(bulk.operations)):
        pending = [start]
        while pending:
            number = pending[-1]
            needs = bulk.operations[number].needs if number not in begun else ()
            begun.add(number)
            ahead = [numbers[need] for need in reversed(needs) if numbers[need] not in begun]
            pending += ahead
            if not ahead:
                order.setdefault(pending.pop())
    return list(order)
