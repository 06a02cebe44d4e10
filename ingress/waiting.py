"""Who waits for a batch: each list's callers in their order, the lists in turn, so that none waits behind a flood."""

from collections import deque
from collections.abc import Callable
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

    def take(self, most: int) -> list[Caller[Ask, Answer]]:
        """The next ones: all if they are few, else one of each party in turn, and in the end all that there is room
        for of the last one left."""
        taken: list[Caller[Ask, Answer]] = []
        most = min(most, self._count)
        while len(taken) < most:
            party, callers = next(iter(self._parties.items()))
            del self._parties[party]
            alone = not self._parties
            taken.extend(callers.popleft() for _ in range(min(len(callers), most - len(taken) if alone else 1)))
            if callers:
                self._parties[party] = callers  # behind the others
        self._count -= len(taken)
        return taken
