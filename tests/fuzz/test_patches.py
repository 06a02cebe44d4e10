"""Changes of users and groups by PATCH: each is carried out whole, or nothing of it is."""

import pytest
from hypothesis import strategies as st

from tests.fuzz.changes import ONE, SEVERAL
from tests.fuzz.client import Headers
from tests.fuzz.keeping import look, write
from tests.fuzz.queries import PROBES
from tests.fuzz.rounds import TIMEOUT, keep_at
from tests.fuzz.strategies import CONDITIONS
from tests.fuzz.world import World

pytestmark = pytest.mark.timeout(TIMEOUT)


def _follow_paths(world: World, patches: list[tuple[str, str]]) -> None:
    for path, body in patches:
        write(world, "PATCH", path, body)


def _patch(world: World, example: tuple[list[tuple[str, str]], Headers, tuple[str, str, str]]) -> None:
    patches, headers, probe = example
    for path, body in patches:
        write(world, "PATCH", path, body, headers)
    look(world, probe)


def test_every_path_is_followed_or_refused_and_leaves_a_sound_resource(fuzzed: World) -> None:
    keep_at(fuzzed, st.lists(ONE, min_size=1, max_size=3), _follow_paths)


def test_every_patch_is_carried_out_whole_or_not_at_all(fuzzed: World) -> None:
    keep_at(fuzzed, st.tuples(st.lists(SEVERAL, min_size=1, max_size=2), CONDITIONS, PROBES), _patch)
