"""`muster bench --suite table`: every suite in turn, one that fails among them, and their pictures."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ops.account import Unusable
from ops.bench import group, table
from ops.bench.charts import Shares
from ops.bench.suites import SUITES, TABLE, Chosen, Outcome
from ops.bench.system import System
from ops.bench.targets import Line
from ops.browser import PROGRAMS

pytestmark = pytest.mark.journey


def broken(_system: System, _chosen: Chosen, _say: Callable[[str], None]) -> Outcome:
    """A suite that cannot be measured."""
    raise Unusable("the disk is full")


def small(system: System, chosen: Chosen, say: Callable[[str], None]) -> Outcome:
    """A suite that takes no time."""
    found = group.measure(system, members=chosen.users or 0, times=2, say=say)
    return Outcome(group.table(found), group.as_json(found), group.lines(found))


def test_suites_run_in_turn_and_one_that_fails_costs_only_its_own_lines(system: System, tmp_path: Path) -> None:
    started: list[str] = []

    @contextmanager
    def start(_: Callable[[str], None]) -> Iterator[System]:
        started.append("once more")
        yield system

    chosen = Chosen(users=20)
    found = table.measure(
        chosen, lambda _: None, start=start,
        suites={"broken": broken, "group": small},
    )  # fmt: skip
    said: list[str] = []
    pictures = table.draw(list(found.values()), tmp_path / "new", said.append)

    told = table.text(found, chosen)
    assert len(started) == 2
    assert "| suite broken | ≤ 0 | the disk is full | not measured |" in told
    assert told.splitlines()[-3].endswith("1 not measured")
    assert told.splitlines()[-1] == "Measured with less than the targets say: users 20 of 100000."
    document = table.as_json(found, chosen)
    assert [line["verdict"] for line in document["table"]].count("not measured") == 1
    assert document["suites"]["group"]["members"] == 20
    assert pictures[0] == tmp_path / "new" / "targets.svg"
    has_browser = any(map(shutil.which, PROGRAMS))
    assert any(path.suffix == ".png" for path in pictures) == has_browser
    assert bool(said) != has_browser


def test_pictures_are_of_what_was_measured_and_has_a_limit_to_be_shown_by() -> None:
    lines = [Line("a", 2.0, 1.0, "ms"), Line("b", 0, 0, ""), Line("c", 2.0, None, "ms")]

    [shares] = table.charts([Outcome("", None, lines)])

    assert isinstance(shares, Shares)
    assert shares.rows == [("a", 0.5, "1, ≤ 2 ms", True)]
    assert table.charts([Outcome("", None)]) == []


def test_a_measurement_as_long_as_the_targets_say_lacks_nothing() -> None:
    assert table.lacking(Chosen()) == {}
    assert table.lacking(Chosen(seconds=5, runs=3, events=1_000_000)) == {"seconds": 5}


def test_every_suite_of_the_table_but_growth_can_be_named_alone() -> None:
    assert set(TABLE) - {"growth"} <= set(SUITES)
