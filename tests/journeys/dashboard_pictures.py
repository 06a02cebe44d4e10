"""Take the documentation's picture of a dashboard again: python -m tests.journeys.dashboard_pictures docs/pictures."""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser

from ops.browser import chromium
from ops.dashboards import overview
from ops.dashboards.board import Board
from ops.dashboards.draw import drawn, first_choice
from ops.simulators import directory
from ops.simulators.wire import Pace
from tests.journeys.idp import Idp
from tests.journeys.pictures import take
from tests.journeys.processes import Processes
from tests.journeys.prometheus import watching
from tests.journeys.system import Muster, NewList, running

# Provider, users, requests a second: all day a little, and in the midst of it one who sends a thousand at once.
STEADY = [("okta", 450, 8.0), ("onelogin", 220, 4.0), ("pingone", 220, 4.0)]
BURST: list[tuple[str, int, float | None]] = [("entra", 120, 9.0), ("entra", 1_000, 130.0), ("entra", 100, 9.0)]
DOUBTS, DOUBTS_RATE = 60, 0.5
STALL_AFTER, STALL_FOR = 55, 10  # seconds: what a worker that hangs looks like


def day(muster: Muster) -> None:
    """What the picture shows: some minutes in which four providers push, and some of it is refused."""
    lists = {name: muster.new_list(name=name) for name in ("okta", "onelogin", "pingone", "entra")}
    steady = [
        lambda name=name, users=users, rate=rate: push(lists[name], name, users, rate, 0)
        for name, users, rate in STEADY
    ]
    acts: list[Callable[[], None]] = [
        *steady,
        lambda: burst(lists["entra"]),
        lambda: doubts(muster, lists["okta"]),
        lambda: stall(muster),
    ]
    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(act) for act in acts]:
            done.result()
    for one in lists.values():
        muster.settled(one.list_id)


def push(one: NewList, name: str, users: int, rate: float | None, seed: int) -> None:
    """A provider's day."""
    idp = directory.IDPS[name]()
    directory.run(idp, one.base_url, one.token, users, 0.3, 0.1, 4, rate=rate, seed=seed)


def burst(one: NewList) -> None:
    """A provider who sends a lot at once."""
    for seed, (name, users, rate) in enumerate(BURST):
        push(one, name, users, rate, seed)


def stall(muster: Muster) -> None:
    """For some seconds no worker works."""
    time.sleep(STALL_AFTER)
    # The last of them serves the metrics.
    workers = Processes(muster).members("workers")[:-1]
    for process in workers:
        process.suspend()
    time.sleep(STALL_FOR)
    for process in workers:
        process.resume()


def doubts(muster: Muster, one: NewList) -> None:
    """Users without a name, a token of nobody, and somebody at the console."""
    pace = Pace(DOUBTS_RATE)
    with Idp.of(one) as idp:
        for _ in range(DOUBTS):
            pace.wait()
            idp.post({"userName": " "})
            idp.http.get(f"{muster.ready['console_url']}/lists")
            idp.http.get(f"{one.base_url}/Users", headers={"Authorization": "Bearer sct_of_nobody"})


def picture(browser: Browser, svg: str, path: Path) -> None:
    """SVG as PNG."""
    page = browser.new_page(viewport={"width": 1592, "height": 900})
    page.set_content(f'<body style="margin:0">{svg}</body>')
    height = page.evaluate("document.querySelector('svg').getBoundingClientRect().height")
    page.set_viewport_size({"width": 1592, "height": int(height)})
    take(page, path)
    page.close()


def main(folder: Path, boards: Sequence[Board]) -> None:
    """Each of the dashboards."""
    with ExitStack() as stack:
        own = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mp")))
        browser = stack.enter_context(chromium())
        assert browser is not None
        options = ("--no-demo", "--ingress", "2", "--workers", "2")
        muster = stack.enter_context(running(*options, MUSTER_LIST_METRICS="10", MUSTER_WATCH_DISKS="/"))
        watch = stack.enter_context(watching(muster, own))
        day(muster)
        watch.scraped()
        shown = watch.until_now()
        for board in boards:
            picture(browser, drawn(board, shown, first_choice(shown)), folder / f"{board.name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [overview.BOARD])
