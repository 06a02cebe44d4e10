"""Odd methods, paths, headers and bodies that break off: an answer comes all the same."""

import pytest

from tests.fuzz.client import Headers
from tests.fuzz.queries import REQUESTS
from tests.fuzz.rounds import TIMEOUT, keep_at
from tests.fuzz.world import World

pytestmark = pytest.mark.timeout(TIMEOUT)
Odd = tuple[str, str, bytes, bytes, Headers, bool]


def _ask(world: World, odd: Odd) -> None:
    method, path, content, query, headers, gone = odd
    outside = path.startswith("outside:")
    answer = world.ask(method, world.fill(path.removeprefix("outside:")), content, query, headers, gone, outside)
    if answer.status == 405:
        assert answer.headers[b"allow"], answer
    if answer.status == 401:
        assert answer.headers[b"www-authenticate"], answer
    if method == "GET" and answer.status < 500 and headers == []:
        head = world.ask("HEAD", world.fill(path.removeprefix("outside:")), content, query, headers, gone, outside)
        assert head.status == answer.status, (answer, head)


def test_every_odd_request_is_answered(fuzzed: World) -> None:
    keep_at(fuzzed, REQUESTS, _ask)
