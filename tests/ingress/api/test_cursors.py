"""Cursors that nobody was given: of another list, of another time, or made up. A page or a problem, never a failure."""

from typing import Any

import pytest

from ingress.api import cursors
from ingress.api.operation import ROOT, Operation
from ingress.api.table import OPERATIONS
from tests.ingress.api.conftest import Caller
from tests.ingress.api.test_schemathesis import ids  # noqa: F401 - a fixture

PAGED = [one for one in OPERATIONS if one.paged]
# What the cursors of each list are called.
KINDS = {
    "list_people": "people", "list_lists": "lists", "list_log": "log", "list_held": "held", "list_imports": "imports",
    "list_import_rows": "rows", "list_runs": "runs", "list_session_people": "copied",
    "list_compared_people": "differ", "list_audit": "audit",
}  # fmt: skip
WORDS = ("", "a", "'", "\\", "%", "\ud7ff", "z" * 1_000, "1.2", "-1", "9" * 400, "infinity", "2026-11-29", "{}")
TIMES = ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+14:00", "2026-13-01T00:00:00Z")
NUMBERS = (0, -1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 1e300, True, None)
SEVERAL: tuple[Any, ...] = ([], ["a"], ["a", "b"], ["a", "0197a2c4-5be1-7d10-9f3a-0c1d2e3f4a5b"], [1, 2], {})


@pytest.mark.parametrize("operation", PAGED, ids=lambda one: one.name)
def test_a_forged_cursor_is_a_page_or_a_problem(
    operation: Operation,
    caller: Caller,
    ids: dict[str, str],  # noqa: F811
) -> None:
    path = f"{ROOT}{operation.path.format(**{'run_id': ids['import_id'], 'connection_id': ids['import_id'], **ids})}"
    made_up = [(KINDS[operation.name], key) for key in (*WORDS, *TIMES, *NUMBERS, *SEVERAL)]
    for kind, key in made_up + [(kind, "a") for kind in KINDS.values()]:
        cursor = cursors.write(kind, key) or "WyJwZW9wbGUiLG51bGxd"
        headers = {"Authorization": f"Bearer {caller.key}"}
        answer = caller.client.get(path, params={"cursor": cursor}, headers=headers)
        assert answer.status_code in (200, 400, 404), (kind, key, answer.text)
        assert answer.status_code != 200 or kind == KINDS[operation.name]


def test_every_list_is_tried() -> None:
    assert {one.name for one in PAGED} == KINDS.keys()
