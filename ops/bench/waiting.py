"""Mixed operations for workers to apply: of every ten, six create a user, three change one and one deactivates one."""

import itertools
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from ops.bench import load, traffic
from ops.bench.load import Tally
from ops.bench.traffic import Target

BLOCK = {"create": 6, "update": 3, "deactivate": 1}  # the operations of ten, in this order
EXPECTED = frozenset({200, 201})


@dataclass
class Pool:
    """A list, and its users that were created and not deactivated since, the oldest first."""

    target: Target
    prefix: str
    ids: deque[str] = field(default_factory=deque)

    def block(self, number: int) -> Iterator[bytes]:
        """Ten operations. Sent one after the other, for the later ones concern users of the earlier ones' answers."""
        yield from itertools.islice(traffic.create(self.target, f"{self.prefix}x{number}"), BLOCK["create"])
        for _ in range(BLOCK["update"]):
            yield from itertools.islice(traffic.patch(self.target, [self._next()], f"{self.prefix} {number}"), 1)
        yield from traffic.deactivate(self.target, [self.ids.popleft()])

    def _next(self) -> str:
        """Somebody, whose turn comes again when it was everybody else's."""
        self.ids.rotate(-1)
        return self.ids[-1]


def accept(targets: list[Target], events: int, connections: int, prefix: str) -> Tally:
    """Have so many operations (whole tens of them) accepted, spread over these lists."""
    pools = [Pool(target, prefix) for target in targets]
    by_path = {pool.target.path.encode(): pool for pool in pools}
    numbers = iter(range(events // sum(BLOCK.values())))

    def blocks(connection: int) -> Iterator[bytes]:
        pool = pools[connection % len(pools)]
        for number in numbers:
            yield from pool.block(number)

    def answered(request: bytes, status: int, body: bytes) -> None:
        if status == 201:
            path = request.split(b" ", 2)[1].removesuffix(b"/Users")
            by_path[path].ids.append(json.loads(body)["id"])

    return load.run(*targets[0].address, [blocks(one) for one in range(connections)], 3600, answered)
