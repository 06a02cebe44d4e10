"""Who waits for a batch: each list's callers in their order, the lists in turn, so that none waits behind a flood."""

from collections import deque
from collections.abc import Callable, Collection
from typing import Generic

from ingress.slots import Answer, Ask, Caller


class Waiting(Generic[Ask, Answer]):
    """Callers by whose they are."""

    def __init__(self, of: Callable[[Ask], object]) -> None:
        self._of = of
        self._parties: dict[object, deque[Caller[Ask, Answer]]] = {}  # whose turn is next comes first; none is empty
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def of_party(self, ask: Ask) -> int:
        """How many of the same party wait."""
        return len(self._parties.get(self._of(ask), ()))

    def add(self, caller: Caller[Ask, Answer]) -> None:
        """One more, behind those of its party."""
        self._parties.setdefault(self._of(caller.ask), deque()).append(caller)
        self._count += 1

    def ready(self, barred: Collection[object]) -> int:
        """How many wait who are not of these parties."""
        return self._count - sum(len(self._parties.get(party, ())) for party in barred)

    def take(
        self, most: int, barred: Collection[object] = (), each: int | None = None
    ) -> dict[object, list[Caller[Ask, Answer]]]:
        """The next ones by party, but of these, and of one no more than `each`: all if they are few, else one of each
        party in turn, and in the end all that there is room for of the last one left."""
        each = most if each is None else each
        taken: dict[object, list[Caller[Ask, Answer]]] = {}
        turns = deque(party for party in self._parties if party not in barred)
        left = most
        while turns and left:
            party = turns.popleft()
            callers = self._parties.pop(party)
            mine = taken.setdefault(party, [])
            count = min(len(callers), 1 if turns else left, each - len(mine))
            mine.extend(callers.popleft() for _ in range(count))
            left -= count
            if callers:
                self._parties[party] = callers  # behind the others
                if len(mine) < each:
                    turns.append(party)
        self._count -= most - left
        return taken
