"""Many changes of one request (RFC 7644 §3.7): each with its own outcome, all in one transaction."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from models.acceptance import Batch
from models.change import Accepted, Change, Outcome
from models.database import Cursor
from models.errors import Refused
from models.journal import Lane
from models.text import new_id

MOST_ATTEMPTS = 20


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
    attempt = _Attempt(cursor, bulk, unique_identifiers)
    for _ in range(MOST_ATTEMPTS):
        cursor.execute("savepoint bulk")
        attempt.run()
        if attempt.stands():
            cursor.execute("release savepoint bulk")
            break
        cursor.execute("rollback to savepoint bulk")
    else:
        raise RuntimeError("a bulk request did not come to an end")
    return [attempt.told(number) for number in range(len(bulk.operations))], attempt.batch.write()


@dataclass(slots=True)
class _Attempt:
    cursor: Cursor
    bulk: Bulk
    unique_identifiers: dict[str, str]
    batch: Batch = field(init=False)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    assumed: dict[str, str] = field(default_factory=dict)  # ids, by bulkId, of what was referred to before it was made
    relying: list[tuple[int, str]] = field(default_factory=list)  # who referred so, and to which bulkId
    barred: dict[int, Refused] = field(default_factory=dict)
    causes: dict[int, Refused] = field(default_factory=dict)
    numbers: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.numbers = _numbers(self.bulk)

    def run(self) -> None:
        """Apply the operations, one after the other."""
        self.outcomes.clear()
        self.relying.clear()
        self.batch = Batch(self.cursor, self.unique_identifiers)
        self.batch.announce(list(self._announced()))
        for number in _in_order(self.bulk):
            if self.bulk.fail_on_errors is not None and self._errors() >= self.bulk.fail_on_errors:
                return
            try:
                self.outcomes[number] = self._one(number)
            except Refused as refusal:
                self.outcomes[number] = refusal

    def _announced(self) -> Iterator[Change]:
        stand_ins = {bulk_id: new_id() for bulk_id in self.numbers}
        for one in self.bulk.operations:
            with suppress(Refused):
                yield one.build(stand_ins)

    def _errors(self) -> int:
        return sum(isinstance(outcome, Refused) for outcome in self.outcomes.values())

    def _one(self, number: int) -> Outcome:
        if number in self.barred:
            raise self.barred[number]
        one = self.bulk.operations[number]
        change = one.build({bulk_id: self._id(number, bulk_id) for bulk_id in one.needs})
        if change.verb == "create" and one.bulk_id in self.assumed:
            change = replace(change, resource_id=self.assumed[one.bulk_id])
        return self.batch.apply(change)

    def _id(self, number: int, bulk_id: str) -> str:
        """The id behind a bulkId, for the operation of this number."""
        outcome = self.outcomes.get(self.numbers[bulk_id])
        if isinstance(outcome, Refused):
            raise _failed(bulk_id)
        if outcome is not None:
            return outcome.id
        self.relying.append((number, bulk_id))
        return self.assumed.setdefault(bulk_id, new_id())

    def stands(self) -> bool:
        """Whether everything that was assumed came true; what did not is put right for the next attempt."""
        wrong = False
        for number, bulk_id in self.relying:
            outcome = self.outcomes.get(self.numbers[bulk_id])
            if isinstance(outcome, Accepted) and outcome.id == self.assumed[bulk_id]:
                continue
            if isinstance(outcome, Accepted):
                self.assumed[bulk_id] = outcome.id
            elif isinstance(self.outcomes.get(number), Accepted):
                self.barred[number] = _failed(bulk_id)
            else:
                continue
            wrong = True
        if wrong:
            self._bar_all()
            own = {n: one for n, one in self.outcomes.items() if isinstance(one, Refused) and not _is_related(one)}
            self.causes = own | self.causes
        return not wrong

    def _bar_all(self) -> None:
        """Whoever needs one that failed fails too, however many stand between: all of them at once."""
        failed = set(self.barred)
        grown = True
        while grown:
            grown = False
            for number, one in enumerate(self.bulk.operations):
                cause = next((need for need in one.needs if self.numbers[need] in failed), None)
                if cause is not None and number not in failed:
                    self.barred[number] = _failed(cause)
                    failed.add(number)
                    grown = True

    def told(self, number: int) -> Outcome | None:
        """What an operation came to. One that failed by itself before those that refer to it did keeps its reason."""
        outcome = self.outcomes.get(number)
        return self.causes.get(number, outcome) if _is_related(outcome) else outcome


def _is_related(outcome: Outcome | None) -> bool:
    return isinstance(outcome, RelatedFailed)


def _failed(bulk_id: str) -> RelatedFailed:
    return RelatedFailed(
        f"this refers to bulkId '{bulk_id[:100]}', whose operation failed: mend that one, and send both"
    )


def _numbers(bulk: Bulk) -> dict[str, int]:
    return {one.bulk_id: number for number, one in enumerate(bulk.operations) if one.bulk_id is not None}


def _in_order(bulk: Bulk) -> list[int]:
    """The operations' numbers as they came, but what is referred to before who refers to it, circles excepted."""
    numbers = _numbers(bulk)
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
