"""Bytes of bodies that a process holds, from their first ones until they are answered: so many of all lists, and of one
no more than a part of that, so that whoever sends large bodies slowly fills no memory, and leaves the others theirs.
"""

from collections import Counter

from ingress.batches import Shed
from ops import metrics

SMALL = 8192  # bytes of a body that are not counted: most have fewer
SHARES = 3  # lists whose bodies there is room for

FULL = "too many large bodies are being sent at the moment: try again in a second"


class Room:
    """Of one process."""

    def __init__(self, of_one: int) -> None:
        """`of_one`: bytes for one list, enough for its largest body."""
        self._of_one, self._most = of_one, SHARES * of_one
        self._held: Counter[str] = Counter()  # by list
        self._all = 0

    def place(self, list_id: str) -> "Place":
        """For one body."""
        return Place(self, list_id)

    def take(self, list_id: str, more: int) -> None:
        """Room for more bytes of a list's; Shed where there is none."""
        if self._held[list_id] + more > self._of_one or self._all + more > self._most:
            metrics.QUEUE_SHED.inc()
            raise Shed(FULL)
        self._held[list_id] += more
        self._all += more

    def give_back(self, list_id: str, bytes_: int) -> None:
        """They are held no longer."""
        self._all -= bytes_
        self._held[list_id] -= bytes_
        if not self._held[list_id]:
            del self._held[list_id]


class Place:
    """What one body takes up."""

    __slots__ = ("_list_id", "_room", "_taken")

    def __init__(self, room: Room, list_id: str) -> None:
        self._room, self._list_id, self._taken = room, list_id, 0

    def grow(self, size: int) -> None:
        """The body has so many bytes by now; Shed where there is no room for them."""
        if size > SMALL:
            self._room.take(self._list_id, size - self._taken)
            self._taken = size

    def leave(self) -> None:
        """It is not held any more."""
        if self._taken:
            self._room.give_back(self._list_id, self._taken)
            self._taken = 0
