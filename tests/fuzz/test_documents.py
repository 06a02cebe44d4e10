"""Bodies of users and groups: each is refused in SCIM words, or kept as it is served."""

import pytest
from hypothesis import strategies as st

from tests.fuzz.client import Headers
from tests.fuzz.keeping import check_stored, look, write
from tests.fuzz.queries import PROBES
from tests.fuzz.rounds import TIMEOUT, keep_at
from tests.fuzz.strategies import BYTES, CONDITIONS, DOCUMENTS
from tests.fuzz.world import World

pytestmark = pytest.mark.timeout(TIMEOUT)
Written = tuple[list[tuple[str, str, str]], Headers, bytes, tuple[str, str, str]]


def _write(world: World, written: Written) -> None:
    documents, headers, content, probe = written
    for method, path, body in documents:
        write(world, method, path, body, headers)
    for kind in ("Users", "Groups"):
        answer = world.ask("POST", f"/{kind}", world.fill(content.decode("latin-1")).encode("latin-1"))
        if answer.status == 201:
            check_stored(world, answer.body)
    look(world, probe)


def test_every_document_is_refused_in_scim_words_or_kept_as_it_is_served(fuzzed: World) -> None:
    keep_at(fuzzed, st.tuples(st.lists(DOCUMENTS, min_size=1, max_size=3), CONDITIONS, BYTES, PROBES), _write)
