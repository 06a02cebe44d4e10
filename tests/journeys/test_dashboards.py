"""Every panel of every dashboard, asked of a real Prometheus that watches a running stack, has something to show."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import burst
from models.burst import Minute
from models.database import Cursor
from models.directory.schedule import Schedule
from ops.dashboards.__main__ import BOARDS
from ops.dashboards.asking import Prometheus, Series, panels
from ops.dashboards.draw import first_choice
from ops.simulators import directory
from tests.factories import user
from tests.journeys.directories import fail, synced
from tests.journeys.idp import Idp
from tests.journeys.prometheus import watching
from tests.journeys.system import Muster, NewList, running
from tests.journeys.waiting import eventually
from tests.models.test_log_page import write
from tests.ops.test_dashboards import queries

pytestmark = [pytest.mark.journey, pytest.mark.needs("prometheus")]

USERS, GROUPS = 20, 2
BURST_CHANGES = 400
SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """What Prometheus knows after two providers' days, some refusals, runs that fail, and a burst that is over."""
    folder = tmp_path_factory.mktemp("prometheus")
    with ExitStack() as stack:
        muster = stack.enter_context(
            running("--no-demo", MUSTER_LIST_METRICS="10", MUSTER_WATCH_DISKS=f"{folder}, /tmp")
        )
        watch = stack.enter_context(watching(muster, folder))
        lists = {name: muster.new_list() for name in ("okta", "entra")}
        pulled = synced(muster, Schedule())
        for list_id in (pulled, lists["entra"].list_id):
            past_burst(muster, list_id)
        # Counters with labels begin with their first request: what they grow by shows from the second round on.
        for seed in range(2):
            day(muster, lists, seed)
            fail(muster, pulled)
            watch.scraped()
        eventually(lambda: watch.value("sum(increase(muster_burst_changes_count[1m]))") >= 1, 30, "a burst's end")
        yield watch.until_now()


def day(muster: Muster, lists: dict[str, NewList], seed: int) -> None:
    """Users and groups of two providers; a bad token, a user without a name, and nobody at the console and the API."""
    for name, one in lists.items():
        report = directory.run(directory.IDPS[name](), one.base_url, one.token, USERS, 0.3, 0.1, GROUPS, seed=seed)
        assert report["failures"] == []
    with Idp.of(lists["okta"]) as idp:
        assert idp.post({"userName": " "}).status_code == 400
        assert idp.lookup(user("nobody@north.example")["userName"]).status_code == 200
        idp.http.headers["Authorization"] = "Bearer sct_of_nobody"
        assert idp.get("anybody").status_code == 401
        assert idp.http.get(f"{muster.ready['console_url']}/lists").status_code == 303
        assert idp.http.get(f"{muster.ready['console_url']}/api/v1/lists").status_code == 401
    for one in lists.values():
        muster.settled(one.list_id)


def past_burst(muster: Muster, list_id: str) -> None:
    """What a provider has sent half an hour ago, as ingress counts it and workers log it."""
    begun = datetime.now(UTC) - timedelta(minutes=30)
    minute = Minute(list_id, begun.replace(second=0, microsecond=0), begun, begun + 20 * SECOND, BURST_CHANGES)
    minute.changes, minute.per_second[begun.second] = BURST_CHANGES, 60

    def act(cursor: Cursor) -> None:
        write(cursor, list_id, at=begun + SECOND, applied_at=begun + 2 * SECOND)
        burst.note(cursor, [minute])

    muster.in_transaction(act, list_id)


def shows(target: Any, found: list[Series]) -> bool:
    """Whether there are values, and the labels that the legend is written from."""
    labels = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
    return any(series.values and labels <= set(series.labels) for series in found)


@pytest.mark.parametrize("board", BOARDS, ids=[board.name for board in BOARDS])
def test_every_panel_has_something_to_show(watched: Prometheus, board: Any) -> None:
    chosen = first_choice(watched)

    empty = [
        f"{panel['title']}: {target['expr']}"
        for panel in panels(board.document())
        for target in panel["targets"]
        if not shows(target, watched.answers(target, chosen))
    ]

    assert empty == []


def test_every_metric_that_a_dashboard_names_is_there(watched: Prometheus) -> None:
    asked = {name for board in BOARDS for name in re.findall(r"\bmuster_\w+", " ".join(queries(board.document())))}

    assert asked - set(watched.values_of("__name__", '{__name__=~"muster_.*"}')) == set()
