"""Delta and skip tokens: opaque to clients, and complete, so that they are not remembered one by one."""

import base64
import uuid
from typing import NamedTuple

from ops.simulators.graph.exchange import Refused


class Query(NamedTuple):
    """The parameters of a round's first request, which tokens stand for; `ids` None is everything."""

    kind: str  # users or groups
    select: tuple[str, ...]
    ids: tuple[str, ...] | None


class State(NamedTuple):
    """Where a round stands: of the changes from `start` (before 0: of everything) to `end`, so many were given."""

    start: int
    end: int
    offset: int = 0
    blank: int = 0  # 1 after an empty page
    generation: int = 0


class States:
    """The tokens of one tenant."""

    def __init__(self) -> None:
        self._tenant = uuid.uuid4().hex[:8]  # tokens of another run are unknown here
        self._queries: list[Query] = []
        self._generation = self._expired = self._resync = 0

    def token(self, query: Query, state: State) -> str:
        """What stands for both in a link."""
        if query not in self._queries:
            self._queries.append(query)
        numbers = (self._queries.index(query), *state._replace(generation=self._generation))
        words = " ".join((self._tenant, *map(str, numbers)))
        return base64.urlsafe_b64encode(words.encode()).decode().rstrip("=")

    def read(self, kind: str, token: str, root: str) -> tuple[Query, State]:
        """What a token stands for. Refused: 400 where it is unknown or too old, 410 where a resync is demanded, with a
        Location that begins anew."""
        try:
            tenant, *words = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode().split()
            number, *numbers = map(int, words)
            query, state = self._queries[number], State(*numbers)
        except (ValueError, IndexError, TypeError):
            raise _unknown() from None
        if tenant != self._tenant or query.kind != kind or state.generation < self._expired:
            raise _unknown()
        if state.generation < self._resync:
            location = {"Location": f"{root}/{kind}/delta?$deltatoken="}
            raise Refused(410, "resyncRequired", "Resync required.", location)
        return query, state

    def expire(self) -> None:
        """Every token so far is unknown from now on."""
        self._generation += 1
        self._expired = self._generation

    def demand_resync(self) -> None:
        """Every token so far is answered 410 from now on."""
        self._generation += 1
        self._resync = self._generation


def _unknown() -> Refused:
    return Refused(400, "syncStateNotFound", "Sync state not found.")
