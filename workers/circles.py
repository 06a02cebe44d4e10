"""People who wait for each other's UIDs in a circle: none could give way first, so all move on at once. Pure."""

from collections.abc import Iterable, Mapping

Key = tuple[str, str]


def follow(steps: Mapping[Key, Key], starts: Iterable[Key]) -> tuple[set[Key], set[Key]]:
    """Go from each start as far as there are steps: the keys where that ends, and those that lie on circles."""
    ends, on_circles, seen = set[Key](), set[Key](), set[Key]()
    for start in starts:
        path: dict[Key, None] = {}
        at = start
        while at in steps and at not in seen:
            seen.add(at)
            path[at] = None
            at = steps[at]
        if at in path:
            passed = list(path)
            on_circles.update(passed[passed.index(at) :])
        elif at not in steps:
            ends.add(at)
    return ends, on_circles
